package flightapi

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// pull asks for the rows of a source, by the names that its columns have there.
func (s *service) pull(ctx context.Context, c *command, ask func(context.Context, *asof.Latest) (array.RecordReader, error)) (*question, error) {
	snapshot, source, owner, err := s.source(ctx, c.Source)
	if err != nil {
		return nil, err
	}
	return &question{touching{snapshot: snapshot, read: []asof.Object{owner}}, func(ctx context.Context) (array.RecordReader, error) {
		view, err := s.pulled(ctx, c, source)
		if err != nil {
			return nil, err
		}
		// Sorted: an answer of any size is read page by page.
		q := &asof.Latest{View: view, To: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Sorted: true}
		if c.Start != nil {
			q.From = time.Time(*c.Start)
		}
		if c.End != nil {
			q.To = time.Time(*c.End)
		}
		rows, err := ask(ctx, q)
		if err != nil {
			return nil, err
		}
		return newPulled(rows, c), nil
	}}, nil
}

// latest answers with the newest row of each key.
func (s *service) latest(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	return s.Store.PullLatest(ctx, q)
}

// all answers with every row.
func (s *service) all(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	store, ok := s.Store.(asof.RowReader)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "this offline store does not show all rows of a source; ask for the latest ones")
	}
	return store.Rows(ctx, &asof.RowsQuery{Latest: *q})
}

// pulled is a source as a view of the columns asked for, whose types are those
// that the source has.
func (s *service) pulled(ctx context.Context, c *command, source *asof.DataSource) (asof.ViewQuery, error) {
	columns, err := s.Store.Columns(ctx, source)
	if err != nil {
		return asof.ViewQuery{}, err
	}
	view := asof.ViewQuery{View: source.Name, Source: source, Timestamp: c.Timestamp, Created: c.Created}
	typeOf := func(name string) (asof.Type, error) {
		for _, column := range columns {
			if column.Name == name {
				return column.Type, nil
			}
		}
		var names []string
		for _, column := range columns {
			names = append(names, column.Name)
		}
		return asof.Type{}, asof.Errorf(asof.CodeInvalid, "data source %q has no column %q%s", source.Name, name, asof.DidYouMean(name, names))
	}
	for _, name := range c.Keys {
		typ, err := typeOf(name)
		if err != nil {
			return view, err
		}
		view.Keys = append(view.Keys, asof.KeyColumn{Column: name, Entity: name, Type: typ})
	}
	for _, name := range c.values() {
		typ, err := typeOf(name)
		if err != nil {
			return view, err
		}
		view.Features = append(view.Features, asof.FeatureColumn{Column: name, Output: name, Type: typ})
		view.Order, view.Ordered = append(view.Order, name), append(view.Ordered, typ)
	}
	return view, nil
}

// values are the columns asked for that are neither keys nor times.
func (c *command) values() []string {
	var names []string
	for _, name := range c.Features {
		if name != c.Timestamp && name != c.Created && !slices.Contains(c.Keys, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// pulled gives the columns of a store's answer the source's names: keys, values,
// times.
type pulled struct {
	array.RecordReader
	refs    atomic.Int64
	order   []int
	schema  *arrow.Schema
	current arrow.RecordBatch
}

func newPulled(rows array.RecordReader, c *command) *pulled {
	keys := len(c.Keys)
	p := &pulled{RecordReader: rows}
	p.refs.Store(1)
	var fields []arrow.Field
	take := func(at int, name string) {
		field := rows.Schema().Field(at)
		field.Name = name
		p.order, fields = append(p.order, at), append(fields, field)
	}
	for i, name := range c.Keys {
		take(i, name)
	}
	for i, name := range c.values() {
		take(keys+2+i, name)
	}
	take(keys, c.Timestamp)
	if c.Created != "" {
		take(keys+1, c.Created)
	}
	p.schema = arrow.NewSchema(fields, nil)
	return p
}

func (p *pulled) Schema() *arrow.Schema          { return p.schema }
func (p *pulled) RecordBatch() arrow.RecordBatch { return p.current }
func (p *pulled) Record() arrow.RecordBatch      { return p.current }
func (p *pulled) Retain()                        { p.refs.Add(1) }

func (p *pulled) Release() {
	if p.refs.Add(-1) == 0 {
		p.drop()
		p.RecordReader.Release()
	}
}

func (p *pulled) drop() {
	if p.current != nil {
		p.current.Release()
		p.current = nil
	}
}

func (p *pulled) Next() bool {
	p.drop()
	if !p.RecordReader.Next() {
		return false
	}
	batch := p.RecordReader.RecordBatch()
	columns := make([]arrow.Array, len(p.order))
	for i, at := range p.order {
		columns[i] = batch.Column(at)
	}
	p.current = array.NewRecordBatch(p.schema, columns, batch.NumRows())
	return true
}
