package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// eventRows are the entity rows that sources' rows make, by column.
type eventRows struct {
	keys  []asof.KeyColumn
	parts [][]arrow.Array // by key, one value each
	times []int64
}

// events makes entity rows of what the views hold. The caller releases them.
func (o *Offline) events(q *asof.PointInTime) (arrow.RecordBatch, error) {
	e := &eventRows{}
	for _, v := range q.Views {
		for _, k := range v.Keys {
			if !slices.ContainsFunc(e.keys, func(have asof.KeyColumn) bool { return have.Entity == k.Entity }) {
				e.keys = append(e.keys, k)
			}
		}
	}
	e.parts = make([][]arrow.Array, len(e.keys))
	defer func() {
		for _, p := range e.parts {
			release(p)
		}
	}()
	spine := false
	for _, v := range q.Views {
		if len(v.Keys) == len(e.keys) {
			spine = true
			if err := o.addEvents(e, &v, q.Entities.Events); err != nil {
				return nil, err
			}
		}
	}
	if !spine {
		names := make([]string, len(e.keys))
		for i, k := range e.keys {
			names[i] = k.Entity
		}
		return nil, asof.Errorf(asof.CodeInvalid, "entity rows of a span of time need a view that has all the join keys, and none has %s", strings.Join(names, ", "))
	}
	return e.batch(q.Timestamp, o)
}

// addEvents adds the rows of a view that has all the keys.
func (o *Offline) addEvents(e *eventRows, v *asof.ViewQuery, span *asof.Events) error {
	h, err := o.history(v)
	if err != nil {
		return err
	}
	columns := make([]arrow.Array, len(e.keys))
	for i, k := range e.keys {
		at := slices.IndexFunc(v.Keys, func(own asof.KeyColumn) bool { return own.Entity == k.Entity })
		from, err := column(h.rows, "", v.Keys[at].Column)
		if err != nil {
			return err
		}
		typ := k.Type
		if typ.Value == asof.TypeInvalid {
			typ = asof.TypeOf(from.DataType())
		}
		if columns[i], err = asof.Cast(from, typ, o.mem); err != nil {
			return err
		}
		defer columns[i].Release()
	}
	for row, key := range h.keys {
		if key == nil || h.events[row] == nil {
			continue
		}
		at := *h.events[row]
		switch {
		case !span.At.IsZero():
			if at > span.At.UnixMicro() {
				continue
			}
			at = span.At.UnixMicro()
		case at > span.To.UnixMicro() || !span.From.IsZero() && at < span.From.UnixMicro():
			continue
		}
		e.times = append(e.times, at)
		for i, c := range columns {
			e.parts[i] = append(e.parts[i], array.NewSlice(c, int64(row), int64(row)+1))
		}
	}
	return nil
}

// batch returns the rows in order, each once.
func (e *eventRows) batch(timestamp string, o *Offline) (arrow.RecordBatch, error) {
	rows := make([]int, len(e.times))
	for i := range rows {
		rows[i] = i
	}
	all := make([]arrow.Array, len(e.keys))
	defer func() { release(slices.DeleteFunc(all, func(c arrow.Array) bool { return c == nil })) }()
	var err error
	for i, k := range e.keys {
		if all[i], err = joined(k.Type.Arrow(), e.parts[i], o.mem); err != nil {
			return nil, err
		}
	}
	order := func(i, j int) int {
		for _, c := range all {
			if d := compare(c, i, j); d != 0 {
				return d
			}
		}
		return cmp.Compare(e.times[i], e.times[j])
	}
	slices.SortFunc(rows, order)
	rows = slices.CompactFunc(rows, func(i, j int) bool { return order(i, j) == 0 })

	var fields []arrow.Field
	var columns []arrow.Array
	defer func() { release(columns) }()
	for i, k := range e.keys {
		parts := make([]arrow.Array, len(rows))
		for n, row := range rows {
			parts[n] = e.parts[i][row]
		}
		sorted, err := joined(k.Type.Arrow(), parts, o.mem)
		if err != nil {
			return nil, err
		}
		fields, columns = append(fields, arrow.Field{Name: k.Entity, Type: sorted.DataType(), Nullable: true}), append(columns, sorted)
	}
	times := array.NewTimestampBuilder(o.mem, asof.Timestamp.(*arrow.TimestampType))
	defer times.Release()
	for _, row := range rows {
		times.Append(arrow.Timestamp(e.times[row]))
	}
	fields, columns = append(fields, arrow.Field{Name: timestamp, Type: asof.Timestamp, Nullable: true}), append(columns, times.NewArray())
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(len(rows))), nil
}

// Rows answers with the rows among which PullLatest chooses.
func (o *Offline) Rows(ctx context.Context, q *asof.RowsQuery) (array.RecordReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, only, err := o.wanted(&q.Latest)
	if err != nil {
		return nil, err
	}
	var rows []int
	for i, key := range h.keys {
		if key != nil && h.events[i] != nil && (only == nil || only[*key]) {
			rows = append(rows, i)
		}
	}
	slices.SortFunc(rows, func(i, j int) int {
		if q.OldestFirst {
			i, j = j, i
		}
		return h.compare(j, i)
	})
	if q.Limit > 0 && len(rows) > q.Limit {
		rows = rows[:q.Limit]
	}
	return h.latest(rows, o.mem)
}
