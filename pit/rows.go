package pit

import (
	"context"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Rows are entity rows in their order. So many of them as were read ahead are
// held in memory; the rest is read by who answers the query, once, and never
// held. Only the times and keys of EntityTable go to an engine: the other
// columns need not be sent, and come out exactly as they came in.
type Rows struct {
	Schema   *arrow.Schema // of the entity rows
	From, To time.Time     // the oldest and the newest time; zero where there is none, or where not all rows are held

	index *arrow.Schema // what they are looked up by: at, k0, k1, …
	held  []part
	rest  parts // nil where all rows are held, or read
	kept  *spill
	owned array.RecordReader // released with the rows; may be nil
	mem   memory.Allocator
}

// part is a batch of entity rows and, row by row, what they are looked up by.
type part struct {
	rows, index arrow.RecordBatch
	size        int64 // bytes
}

func (p part) release() {
	for _, b := range []arrow.RecordBatch{p.rows, p.index} {
		if b != nil {
			b.Release()
		}
	}
}

// parts returns one part after the other; false is their end, or an error.
type parts func() (part, bool, error)

// ReadRows reads entity rows ahead until they take ahead bytes; a reader with
// more rows is read on while the query is answered, so it has to live as long
// as the rows do. A column that is missing, a time that is none, a key that
// does not fit its declared type are CodeInvalid, here or later.
func ReadRows(ctx context.Context, reader array.RecordReader, timestamp string, views []*View, ahead int64, mem memory.Allocator) (*Rows, error) {
	var names []string
	for _, f := range reader.Schema().Fields() {
		names = append(names, f.Name)
	}
	if err := CheckEntities(names, timestamp, views); err != nil {
		return nil, err
	}
	ix := newIndexer(reader, timestamp, Keys(views), mem)
	rows := &Rows{Schema: reader.Schema(), index: ix.schema, rest: ix.next, mem: mem}
	return rows, rows.readAhead(ctx, ahead)
}

// SelectedRows is ReadRows for the rows of what Selected renders. It owns the
// reader, also where it fails.
func SelectedRows(ctx context.Context, reader array.RecordReader, q *Query, ahead int64, mem memory.Allocator) (*Rows, error) {
	s := &selection{reader: reader, keys: 1 + len(Keys(q.Views))}
	fields := reader.Schema().Fields()
	s.index, s.rows = arrow.NewSchema(fields[:s.keys], nil), arrow.NewSchema(fields[s.keys:], nil)
	rows := &Rows{Schema: s.rows, index: s.index, rest: s.next, owned: reader, mem: mem}
	return rows, rows.readAhead(ctx, ahead)
}

// readAhead holds rows until they take so many bytes. After an error the rows
// are released.
func (r *Rows) readAhead(ctx context.Context, bytes int64) error {
	for bytes > 0 {
		p, ok, err := r.rest()
		if err == nil {
			err = ctx.Err()
		}
		switch {
		case err != nil:
			p.release()
			r.Release()
			return err
		case !ok:
			r.rest = nil
			r.span()
			return nil
		}
		r.held = append(r.held, p)
		bytes -= p.size
	}
	return nil
}

// span finds the oldest and the newest time of the rows held.
func (r *Rows) span() {
	seen := false
	var oldest, newest arrow.Timestamp
	for _, p := range r.held {
		times := p.index.Column(0).(*array.Timestamp)
		for i, at := range times.TimestampValues() {
			switch {
			case times.IsNull(i):
			case !seen:
				oldest, newest, seen = at, at, true
			default:
				oldest, newest = min(oldest, at), max(newest, at)
			}
		}
	}
	if seen {
		r.From, r.To = time.UnixMicro(int64(oldest)).UTC(), time.UnixMicro(int64(newest)).UTC()
	}
}

// All reports whether all rows are held, so that From and To are theirs.
func (r *Rows) All() bool { return r.rest == nil }

// next hands over the next part, which is then the caller's.
func (r *Rows) next() (part, bool, error) {
	if len(r.held) > 0 {
		p := r.held[0]
		r.held = r.held[1:]
		return p, true, nil
	}
	if r.rest == nil {
		return part{}, false, nil
	}
	p, ok, err := r.rest()
	if !ok {
		r.rest = nil
	}
	return p, ok, err
}

// Release gives the rows' memory back. What reads them has ended.
func (r *Rows) Release() {
	for _, p := range r.held {
		p.release()
	}
	r.held, r.rest = nil, nil
	if r.kept != nil {
		r.kept.close()
		r.kept = nil
	}
	if r.owned != nil {
		r.owned.Release()
		r.owned = nil
	}
}

// CheckEntities reports the columns that the entity rows lack, CodeInvalid.
func CheckEntities(names []string, timestamp string, views []*View) error {
	if !slices.Contains(names, timestamp) {
		return asof.Errorf(asof.CodeInvalid, "the entity rows have no column %q, their time%s", timestamp, known(timestamp, names))
	}
	for _, v := range views {
		for _, k := range v.Keys {
			if !slices.Contains(names, k.Entity) {
				return asof.Errorf(asof.CodeInvalid, "the entity rows have no column %q, a join key of feature view %q%s",
					k.Entity, v.View, known(k.Entity, names))
			}
		}
	}
	return nil
}
