package historical

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/receipt"
)

// Sets are the training sets of a repository, as a server shows, makes and hands
// them out. All but Snapshots and Permit is needed.
type Sets struct {
	Project  string
	Dir      string                                // the repository
	Folder   string                                // in which those that are made here go, each in a folder of its own
	Receipts receipt.Folder                        // of all of them
	Ask      func(context.Context, *Request) error // fills in what every request for training data needs of the repository

	// Tables are the warehouse's that training sets were written into, by name,
	// with their IDs. Table reads one of them, its first rows where limit is
	// not 0; the caller releases the reader.
	Tables func(context.Context) (map[string]string, error)
	Table  func(ctx context.Context, name string, limit int) (array.RecordReader, error)

	// Snapshots are the tables of snapshots of which entity rows can be made; nil:
	// there are none.
	Snapshots func(context.Context) ([]SnapshotTable, error)

	// Permit refuses a caller who may not read the history of objects; nil:
	// everybody may.
	Permit func(context.Context, *asof.Snapshot, ...asof.Object) error

	Jobs Jobs // what is under way
}

// SnapshotTable is a table of a pipeline's snapshots.
type SnapshotTable struct {
	Name    string
	Keys    []string
	Columns []string    // the others, without as_of
	Days    []time.Time // that have a snapshot, newest first

	// SQL selects the keys of a day's rows with the day as event_timestamp, and a
	// column of Columns where label is not "".
	SQL func(day time.Time, label string) string `json:"-"`
}

// Set is a training set that was made.
type Set struct {
	*receipt.Receipt
	State receipt.State `json:"state"`
}

// List returns the newest sets, so many at most, how many more there are, and
// what is wrong with receipts that cannot be read, or with the warehouse.
func (s *Sets) List(ctx context.Context, most int) (list []Set, more int, wrong []error, err error) {
	kept, more, wrong, err := s.Receipts.Newest(s.Project, most)
	if err != nil {
		return nil, 0, nil, err
	}
	var tables map[string]string
	if slices.ContainsFunc(kept, func(r *receipt.Receipt) bool { return r.Table != "" }) {
		if tables, err = s.Tables(ctx); err != nil {
			wrong = append(wrong, fmt.Errorf("the tables of training sets can't be looked up: %w", err))
		}
	}
	for _, r := range kept {
		list = append(list, Set{r, r.State(s.Dir, tables)})
	}
	return list, more, wrong, nil
}

// Find returns the set of an ID, which may come from anybody. What is not there
// is CodeNotFound.
func (s *Sets) Find(ctx context.Context, id string) (Set, error) {
	r, err := s.Receipts.Get(s.Project, id)
	if err != nil {
		return Set{}, err
	}
	var tables map[string]string
	if r.Table != "" {
		tables, _ = s.Tables(ctx) // what is not known is the state Unknown
	}
	return Set{r, r.State(s.Dir, tables)}, nil
}

// Readable returns why the caller may not read the rows of a set: those of its
// views, and of all data sources where its entity rows came from SQL.
func (s *Sets) Readable(ctx context.Context, old *receipt.Receipt) error {
	if s.Permit == nil {
		return nil
	}
	var r Request
	if err := s.Ask(ctx, &r); err != nil {
		return err
	}
	var read []asof.Object
	for _, name := range ViewsOf(r.Snapshot, old) {
		v := r.Snapshot.Object(asof.KindFeatureView, name)
		if v == nil {
			return asof.Errorf(asof.CodeForbidden, "training set %s was made from feature view %q, which is not registered any more: who may read it is not known", old.ID, name)
		}
		read = append(read, v)
	}
	if old.Request.Entities.SQL != "" {
		read = append(read, r.Snapshot.Objects(asof.KindDataSource)...)
	}
	return s.Permit(ctx, r.Snapshot, read...)
}

// ViewsOf returns the names of the feature views that a set was made from, by
// their own names where a service gives them others.
func ViewsOf(snapshot *asof.Snapshot, r *receipt.Receipt) (names []string) {
	for _, v := range r.Views {
		name := v.Name
		if snapshot.Object(asof.KindFeatureView, name) == nil {
			for _, service := range snapshot.Services() {
				at := slices.IndexFunc(service.Projections, func(p asof.Projection) bool { return p.Alias == v.Name })
				if at >= 0 {
					name = service.Projections[at].View
				}
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Changed says what a set was made from differs now: the definitions and the
// sources, as far as a receipt knows them. None: nothing does.
func (s *Sets) Changed(ctx context.Context, old *receipt.Receipt) ([]string, error) {
	var r Request
	if err := s.Ask(ctx, &r); err != nil {
		return nil, err
	}
	r.repeat(old.Request)
	chosen, err := r.choose()
	if err != nil {
		return nil, err
	}
	d := r.draft(ctx, chosen)
	defer d.release()
	if err := d.sources.Wait(); err != nil {
		return nil, err
	}
	now := *old
	now.Asof, now.Views, now.Sources = r.Version, d.Views, d.Sources
	for i := range now.Sources {
		n := &now.Sources[i]
		if at := slices.IndexFunc(old.Sources, func(o receipt.Source) bool { return o.Name == n.Name }); at >= 0 {
			n.Connection, n.Place = old.Sources[at].Connection, old.Sources[at].Place
		}
	}
	return receipt.Changes(old, &now), nil
}
