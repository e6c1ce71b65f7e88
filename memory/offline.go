package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// Offline is an asof.OfflineStore over tables in memory. A source's Table, or
// its Query, or its Path, is the name of one; so is the SQL of entity rows.
//
// It is the plainest reading of the contract: every source row is held against
// every entity row. Other engines are compared with it.
type Offline struct {
	mu     sync.Mutex
	tables map[string]arrow.RecordBatch
	mem    memory.Allocator
}

// NewOffline makes a store without tables.
func NewOffline() *Offline {
	return &Offline{tables: map[string]arrow.RecordBatch{}, mem: memory.DefaultAllocator}
}

// Put makes rows the table of that name.
func (o *Offline) Put(name string, rows arrow.RecordBatch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rows.Retain()
	if old := o.tables[name]; old != nil {
		old.Release()
	}
	o.tables[name] = rows
}

// Close lets the tables go.
func (o *Offline) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.tables {
		t.Release()
	}
	clear(o.tables)
	return nil
}

func (o *Offline) table(what, name string) (arrow.RecordBatch, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.tables[name]; t != nil {
		return t, nil
	}
	return nil, asof.Errorf(asof.CodeInvalid, "%s: there is no table %q%s", what, name, asof.DidYouMean(name, slices.Sorted(maps.Keys(o.tables))))
}

func (o *Offline) source(s *asof.DataSource) (arrow.RecordBatch, error) {
	switch s.Kind {
	case asof.SourceFile, asof.SourcePostgres:
		return o.table(fmt.Sprintf("data source %q", s.Name), s.Table+s.Query+s.Path)
	case asof.SourcePush, asof.SourceKafka, asof.SourceKinesis:
		if s.Batch != nil {
			return o.source(s.Batch)
		}
	}
	return nil, asof.Errorf(asof.CodeInvalid, "data source %q is a %s source, which the store in memory does not read; postgres reads tables, duckdb files", s.Name, s.Kind)
}

// Historical answers a point-in-time query.
func (o *Offline) Historical(ctx context.Context, q *asof.PointInTime) (array.RecordReader, error) {
	entities, err := o.entities(q)
	if err != nil {
		return nil, err
	}
	defer entities.Release()
	times, err := column(entities, "the entity rows", q.Timestamp)
	if err != nil {
		return nil, err
	}
	at, ok := asof.Instants(times, asof.RoundDown)
	if !ok && times.NullN() < times.Len() {
		return nil, asof.Errorf(asof.CodeInvalid, "the entity rows' column %q is %s, not a timestamp or a date", q.Timestamp, times.DataType())
	}
	var fields []arrow.Field
	for _, f := range entities.Schema().Fields() {
		f.Nullable = true
		fields = append(fields, f)
	}
	columns := slices.Clone(entities.Columns())
	for _, v := range q.Views {
		h, err := o.history(&v)
		if err != nil {
			return nil, err
		}
		wanted, err := keysOf(entities, "the entity rows", v.Keys, func(k asof.KeyColumn) string { return k.Entity }, o.mem)
		if err != nil {
			return nil, err
		}
		found := make([]int, entities.NumRows())
		for i := range found {
			found[i] = -1
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if times.IsValid(i) && wanted[i] != nil {
				found[i] = h.newest(*wanted[i], at(i), q.CreatedCutoff)
			}
		}
		features, err := h.take(found, o.mem)
		if err != nil {
			return nil, err
		}
		defer release(features)
		for i, f := range v.Features {
			fields = append(fields, arrow.Field{Name: f.Output, Type: f.Type.Arrow(), Nullable: true})
			columns = append(columns, features[i])
		}
	}
	return reader(fields, columns, entities.NumRows())
}

// entities returns the entity rows as one batch, which the caller releases.
func (o *Offline) entities(q *asof.PointInTime) (arrow.RecordBatch, error) {
	if q.Entities.Events != nil {
		return o.events(q)
	}
	if q.Entities.SQL != "" {
		t, err := o.table("the entity rows", strings.TrimSpace(q.Entities.SQL))
		if err == nil {
			t.Retain()
		}
		return t, err
	}
	r := q.Entities.Records
	parts, rows, err := gathered(r)
	defer func() {
		for _, column := range parts {
			release(column)
		}
	}()
	if err != nil {
		return nil, err
	}
	columns := make([]arrow.Array, len(parts))
	for i, f := range r.Schema().Fields() {
		var err error
		if columns[i], err = joined(f.Type, parts[i], o.mem); err != nil {
			return nil, err
		}
	}
	defer release(columns)
	return array.NewRecordBatch(r.Schema(), columns, rows), nil
}

// PullLatest answers with the newest row of each key.
func (o *Offline) PullLatest(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, only, err := o.wanted(q)
	if err != nil {
		return nil, err
	}
	var found []int
	seen := map[string]bool{}
	for _, key := range h.keys {
		if key == nil || seen[*key] || only != nil && !only[*key] {
			continue
		}
		seen[*key] = true
		if i := h.newest(*key, q.To.UnixMicro(), false); i >= 0 {
			found = append(found, i)
		}
	}
	return h.latest(found, o.mem)
}

// wanted returns the rows of a view within the span of q, and the keys that it
// is limited to; nil for all.
func (o *Offline) wanted(q *asof.Latest) (*history, map[string]bool, error) {
	view := q.View
	view.TTL = 0 // the span alone counts
	h, err := o.history(&view)
	if err != nil {
		return nil, nil, err
	}
	h.span(q.From, q.To)
	h.since(q.Since)
	if q.Keys == nil || len(q.View.Keys) == 0 {
		return h, nil, nil
	}
	wanted, err := keysOf(q.Keys, "the keys asked for", q.View.Keys, func(k asof.KeyColumn) string { return k.Entity }, o.mem)
	if err != nil {
		return nil, nil, err
	}
	only := map[string]bool{}
	for _, key := range wanted {
		if key != nil {
			only[*key] = true
		}
	}
	return h, only, nil
}

// Columns describes a source.
func (o *Offline) Columns(_ context.Context, source *asof.DataSource) ([]asof.SourceColumn, error) {
	t, err := o.source(source)
	if err != nil {
		return nil, err
	}
	var list []asof.SourceColumn
	for _, f := range t.Schema().Fields() {
		typ := asof.TypeOf(f.Type)
		list = append(list, asof.SourceColumn{Name: f.Name, Native: f.Type.String(), Type: typ, IsTime: typ.Value == asof.TypeUnixTimestamp})
	}
	return list, nil
}

// Range says how much a source holds.
func (o *Offline) Range(_ context.Context, source *asof.DataSource) (asof.SourceRange, error) {
	t, err := o.source(source)
	if err != nil {
		return asof.SourceRange{}, err
	}
	what := fmt.Sprintf("data source %q", source.Name)
	times, err := column(t, what, source.TimestampField)
	if err != nil {
		return asof.SourceRange{}, err
	}
	at, ok := asof.Instants(times, asof.RoundUp)
	if !ok {
		return asof.SourceRange{}, asof.Errorf(asof.CodeInvalid, "%s has no timestamp column %q", what, source.TimestampField)
	}
	found := asof.SourceRange{Rows: t.NumRows()}
	for i := range times.Len() {
		if times.IsNull(i) {
			continue
		}
		instant := time.UnixMicro(at(i)).UTC()
		if found.Oldest.IsZero() || instant.Before(found.Oldest) {
			found.Oldest = instant
		}
		if instant.After(found.Newest) {
			found.Newest = instant
		}
	}
	return found, nil
}

// column returns a column of a batch by its name.
func column(rows arrow.RecordBatch, what, name string) (arrow.Array, error) {
	at := rows.Schema().FieldIndices(name)
	if len(at) > 0 {
		return rows.Column(at[0]), nil
	}
	var names []string
	for _, f := range rows.Schema().Fields() {
		names = append(names, f.Name)
	}
	return nil, asof.Errorf(asof.CodeInvalid, "%s: there is no column %q%s", what, name, asof.DidYouMean(name, names))
}

// keysOf returns each row's keys as one text, nil where one of them is null.
// Each value is written with its length, so that ("1","11") is not ("11","1").
func keysOf(rows arrow.RecordBatch, what string, keys []asof.KeyColumn, name func(asof.KeyColumn) string, mem memory.Allocator) ([]*string, error) {
	out := make([]*string, rows.NumRows())
	for i := range out {
		out[i] = new(string)
	}
	for _, k := range keys {
		from, err := column(rows, what, name(k))
		if err != nil {
			return nil, err
		}
		typ := k.Type
		if typ.Value == asof.TypeInvalid {
			typ = asof.TypeOf(from.DataType())
		}
		values, err := asof.Cast(from, typ, mem)
		var bad *asof.CastError
		if errors.As(err, &bad) {
			return nil, asof.Errorf(asof.CodeInvalid, "%s: row %d: %s: %w", what, bad.Row+1, name(k), err)
		}
		for i := range out {
			if values.IsNull(i) {
				out[i] = nil
			} else if out[i] != nil {
				v := values.ValueStr(i)
				*out[i] += fmt.Sprintf("%d:%s", len(v), v)
			}
		}
		values.Release()
	}
	return out, nil
}

func joined(t arrow.DataType, parts []arrow.Array, mem memory.Allocator) (arrow.Array, error) {
	if len(parts) == 0 {
		return array.MakeArrayOfNull(mem, t, 0), nil
	}
	return array.Concatenate(parts, mem)
}

func release(columns []arrow.Array) {
	for _, c := range columns {
		c.Release()
	}
}

func reader(fields []arrow.Field, columns []arrow.Array, rows int64) (array.RecordReader, error) {
	schema := arrow.NewSchema(fields, nil)
	batch := array.NewRecordBatch(schema, columns, rows)
	defer batch.Release()
	return array.NewRecordReader(schema, []arrow.RecordBatch{batch})
}
