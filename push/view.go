package push

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// view is a view that is written to, and how the columns of rows for it may be
// called: by their names in the view or in its source.
type view struct {
	*asof.FeatureView
	program *ondemand.Program // of an on-demand view that is computed; else nil

	source             map[string]string // the source's column for a join key or a feature
	timestamp, created string            // the source's columns; "" for none
}

// plain is a view that its rows hold as they are.
func plain(v *asof.FeatureView) *view {
	made := &view{FeatureView: v, source: map[string]string{}, timestamp: v.TimestampField}
	q, err := v.Query()
	if err != nil { // only a stream feeds it
		return made
	}
	if q.Timestamp != "" {
		made.timestamp = q.Timestamp
	}
	made.created = q.Created
	for _, k := range q.Keys {
		made.source[k.Entity] = k.Column
	}
	for _, f := range q.Features {
		made.source[f.Output] = f.Column
	}
	return made
}

// onDemand reports whether the view is an on-demand view, stored.
func (v *view) onDemand() bool { return v.source == nil }

// batch makes of the rows what asof.OnlineStore.Write takes.
func (v *view) batch(ctx context.Context, r *rows, now time.Time) (arrow.RecordBatch, error) {
	b := &builder{view: v, rows: r}
	defer b.release()
	for _, k := range v.EntityColumns {
		if k.Name != asof.DummyJoinKey {
			b.key(k)
		}
	}
	b.times(now)
	if b.err == nil && v.program != nil && !b.given() {
		b.compute(ctx)
	} else {
		for _, f := range v.Features {
			b.feature(f)
		}
	}
	if b.err != nil {
		return nil, b.err
	}
	return array.NewRecordBatch(arrow.NewSchema(b.fields, nil), b.columns, int64(r.n)), nil
}

// builder collects the columns of a batch, up to the first mistake.
type builder struct {
	view    *view
	rows    *rows
	fields  []arrow.Field
	columns []arrow.Array
	err     error
}

func (b *builder) release() {
	for _, c := range b.columns {
		c.Release()
	}
}

func (b *builder) add(name string, values arrow.Array, err error) {
	if b.err = err; err != nil {
		return
	}
	b.fields = append(b.fields, arrow.Field{Name: name, Type: values.DataType(), Nullable: true})
	b.columns = append(b.columns, values)
}

// key adds a join key, which has no nulls.
func (b *builder) key(k asof.Field) {
	role := fmt.Sprintf("join key %q of feature view %q", k.Name, b.view.Name)
	c := b.find(role, k.Name, b.view.source[k.Name])
	if b.err != nil {
		return
	}
	values, err := c.cast(k.Type, role)
	if err == nil && values.NullN() > 0 {
		err = asof.Errorf(asof.CodeInvalid, "row %d, column %q: null is no value of %s", firstNull(values)+1, c.Name, role)
		values.Release()
	}
	b.add(k.Name, values, err)
}

func (b *builder) feature(f asof.Field) {
	role := fmt.Sprintf("feature %q of feature view %q", f.Name, b.view.Name)
	if c := b.find(role, f.Name, b.view.source[f.Name]); b.err == nil {
		values, err := c.cast(f.Type, role)
		b.add(f.Name, values, err)
	}
}

// find returns the column of those names, which has to be there.
func (b *builder) find(role string, names ...string) *Column {
	if b.err != nil {
		return nil
	}
	c := b.rows.find(names...)
	if c == nil {
		b.err = asof.Errorf(asof.CodeInvalid, "%s is missing: the rows have only %s", role, b.rows.has())
	}
	return c
}

// times adds when the rows' events were and when they were created. The names
// that Feast's clients give those columns count where no feature has them.
func (b *builder) times(now time.Time) {
	v := b.view
	event := b.rows.find(v.timestamp, v.unless(asof.EventTimestamp))
	switch {
	case b.err != nil:
		return
	case event != nil:
		times, err := event.present(fmt.Sprintf("the event timestamp of feature view %q", v.Name))
		b.add(asof.EventTimestamp, times, err)
	case v.onDemand():
		b.add(asof.EventTimestamp, constant(now, b.rows.n), nil)
	default:
		name := v.timestamp
		if name == "" {
			name = asof.EventTimestamp
		}
		b.err = asof.Errorf(asof.CodeInvalid, "column %q, the event timestamp of feature view %q, is missing: the rows have only %s", name, v.Name, b.rows.has())
	}
	b.created(now)
}

// clientCreated is what Feast's clients call the created timestamp.
const clientCreated = "created"

// created adds when the rows were created: now, where they do not say it. A view
// whose source does not say it has no such time, so that of rows with one event
// time the last one written counts.
func (b *builder) created(now time.Time) {
	v := b.view
	if b.err != nil {
		return
	}
	if v.created == "" {
		b.add(asof.CreatedTimestamp, array.MakeArrayOfNull(memory.DefaultAllocator, asof.Timestamp, b.rows.n), nil)
		return
	}
	times, err := b.rows.find(v.created, v.unless(clientCreated)).createdOr(now, b.rows.n, fmt.Sprintf("the created timestamp of feature view %q", v.Name))
	b.add(asof.CreatedTimestamp, times, err)
}

// unless returns a name that the view gives to nothing else, "" otherwise.
func (v *view) unless(name string) string {
	is := func(f asof.Field) bool { return f.Name == name }
	if slices.ContainsFunc(v.Features, is) || slices.ContainsFunc(v.EntityColumns, is) {
		return ""
	}
	return name
}
