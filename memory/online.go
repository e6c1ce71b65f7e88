package memory

import (
	"context"
	"maps"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// Online is an asof.OnlineStore in memory.
type Online struct {
	keyVersion int

	mu    sync.RWMutex
	views map[viewName]*onlineView
}

type viewName struct{ project, view string }

// onlineView is what the store keeps of a view: its features' types, its join
// keys, and by entity key the newest row.
type onlineView struct {
	types map[string]asof.Type
	keys  []asof.Field
	rows  map[string]onlineRow
}

type onlineRow struct {
	event, created int64
	values         map[string][]byte // by feature
}

var _ asof.OnlineStore = (*Online)(nil)

// NewOnline returns an empty store with entity keys of that version.
func NewOnline(keyVersion int) *Online {
	return &Online{keyVersion: keyVersion, views: map[viewName]*onlineView{}}
}

// Update takes away the values of features that are gone or of another type.
func (o *Online) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range keep {
		name := viewName{project, v.Name}
		old := o.views[name]
		if old == nil || !sameKeys(old.keys, value.Keys(v)) {
			old = &onlineView{rows: map[string]onlineRow{}}
		}
		types := map[string]asof.Type{}
		for _, f := range v.Features {
			types[f.Name] = f.Type
		}
		for _, row := range old.rows {
			maps.DeleteFunc(row.values, func(name string, _ []byte) bool {
				t, ok := types[name]
				return !ok || !t.Equal(old.types[name])
			})
		}
		o.views[name] = &onlineView{types: types, keys: value.Keys(v), rows: old.rows}
	}
	for _, view := range drop {
		delete(o.views, viewName{project, view})
	}
	return nil
}

func sameKeys(a, b []asof.Field) bool {
	types := map[string]asof.Type{}
	for _, k := range a {
		types[k.Name] = k.Type
	}
	for _, k := range b {
		if t, ok := types[k.Name]; !ok || !t.Equal(k.Type) {
			return false
		}
	}
	return len(a) == len(b)
}

// Teardown removes the views.
func (o *Online) Teardown(ctx context.Context, project string, views []string) error {
	return o.Update(ctx, project, nil, views)
}

// Close does nothing: what the store holds can still be read.
func (o *Online) Close() error { return nil }

// Write goes through the rows one by one.
func (o *Online) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v, keys, read, err := o.decode(ctx, project, view, rows)
	if err != nil {
		return 0, err
	}
	written := map[string]bool{}
	for i, key := range keys {
		row := read[i]
		if old, ok := v.rows[key]; ok && (old.event > row.event || old.event == row.event && old.created > row.created) {
			continue
		}
		v.rows[key] = row
		written[key] = true
	}
	return int64(len(written)), nil
}

// Restore removes, then puts.
func (o *Online) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var put []string
	var rows []onlineRow
	v, err := o.find(project, view.Name)
	if err != nil {
		return err
	}
	if set != nil {
		if _, put, rows, err = o.decode(ctx, project, view, set); err != nil {
			return err
		}
	}
	if remove != nil {
		gone, err := o.entityKeys(view, remove)
		if err != nil {
			return err
		}
		for _, key := range gone {
			delete(v.rows, key)
		}
	}
	newest := map[string]onlineRow{}
	for i, key := range put {
		old, ok := newest[key]
		if !ok || old.event < rows[i].event || old.event == rows[i].event && old.created <= rows[i].created {
			newest[key] = rows[i]
		}
	}
	maps.Copy(v.rows, newest)
	return nil
}

// Read copies the values into the readings.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, r := range readings {
		r.Reset()
		v, err := o.find(project, r.View.Name)
		if err != nil {
			return err
		}
		for i, key := range r.Keys {
			row, ok := v.rows[string(key)]
			if !ok {
				continue
			}
			r.Found[i], r.Events[i] = true, row.event
			for c, name := range r.Features {
				r.Set(c, i, row.values[name])
			}
		}
	}
	return nil
}

func (o *Online) find(project, view string) (*onlineView, error) {
	v, ok := o.views[viewName{project, view}]
	if !ok {
		return nil, asof.Errorf(asof.CodeNotFound, "the online store has no table for feature view %q of project %q; run `asof apply`", view, project)
	}
	return v, nil
}

// decode reads a batch cell by cell, before anything is changed.
func (o *Online) decode(ctx context.Context, project string, view *asof.FeatureView, batch arrow.RecordBatch) (*onlineView, []string, []onlineRow, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, nil, err
	}
	v, err := o.find(project, view.Name)
	if err != nil {
		return nil, nil, nil, err
	}
	keys, err := o.entityKeys(view, batch)
	if err != nil {
		return nil, nil, nil, err
	}
	rows := make([]onlineRow, len(keys))
	for i := range rows {
		event, created := timeAt(batch, asof.EventTimestamp, i), timeAt(batch, asof.CreatedTimestamp, i)
		if event == nil {
			return nil, nil, nil, asof.Errorf(asof.CodeInvalid, "view %q, row %d: the event timestamp is NULL", view.Name, i+1)
		}
		rows[i] = onlineRow{event: *event, created: value.NoCreated, values: map[string][]byte{}}
		if created != nil {
			rows[i].created = *created
		}
		for _, f := range view.Features {
			if t, ok := v.types[f.Name]; !ok || !t.Equal(f.Type) {
				return nil, nil, nil, asof.Errorf(asof.CodeNotFound, "the online store does not know feature %q of view %q with type %s; run `asof apply`", f.Name, view.Name, f.Type)
			}
			cell, err := value.Append(nil, f.Type, columnNamed(batch, f.Name), i)
			if err != nil {
				return nil, nil, nil, asof.Errorf(asof.ErrorCode(err), "view %q, feature %q, row %d: %w", view.Name, f.Name, i+1, err)
			}
			rows[i].values[f.Name] = cell
		}
	}
	return v, keys, rows, nil
}

func columnNamed(batch arrow.RecordBatch, name string) arrow.Array {
	return batch.Column(batch.Schema().FieldIndices(name)[0])
}

func timeAt(batch arrow.RecordBatch, column string, i int) *int64 {
	times := columnNamed(batch, column).(*array.Timestamp)
	if times.IsNull(i) {
		return nil
	}
	us := int64(times.Value(i))
	return &us
}

func (o *Online) entityKeys(view *asof.FeatureView, batch arrow.RecordBatch) ([]string, error) {
	fields := value.Keys(view)
	names := make([]string, len(fields))
	for i, k := range fields {
		names[i] = k.Name
	}
	encoder, err := entitykey.NewEncoder(o.keyVersion, names...)
	if err != nil {
		return nil, err
	}
	keys := make([]string, batch.NumRows())
	for i := range keys {
		values := make([]entitykey.Value, len(names))
		for k, name := range names {
			values[k] = keyAt(columnNamed(batch, name), i)
		}
		key, err := encoder.Append(nil, values...)
		if err != nil {
			return nil, err
		}
		keys[i] = string(key)
	}
	return keys, nil
}

func keyAt(a arrow.Array, i int) entitykey.Value {
	if a.IsNull(i) {
		return entitykey.Value{}
	}
	switch a := a.(type) {
	case *array.String:
		return entitykey.String(a.Value(i))
	case *array.Int64:
		return entitykey.Int64(a.Value(i))
	case *array.Int32:
		return entitykey.Int32(a.Value(i))
	case *array.Binary:
		return entitykey.Bytes(a.Value(i))
	case *array.Timestamp:
		return entitykey.UnixTimestamp(a.Value(i).ToTime(arrow.Microsecond).Unix())
	}
	return entitykey.Value{}
}

// KeyVersion is the version of the entity keys.
func (o *Online) KeyVersion() int { return o.keyVersion }

// Keys lists the keys of a view.
func (o *Online) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	o.mu.RLock()
	v := o.views[viewName{project, view.Name}]
	var keys [][]byte
	if v != nil {
		for key := range v.rows {
			keys = append(keys, []byte(key))
		}
	}
	o.mu.RUnlock()
	switch {
	case v == nil:
		return asof.Errorf(asof.CodeNotFound, "the online store has no table for feature view %q of project %q; run `asof apply`", view.Name, project)
	case len(keys) == 0:
		return nil
	}
	return each(keys)
}
