package answerlog

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/statistics"
)

// Served describes what was served: an [asof.Profiler] of the logs of answers,
// by the time of the answer. What was answered without a value, because there
// was no row, none that is young enough, or a null in it, is a NULL; a feature
// that was not asked for is no row.
type Served struct {
	Snapshot *asof.Snapshot // whose feature services say where they log
	Dir      string         // what relative folders of theirs start from
	Folder   string         // of Options
}

var _ asof.Profiler = (*Served)(nil)

// place is a folder that answers of a view are in, and what stands before the
// names of its features there.
type place struct{ folder, prefix string }

// places returns where answers of a view may be, each folder and prefix once.
func (s *Served) places(view string) []place {
	all := []place{{ViewFolder(s.Folder, view), view}}
	for _, service := range s.Snapshot.Services() {
		folder, err := feastconv.LocalPath(s.Dir, feastconv.Logging(service).GetFileDestination().GetPath())
		if err != nil { // it logs nowhere, or not here
			continue
		}
		for i := range service.Projections {
			p := place{folder, PrefixOf(&service.Projections[i])}
			if service.Projections[i].View == view && !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// Profile describes the features of a view in the answers of a span of time.
// That nothing was logged gives profiles of no rows.
func (s *Served) Profile(ctx context.Context, q *asof.ProfileQuery) ([]asof.Profile, error) {
	found, err := s.files(q.View.View)
	if err != nil {
		return nil, err
	}
	var rows int64
	for _, l := range found {
		n, err := l.rows()
		if err != nil {
			return nil, err
		}
		rows += n
	}
	share := 1.0
	if exact := exactly(q); rows > exact {
		share = float64(exact) / float64(rows)
	}
	var descriptions []*statistics.Description
	for _, f := range q.View.Features {
		descriptions = append(descriptions, statistics.Describe(f.Output, f.Type, q.Edges[f.Output], share))
	}
	for _, l := range found {
		if err := l.describe(ctx, q, descriptions); err != nil {
			return nil, err
		}
	}
	profiles := make([]asof.Profile, len(descriptions))
	for i, d := range descriptions {
		profiles[i] = d.Profile()
	}
	return profiles, nil
}

// Logged says how many rows of a view there are in the logs, and from when to
// when they were answered.
func (s *Served) Logged(ctx context.Context, view string) (r asof.SourceRange, err error) {
	found, err := s.files(view)
	if err != nil {
		return r, err
	}
	var oldest, newest int64
	for _, l := range found {
		err := l.read(ctx, func(name string) bool { return name == logTime }, func(batch arrow.RecordBatch) {
			at, ok := asof.Instants(batch.Column(0), asof.RoundDown)
			for row := 0; ok && row < int(batch.NumRows()); row++ {
				us := at(row)
				if r.Rows++; r.Rows == 1 {
					oldest, newest = us, us
				}
				oldest, newest = min(oldest, us), max(newest, us)
			}
		})
		if err != nil {
			return r, err
		}
	}
	if r.Rows > 0 {
		r.Oldest, r.Newest = time.UnixMicro(oldest).UTC(), time.UnixMicro(newest).UTC()
	}
	return r, nil
}

func exactly(q *asof.ProfileQuery) int64 {
	if q.Exact > 0 {
		return q.Exact
	}
	return asof.ProfileExact
}

// Oldest returns when the first answer was given that is logged of any view; zero
// where none is.
func (s *Served) Oldest(ctx context.Context) (oldest time.Time, err error) {
	for _, v := range s.Snapshot.Views() {
		r, err := s.Logged(ctx, v.Name)
		if err != nil {
			return oldest, err
		}
		if r.Rows > 0 && (oldest.IsZero() || r.Oldest.Before(oldest)) {
			oldest = r.Oldest
		}
	}
	return oldest, nil
}

// files returns the files that answers of a view may be in.
func (s *Served) files(view string) (found []logged, err error) {
	for _, p := range s.places(view) {
		err := filepath.WalkDir(p.folder, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && filepath.Ext(path) == ".parquet" && e.Name()[0] != '.' {
				found = append(found, logged{path, p.prefix})
			}
			return gone(err)
		})
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "the logs of answers in %s can't be read: %w", p.folder, err)
		}
	}
	return found, nil
}

// logged is a file of a log.
type logged struct{ path, prefix string }

// open opens the file; nil where it is not there any more.
func (l logged) open() (*file.Reader, error) {
	r, err := file.OpenParquetFile(l.path, false)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, l.fault(err)
	}
	return r, nil
}

func (l logged) fault(err error) error {
	return asof.Errorf(asof.CodeInvalid, "the log of answers %s can't be read: %w; remove it, if it is no log", l.path, err)
}

func (l logged) rows() (int64, error) {
	r, err := l.open()
	if r == nil {
		return 0, err
	}
	defer r.Close()
	return r.NumRows(), nil
}

// describe adds the rows of the file that are within the query's span.
func (l logged) describe(ctx context.Context, q *asof.ProfileQuery, into []*statistics.Description) error {
	wanted := map[string]bool{logTime: true}
	for _, f := range q.View.Features {
		name := l.prefix + "__" + f.Output
		wanted[name], wanted[name+statusSuffix] = true, true
	}
	return l.read(ctx, func(name string) bool { return wanted[name] }, func(batch arrow.RecordBatch) { l.add(batch, q, into) })
}

// read goes through the rows of the file, with the wanted columns that it has; the
// time of the answer has to be among them.
func (l logged) read(ctx context.Context, wanted func(column string) bool, each func(arrow.RecordBatch)) error {
	r, err := l.open()
	if r == nil {
		return err
	}
	defer r.Close()
	var places []int // of lists those of their elements
	timed := false
	schema := r.MetaData().Schema
	for i := range schema.NumColumns() {
		if name := schema.ColumnRoot(i).Name(); wanted(name) {
			places, timed = append(places, i), timed || name == logTime
		}
	}
	if !timed {
		return l.fault(asof.Errorf(asof.CodeInvalid, "it has no column %s", logTime))
	}
	rows, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		return l.fault(err)
	}
	records, err := rows.GetRecordReader(ctx, places, nil)
	if err != nil {
		return l.fault(err)
	}
	defer records.Release()
	for records.Next() {
		each(records.RecordBatch())
	}
	if err := records.Err(); err != nil && ctx.Err() == nil {
		return l.fault(err)
	}
	return ctx.Err()
}

// add adds the rows of a batch that are within the query's span.
func (l logged) add(batch arrow.RecordBatch, q *asof.ProfileQuery, into []*statistics.Description) {
	column := func(name string) arrow.Array {
		if at := batch.Schema().FieldIndices(name); len(at) == 1 {
			return batch.Column(at[0])
		}
		return nil
	}
	times := column(logTime)
	at, ok := asof.Instants(times, asof.RoundDown)
	if !ok {
		return
	}
	var within []int
	for row := range times.Len() {
		if us := at(row); !times.IsNull(row) && us <= q.To.UnixMicro() && (q.From.IsZero() || us >= q.From.UnixMicro()) {
			within = append(within, row)
		}
	}
	for i, f := range q.View.Features {
		values := column(l.prefix + "__" + f.Output)
		statuses, ok := column(l.prefix + "__" + f.Output + statusSuffix).(*array.Int32)
		if values == nil || !ok {
			continue
		}
		for _, row := range within {
			switch {
			case statuses.IsNull(row): // it was not asked for
			case asof.Status(statuses.Value(row)) == asof.StatusPresent:
				into[i].Add(values, row)
			default:
				into[i].Null()
			}
		}
	}
}
