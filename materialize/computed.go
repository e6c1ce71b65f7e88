package materialize

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// computed is an on-demand view with write_to_online_store: its rows are those of
// the views that it is computed from, each with the features as of its own time.
type computed struct {
	asof.OfflineStore
	name    string
	program *ondemand.Program
	stored  *asof.FeatureView
	query   asof.ViewQuery   // as if the rows had a source of their own
	pulled  []asof.ViewQuery // the views that have all of its keys: their rows make rows
	read    []asof.ViewQuery // what its function reads, named as the function's inputs
}

// fillable says why an on-demand view cannot be filled from its sources.
func fillable(v *asof.OnDemandFeatureView) error {
	_, err := v.Stored()
	switch {
	case err != nil:
		return err
	case !v.Enabled:
		return asof.Errorf(asof.CodeInvalid, "on-demand feature view %q is disabled; enable it in its definition and apply", v.Name)
	}
	views := 0
	for _, s := range v.Sources {
		if s.Request != nil {
			return asof.Errorf(asof.CodeInvalid, "on-demand feature view %q is computed from %s, which only a request holds: write its rows through a server", v.Name, s.Request.Name)
		}
		views++
	}
	if views == 0 {
		return asof.Errorf(asof.CodeInvalid, "on-demand feature view %q is computed from no feature view", v.Name)
	}
	return nil
}

// computed makes ready what a run needs to fill a stored on-demand view.
func (m *Materializer) computed(ctx context.Context, stored *asof.FeatureView) (*computed, error) {
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	v, err := snapshot.OnDemandView(stored.Name)
	if err != nil {
		return nil, err
	}
	c := &computed{OfflineStore: m.Offline, name: v.Name, stored: stored}
	programs := m.Programs
	if programs == nil {
		programs = &ondemand.Programs{}
	}
	if c.program, err = programs.Of(snapshot, v); err != nil {
		return nil, err
	}
	for _, s := range v.Sources {
		if err := c.source(snapshot, s.View); err != nil {
			return nil, asof.Errorf(asof.ErrorCode(err), "on-demand feature view %q: %w", v.Name, err)
		}
	}
	if len(c.pulled) == 0 {
		return nil, asof.Errorf(asof.CodeInvalid, "on-demand feature view %q: none of the views that it is computed from has all of its keys", v.Name)
	}
	c.query = asof.ViewQuery{View: v.Name, Source: &asof.DataSource{Name: c.sources()}, Keys: c.pulled[0].Keys}
	for _, p := range c.pulled {
		if p.Created != "" {
			c.query.Created = asof.CreatedTimestamp // some rows tell when they came
		}
	}
	return c, nil
}

// source adds a view that the function reads.
func (c *computed) source(s *asof.Snapshot, use *asof.Projection) error {
	view, err := s.View(use.View)
	if err != nil {
		return err
	}
	q, err := use.Query(view)
	if err != nil {
		return err
	}
	for i := range q.Features {
		q.Features[i].Output = use.View + "__" + q.Features[i].Output
	}
	has := func(key string) bool {
		return slices.ContainsFunc(q.Keys, func(k asof.KeyColumn) bool { return k.Entity == key })
	}
	for _, k := range q.Keys {
		if !slices.Contains(c.stored.JoinKeys(), k.Entity) {
			return asof.Errorf(asof.CodeInvalid, "it is not of the entity of join key %q, by which view %q is read", k.Entity, view.Name)
		}
	}
	c.read = append(c.read, q)
	if !slices.ContainsFunc(c.stored.JoinKeys(), func(key string) bool { return key != asof.DummyJoinKey && !has(key) }) {
		c.pulled = append(c.pulled, q)
	}
	return nil
}

// sources names the sources of the rows.
func (c *computed) sources() string {
	var names []string
	for _, p := range c.pulled {
		if !slices.Contains(names, p.Source.Name) {
			names = append(names, p.Source.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Range is that of all sources of rows.
func (c *computed) Range(ctx context.Context, _ *asof.DataSource) (asof.SourceRange, error) {
	var all asof.SourceRange
	for _, p := range c.pulled {
		held, err := c.OfflineStore.Range(ctx, p.Source)
		if err != nil {
			return all, err
		}
		if held.Rows > 0 && (all.Rows == 0 || held.Oldest.Before(all.Oldest)) {
			all.Oldest = held.Oldest
		}
		all.Rows, all.Newest = all.Rows+held.Rows, later(all.Newest, held.Newest)
	}
	return all, nil
}

// PullLatest answers with a row for the newest row of each key and source.
func (c *computed) PullLatest(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	var rows []arrow.RecordBatch
	defer func() { releaseAll(rows) }()
	for _, p := range c.pulled {
		if !q.Since.IsZero() && p.Created == "" {
			continue
		}
		latest := *q
		latest.View = p
		var err error
		if rows, err = c.entities(ctx, &latest, rows); err != nil {
			return nil, err
		}
	}
	schema := c.schema()
	if len(rows) == 0 {
		return array.NewRecordReader(schema, nil)
	}
	entities, err := array.NewRecordReader(rows[0].Schema(), rows)
	if err != nil {
		return nil, err
	}
	history, err := c.Historical(ctx, &asof.PointInTime{Entities: asof.EntityRows{Schema: entities.Schema(), Records: entities}, Timestamp: asof.EventTimestamp, Views: c.read})
	if err != nil {
		entities.Release()
		return nil, err
	}
	r := &computing{ctx: ctx, computed: c, entities: entities, history: history, schema: schema}
	r.refs.Store(1)
	return r, nil
}

// entities appends the keys and times of the newest rows of a source.
func (c *computed) entities(ctx context.Context, q *asof.Latest, rows []arrow.RecordBatch) ([]arrow.RecordBatch, error) {
	reader, err := c.OfflineStore.PullLatest(ctx, q)
	if err != nil {
		return rows, err
	}
	defer reader.Release()
	names := append(keyNames(c.query.Keys), asof.EventTimestamp)
	for reader.Next() {
		batch := reader.RecordBatch()
		fields, columns := make([]arrow.Field, len(names)), make([]arrow.Array, len(names))
		for i, name := range names {
			at := batch.Schema().FieldIndices(name)[0]
			fields[i], columns[i] = batch.Schema().Field(at), batch.Column(at)
			fields[i].Nullable = true
		}
		rows = append(rows, array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, batch.NumRows()))
	}
	return rows, reader.Err()
}

func keyNames(keys []asof.KeyColumn) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Entity
	}
	return names
}

// schema is that of the rows, as asof.Latest describes them.
func (c *computed) schema() *arrow.Schema {
	var fields []arrow.Field
	for _, k := range c.query.Keys {
		fields = append(fields, arrow.Field{Name: k.Entity, Type: k.Type.Arrow(), Nullable: true})
	}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp, Nullable: true}, arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true})
	for _, f := range c.stored.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

// rows computes the features of a batch of history.
func (c *computed) rows(ctx context.Context, history arrow.RecordBatch, schema *arrow.Schema) (arrow.RecordBatch, error) {
	at := func(name string) arrow.Array { return history.Column(history.Schema().FieldIndices(name)[0]) }
	var fields []arrow.Field
	var inputs []arrow.Array
	for _, in := range c.program.Inputs() {
		fields = append(fields, arrow.Field{Name: in.Name, Type: at(in.Name).DataType(), Nullable: true})
		inputs = append(inputs, at(in.Name))
	}
	batch := array.NewRecordBatch(arrow.NewSchema(fields, nil), inputs, history.NumRows())
	defer batch.Release()
	features, err := c.program.Run(ctx, batch, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	defer features.Release()
	created := array.MakeArrayOfNull(memory.DefaultAllocator, asof.Timestamp, int(history.NumRows()))
	defer created.Release()
	var columns []arrow.Array
	for _, k := range c.query.Keys {
		columns = append(columns, at(k.Entity))
	}
	columns = append(append(columns, at(asof.EventTimestamp), created), features.Columns()...)
	return array.NewRecordBatch(schema, columns, history.NumRows()), nil
}

// computing reads computed rows as history comes in.
type computing struct {
	*computed
	ctx      context.Context // of the query, as long as its answer is read
	refs     atomic.Int64
	entities array.RecordReader
	history  array.RecordReader
	schema   *arrow.Schema
	current  arrow.RecordBatch
	err      error
}

func (r *computing) Schema() *arrow.Schema          { return r.schema }
func (r *computing) RecordBatch() arrow.RecordBatch { return r.current }
func (r *computing) Record() arrow.RecordBatch      { return r.current }
func (r *computing) Retain()                        { r.refs.Add(1) }

// Err returns why the rows ended early.
func (r *computing) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.history.Err()
}

func (r *computing) Next() bool {
	r.drop()
	if r.err != nil || !r.history.Next() {
		return false
	}
	r.current, r.err = r.rows(r.ctx, r.history.RecordBatch(), r.schema)
	return r.err == nil
}

func (r *computing) drop() {
	if r.current != nil {
		r.current.Release()
		r.current = nil
	}
}

func (r *computing) Release() {
	if r.refs.Add(-1) == 0 {
		r.drop()
		r.history.Release()
		r.entities.Release()
	}
}

// unrecorded is a registry that keeps no intervals: it has no place for those of
// on-demand views. The ledger has them.
type unrecorded struct{ asof.Registry }

func (unrecorded) RecordMaterialization(context.Context, string, string, asof.Interval) error {
	return nil
}
