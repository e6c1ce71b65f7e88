package pit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// Pull renders the query for rows of a view that another engine joins: its keys,
// event, created where it has one, and the features asked for.
//
// Rows of one key and one time are settled here, since only here their features
// have the types by which the greatest is found.
func Pull(d Dialect, q *asof.ScanQuery, v *View) string {
	r := &renderer{Dialect: d, keys: Keys([]*View{v})}
	r.source(v, "asof_source AS ", nil, append(r.span(q.From, q.To), r.wanted(v, q.Keys != nil)...))
	from := "asof_source"
	if q.Settled {
		from = "(\n  " + first(from, v.moments(), r.order(v, newestFirst)) + "\n)"
	}
	return r.sql("SELECT " + r.scanned(v) + "\nFROM " + from + " AS s")
}

// moments returns what rows of a view have in common between which only their
// features decide.
func (v *View) moments() []string {
	names := append(v.keyNames(), "event")
	if v.Created != "" {
		names = append(names, "created")
	}
	return names
}

// Pulled returns the view over a relation that holds the rows of Pull, whose
// columns are named by PulledNames. It is joined as any other; messages name
// the columns of the source.
func (v *View) Pulled(relation string, columns []asof.SourceColumn) (*View, error) {
	names, called := v.PulledNames(), map[string]string{}
	q := v.ViewQuery
	q.Keys, q.Features, q.Order = slices.Clone(q.Keys), slices.Clone(q.Features), nil
	rename := func(column *string) {
		if *column != "" {
			called[names[0]] = *column
			*column, names = names[0], names[1:]
		}
	}
	for i := range q.Keys {
		rename(&q.Keys[i].Column)
	}
	rename(&q.Timestamp)
	rename(&q.Created)
	for i := range q.Features {
		rename(&q.Features[i].Column)
	}
	pulled, err := NewView(q, relation, columns)
	if err != nil {
		return nil, err
	}
	pulled.called = called
	return pulled, nil
}

// PulledNames returns the names of the columns of Pull, in order.
func (v *View) PulledNames() []string {
	names := v.moments()
	for i := range v.Features {
		names = append(names, numbered("v", i))
	}
	return names
}

// Unsettled renders the query for whether a relation that holds the rows of
// Pull has several of one key and one time: a row if so, else none.
func (v *View) Unsettled(d Dialect, relation string) string {
	moment := make([]string, len(v.moments()))
	for i, name := range v.moments() {
		moment[i] = d.Quote(name)
	}
	by := strings.Join(moment, ", ")
	return fmt.Sprintf("SELECT 1 FROM %s GROUP BY %s HAVING count(*) > 1 LIMIT 1", relation, by)
}

// KeysOf returns the keys by which v, one of views, is looked up from the rows
// that are held: as asof.ScanQuery takes them, some more than once. The caller
// releases them. Without keys, or with one that is not of its declared type, nil.
func (r *Rows) KeysOf(views []*View, v *View) (arrow.RecordBatch, error) {
	fields, columns := make([]arrow.Field, len(v.Keys)), make([]arrow.Array, len(v.Keys))
	if len(v.Keys) == 0 || slices.ContainsFunc(v.Keys, func(k asof.KeyColumn) bool { return k.Type.Value == asof.TypeInvalid }) {
		return nil, nil
	}
	for i, k := range v.Keys {
		at := 1 + keyIndex(Keys(views), Key{k.Entity, k.Type})
		fields[i] = arrow.Field{Name: k.Entity, Type: k.Type.Arrow(), Nullable: true}
		parts := []arrow.Array{array.MakeArrayOfNull(r.mem, r.index.Field(at).Type, 0)}
		for _, p := range r.held {
			parts = append(parts, p.index.Column(at))
		}
		all, err := array.Concatenate(parts, r.mem)
		parts[0].Release()
		if err != nil {
			return nil, err
		}
		columns[i], err = asof.Cast(all, k.Type, r.mem)
		all.Release()
		if err != nil {
			return nil, nil // the row is found out to match nothing when it is joined
		}
		defer columns[i].Release()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, r.Held()), nil
}

// said returns what the source calls a column.
func (v *View) said(column string) string { return cmp.Or(v.called[column], column) }
