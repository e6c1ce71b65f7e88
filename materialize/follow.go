package materialize

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Follow makes the online store follow a publication: it copies exactly the
// rows of asOf, wherever the watermark is, and sets right the keys that a
// corrected file has dropped. Those hold the newest row that is left of them,
// among all that was materialized; where none is left they are removed. Doing
// so for a key that holds a newer row already changes nothing, so Follow may be
// repeated after a crash.
//
// Dropped keys concern every view that has the same join keys. The cause is
// what the ledger says, as "pipeline ingest_month".
func (m *Materializer) Follow(ctx context.Context, asOf time.Time, names []string, changes []asof.TableChange, cause string) ([]Result, error) {
	views, err := m.views(ctx, names)
	if err != nil {
		return nil, err
	}
	asOf = asOf.UTC().Truncate(time.Microsecond)
	return m.each(ctx, views, func(ctx context.Context, v *asof.FeatureView, r *Result) error {
		entries, err := m.entries(ctx, v)
		if err != nil {
			return err
		}
		r.Span = asof.Interval{From: asOf, To: asOf}
		return m.recorded(ctx, v, r, cause, func(m *Materializer, q asof.ViewQuery) error {
			if err := m.pull(ctx, v, q, r); err != nil {
				return err
			}
			if err := m.setRight(ctx, v, q, changes, later(asOf, asof.Covered(entries).End), r); err != nil {
				return err
			}
			if r.Restored+r.Removed > 0 {
				r.note(fmt.Sprintf("of the keys that corrected files dropped, %d hold the newest row left of them, and %d were removed", r.Restored, r.Removed))
			}
			return nil
		})
	})
}

// setRight restores the keys that the tables have dropped, each once.
func (m *Materializer) setRight(ctx context.Context, v *asof.FeatureView, q asof.ViewQuery, changes []asof.TableChange, until time.Time, r *Result) error {
	keys, err := droppedKeys(changes, q)
	if err != nil || keys == nil {
		return err
	}
	defer keys.Release()
	left, err := m.all(ctx, &asof.Latest{View: q, To: until, Keys: keys})
	if err != nil {
		return err
	}
	if left != nil {
		defer left.Release()
		r.Restored += left.NumRows()
	}
	gone, err := without(keys, left)
	if err != nil {
		return err
	}
	if gone != nil {
		defer gone.Release()
		r.Removed += gone.NumRows()
	}
	return m.Online.Restore(ctx, m.Project, v, left, gone)
}

// droppedKeys returns the keys that any of the tables has dropped, without
// duplicates; nil where there are none.
func droppedKeys(changes []asof.TableChange, q asof.ViewQuery) (arrow.RecordBatch, error) {
	var parts []arrow.RecordBatch
	defer func() { releaseAll(parts) }()
	for _, c := range changes {
		if c.Dropped == nil || c.Dropped.NumRows() == 0 {
			continue
		}
		keys, err := keysOf(c.Dropped, q)
		if err != nil {
			return nil, err
		}
		if keys != nil {
			parts = append(parts, keys)
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	all, err := concat(parts)
	if err != nil {
		return nil, err
	}
	defer all.Release()
	return without(all, nil)
}

// keysOf returns a table's rows as join keys of a view, in the view's types;
// nil where the table lacks one of them or the view has none.
func keysOf(rows arrow.RecordBatch, q asof.ViewQuery) (arrow.RecordBatch, error) {
	if len(q.Keys) == 0 {
		return nil, nil
	}
	fields := make([]arrow.Field, len(q.Keys))
	columns := make([]arrow.Array, 0, len(q.Keys))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, k := range q.Keys {
		at := rows.Schema().FieldIndices(k.Column)
		if len(at) != 1 {
			return nil, nil
		}
		column, err := asof.Cast(rows.Column(at[0]), k.Type, memory.DefaultAllocator)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "the keys that were dropped: column %q: %w", k.Column, err)
		}
		columns = append(columns, column)
		fields[i] = arrow.Field{Name: k.Entity, Type: column.DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rows.NumRows()), nil
}

// without returns the keys that no row of rows has, each once; nil where there
// are none.
func without(keys, rows arrow.RecordBatch) (arrow.RecordBatch, error) {
	present := map[string]bool{}
	if rows != nil {
		for i := range int(rows.NumRows()) {
			present[keyText(rows, keys.Schema(), i)] = true
		}
	}
	var parts []arrow.RecordBatch
	defer func() { releaseAll(parts) }()
	for i := range int(keys.NumRows()) {
		if key := keyText(keys, keys.Schema(), i); !present[key] {
			present[key] = true
			parts = append(parts, keys.NewSlice(int64(i), int64(i)+1))
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return concat(parts)
}

// keyText is the key of row i as text, by which keys are compared.
func keyText(rows arrow.RecordBatch, keys *arrow.Schema, i int) string {
	var b strings.Builder
	for _, f := range keys.Fields() {
		text := rows.Column(rows.Schema().FieldIndices(f.Name)[0]).ValueStr(i)
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "|", `\|`))
		b.WriteByte('|')
	}
	return b.String()
}
