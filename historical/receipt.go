package historical

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// draft is a receipt that is not complete yet.
type draft struct {
	*receipt.Receipt
	sources *errgroup.Group // asks what the sources hold
	stop    context.CancelFunc
}

// draft begins the receipt of an answer: what is asked for, and what the
// sources hold, which is found out while they are read.
func (r *Request) draft(ctx context.Context, c *choice) *draft {
	d := &draft{Receipt: &receipt.Receipt{Asof: r.Version, By: r.By, Started: time.Now().UTC(), Output: r.named(r.Output), Table: r.Table, Request: receipt.Request{
		Features: r.References, Service: r.Service, FullNames: r.FullNames, Label: r.Label, Cutoff: r.CreatedCutoff, Entities: r.entitiesNamed()}}}
	if p := r.Snapshot.Project(); p != nil {
		d.Project = p.Name
	}
	var sources []*asof.DataSource
	for i := range c.views {
		v := &c.views[i]
		d.Views = append(d.Views, receipt.ViewOf(v))
		if !slices.ContainsFunc(sources, func(s *asof.DataSource) bool { return s.Name == v.Source.Name }) {
			sources = append(sources, v.Source)
		}
	}
	d.Sources = make([]receipt.Source, len(sources))
	ctx, d.stop = context.WithCancel(ctx)
	d.sources, ctx = errgroup.WithContext(ctx)
	d.sources.SetLimit(surveyed)
	for i, source := range sources {
		d.sources.Go(func() error {
			span, err := r.Store.Range(ctx, source)
			d.Sources[i] = receipt.Source{Name: source.Name, Rows: span.Rows, Oldest: span.Oldest, Newest: span.Newest}
			return err
		})
	}
	return d
}

// surveyed is how many sources are asked at once for what they hold.
const surveyed = 2

// release ends what is still asked.
func (d *draft) release() {
	if d != nil {
		d.stop()
		_ = d.sources.Wait() // nobody wants to know any more
	}
}

func (r *Request) entitiesNamed() receipt.Entities {
	e := receipt.Entities{SQL: r.Entities.SQL, JSON: r.Entities.JSON}
	if r.Entities.Path != "" {
		e.Path = r.named(r.Entities.Path)
	}
	if span := r.Entities.Events; span != nil {
		for _, t := range []struct {
			from time.Time
			to   **time.Time
		}{{span.From, &e.From}, {span.To, &e.To}, {span.At, &e.At}} {
			if !t.from.IsZero() {
				*t.to = &t.from
			}
		}
	}
	return e
}

// named returns how a receipt names a file: from the repository on where it is
// in there, else from the root.
func (r *Request) named(path string) string {
	full, err := filepath.Abs(path)
	if err != nil || path == "" {
		return path
	}
	if dir, err := filepath.Abs(r.Dir); err == nil {
		if within, err := filepath.Rel(dir, full); err == nil && !strings.HasPrefix(within, "..") {
			return filepath.ToSlash(within)
		}
	}
	return full
}

// seal completes the receipt of rows that were read to their end.
func (t *tally) seal() (*receipt.Receipt, error) {
	if err := t.draft.sources.Wait(); err != nil {
		return nil, err
	}
	t.draft.Finished = time.Now().UTC()
	for _, p := range t.pulls {
		i := slices.IndexFunc(t.draft.Sources, func(s receipt.Source) bool { return s.Name == p.Source })
		t.draft.Sources[i].Connection, t.draft.Sources[i].Place = p.Connection, p.Place
	}
	t.draft.Seal(t.hash, t.entities.columns)
	return t.draft.Receipt, nil
}

// Reproduce makes the training set of a receipt again, from the definitions and
// the data as they are now, and returns its receipt, and what differs between
// the two. Equal Contents are the same training set, whatever differs besides.
//
// Of r the request is the receipt's; Output may be empty, for no file. A mistake
// in the request, such as a feature that is gone, is an error.
func Reproduce(ctx context.Context, r Request, old *receipt.Receipt) (*receipt.Receipt, []string, error) {
	r.repeat(old.Request)
	r.receipted = true
	if r.Output != "" {
		result, err := Run(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		return result.Receipt, receipt.Changes(old, result.Receipt), nil
	}
	answer, err := r.ask(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Release()
	counted := newTally(answer, r.Progress)
	if err := counted.each(ctx, func(arrow.RecordBatch) error { return nil }); err != nil {
		return nil, nil, err
	}
	now, err := counted.result()
	if err != nil {
		return nil, nil, err
	}
	return now.Receipt, receipt.Changes(old, now.Receipt), nil
}

// repeat asks for what a receipt says was asked for.
func (r *Request) repeat(q receipt.Request) {
	r.References, r.Service, r.FullNames, r.Label, r.CreatedCutoff = q.Features, q.Service, q.FullNames, q.Label, q.Cutoff
	r.Entities = Entities{Path: q.Entities.Path, SQL: q.Entities.SQL, JSON: q.Entities.JSON}
	if r.Entities.Path != "" && !filepath.IsAbs(r.Entities.Path) {
		r.Entities.Path = filepath.Join(r.Dir, filepath.FromSlash(r.Entities.Path))
	}
	if e := q.Entities; e.From != nil || e.To != nil || e.At != nil {
		r.Entities.Events = &asof.Events{From: timeOf(e.From), To: timeOf(e.To), At: timeOf(e.At)}
	}
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
