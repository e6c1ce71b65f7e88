package pit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"
)

// Scan renders the query for the rows of a view that entity rows can match:
// its keys, event, created where it has one, and the features asked for.
// Conditions on k0, k1, …, its keys, may leave out rows that none matches.
func Scan(d Dialect, q *Query, v *View, conditions ...string) string {
	r := &renderer{Dialect: d, keys: Keys(q.Views)}
	r.source(v, "asof_source AS ", r.within(q, v), conditions)
	return r.sql("SELECT " + r.scanned(v) + "\nFROM asof_source AS s")
}

// RowBytes returns how many bytes a row of the view takes in Join, about.
func (v *View) RowBytes() int64 { return v.lookedUpBytes() + 8*int64(len(v.Features)) }

// lookedUpBytes returns what the keys and times of a row take as numbers, once
// in the order of the scan and once in that of the keys.
func (v *View) lookedUpBytes() int64 {
	if v.Created != "" {
		return 4 + 8 + 8 + 4 + 8 + 8
	}
	return 4 + 8 + 4 + 8
}

// scanned returns what is selected of a view's rows for a join elsewhere.
func (r *renderer) scanned(v *View) string {
	var columns []string
	for _, k := range v.keyNames() {
		columns = append(columns, "s."+k)
	}
	columns = append(columns, "s.event")
	if v.Created != "" {
		columns = append(columns, "s.created")
	}
	for i, f := range v.Features {
		columns = append(columns, r.Value("s."+v.read(f.Column), v.columns[f.Column], f.Type)+numbered(" AS v", i))
	}
	return strings.Join(columns, ",\n  ")
}

// Selected renders the SELECT of the entity rows, in their order: what they are
// looked up by, then their own columns. SelectedRows reads it.
func Selected(d Dialect, q *Query) string {
	r := &renderer{Dialect: d, keys: Keys(q.Views)}
	lookedUp, own := r.entityColumns(q.Select)
	for i, c := range q.Select.Columns {
		own[i] += " AS " + d.Quote(c.Name)
	}
	sql := "SELECT " + strings.Join(append(lookedUp, own...), ", ") + "\nFROM (\n" + q.Select.SQL + "\n) AS q"
	if order := r.eventOrder(q.Select); len(order) > 0 {
		sql += "\nORDER BY " + strings.Join(order, ", ")
	}
	return sql
}

// scansAtOnce bounds how many sources are read side by side: the engine holds
// what it has read until it is taken.
const scansAtOnce = 2

// Join answers q in memory: what HistoricalAnswer gives of the rows that
// Historical selects. The engine only scans the sources, side by side; each
// view's rows are kept by key and time, and the entity rows are looked up in
// them part by part, so nothing is sorted that comes in order, and the answer
// streams. Where all entity rows are held, only source rows of their keys are
// looked at.
//
// scan runs what Scan renders for a view; it is called by several goroutines.
// The views' rows may take budget bytes in all. Rows that are not for this plan
// are ErrNotInMemory, before any entity row is taken. The answer owns the rows;
// after an error they stay the caller's.
func Join(ctx context.Context, q *Query, rows *Rows, scan func(context.Context, *View) (array.RecordReader, error),
	budget int64, mem memory.Allocator) (array.RecordReader, error) {
	j := &lookup{query: q, rows: rows, histories: make([]*history, len(q.Views)), mem: mem}
	j.refs.Store(1)
	rings, err := j.keyrings()
	if err != nil {
		return nil, err
	}
	var left atomic.Int64
	left.Store(budget)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(scansAtOnce)
	for i, v := range q.Views {
		group.Go(func() error {
			source, err := scan(groupCtx, v)
			if err != nil {
				return err
			}
			defer source.Release()
			if err := Joins(q, v, rows, source.Schema()); err != nil {
				return err
			}
			j.histories[i], err = readHistory(v, rings[i], source, &left, mem)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		j.forget()
		return nil, err
	}
	j.schema = j.describe()
	columns := historicalColumns(q, rows)
	j.start(ctx)
	return newAnswer(j, columns, mem), nil
}

// Joins reports whether Join takes a view, going by the types of what Scan
// selects; else ErrNotInMemory. Keys have to be of the types that they have in
// the entity rows: only then are equal values equal bytes.
func Joins(q *Query, v *View, rows *Rows, scan *arrow.Schema) error {
	for i, k := range v.Keys {
		theirs, ours := scan.Field(i).Type, rows.index.Field(keyColumn(q, v, i)).Type
		if keyFamily(theirs) != keyFamily(ours) {
			return fmt.Errorf("%w: the join key %s is %s in the source and %s in the entity rows", ErrNotInMemory, k.Column, theirs, ours)
		}
		if !canNumber(theirs) {
			return fmt.Errorf("%w: the join key %s is of type %s", ErrNotInMemory, k.Column, theirs)
		}
	}
	event, ok := scan.Field(len(v.Keys)).Type.(*arrow.TimestampType)
	if !ok || event.Unit != arrow.Microsecond {
		return fmt.Errorf("%w: the event timestamp of %s is no time in microseconds", ErrNotInMemory, v.View)
	}
	for _, f := range scan.Fields()[scan.NumFields()-len(v.Features):] {
		if !inMemory(f.Type) {
			return fmt.Errorf("%w: feature view %s has a feature of type %s", ErrNotInMemory, v.View, f.Type)
		}
	}
	return nil
}

// keyFamily returns what types have in common whose equal values are equal bytes.
func keyFamily(t arrow.DataType) arrow.Type {
	if t.ID() == arrow.INT32 {
		return arrow.INT64
	}
	return t.ID()
}

// keyColumn returns the column of the index that holds key number i of a view.
func keyColumn(q *Query, v *View, i int) int {
	return 1 + keyIndex(Keys(q.Views), Key{v.Keys[i].Entity, v.Keys[i].Type})
}

// keyrings returns the keyring of each view, one for views that share their
// keys, and numbers the keys of the entity rows where all of them are held.
func (j *lookup) keyrings() ([]*keyring, error) {
	rings := make([]*keyring, len(j.query.Views))
	for i, v := range j.query.Views {
		columns := make([]int, len(v.Keys))
		for k := range v.Keys {
			columns[k] = keyColumn(j.query, v, k)
		}
		if at := slices.IndexFunc(rings[:i], func(k *keyring) bool { return slices.Equal(k.columns, columns) }); at >= 0 {
			rings[i] = rings[at]
			continue
		}
		rings[i] = &keyring{columns: columns, open: !j.rows.All(), numbers: map[string]int32{}}
		j.rings = append(j.rings, ring{keyring: rings[i]})
	}
	if !j.rows.All() {
		return rings, nil
	}
	for i := range j.rings {
		r := &j.rings[i]
		for _, p := range j.rows.held {
			numbers, _, err := r.add(nil, columnsAt(p.index, r.columns), int(p.index.NumRows()))
			if err != nil {
				return nil, err
			}
			r.held = append(r.held, numbers)
		}
	}
	return rings, nil
}
