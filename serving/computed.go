package serving

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
	"github.com/asof-dev/asof/value"
)

// planComputed is an on-demand view of a plan: its function, and where each of
// the function's inputs is.
type planComputed struct {
	view    *asof.OnDemandFeatureView
	program *ondemand.Program
	inputs  []planInput // of the program, in its order
}

// planInput is a feature that is read, a column of the request, or a join key.
type planInput struct {
	ondemand.Input
	reading, column int // of an input with a View
}

// compileFunc makes the program of a view that reads views with these keys.
type compileFunc func(view *asof.OnDemandFeatureView, keys []asof.Field) (*ondemand.Program, error)

// compute returns the place of an on-demand view, which a plan has once; what
// it reads is added to the readings.
func (p *plan) compute(s *asof.Snapshot, v *asof.OnDemandFeatureView, keyVersion int, compile compileFunc) (int, error) {
	if at := slices.IndexFunc(p.computed, func(c planComputed) bool { return c.view == v }); at >= 0 {
		return at, nil
	}
	made := planComputed{view: v}
	readings := map[string]int{} // by name of the view
	var keys []asof.Field
	for _, source := range v.Sources {
		if source.View == nil {
			continue
		}
		view, err := servedView(s, source.View.View)
		if err == nil {
			readings[view.Name], err = p.reading(&chosen{view: view, use: source.View}, keyVersion)
		}
		if err != nil {
			return 0, asof.Errorf(asof.ErrorCode(err), "on-demand feature view %q: %w", v.Name, err)
		}
		for _, at := range p.groups[p.readings[readings[view.Name]].group].keys {
			if k := p.keys[at]; !slices.ContainsFunc(keys, func(f asof.Field) bool { return f.Name == k.name }) {
				keys = append(keys, asof.Field{Name: k.name, Type: asof.Scalar(k.typ)})
			}
		}
	}
	var err error
	if made.program, err = compile(v, keys); err != nil {
		return 0, err
	}
	if made.program.How() == ondemand.Nowhere {
		return 0, asof.Errorf(asof.CodeInvalid, "%w", made.program.Reason())
	}
	for _, in := range made.program.Inputs() {
		input := planInput{Input: in}
		if in.View != "" {
			input.reading = readings[in.View]
			r := &p.readings[input.reading]
			if r.view.Feature(in.Feature) == nil {
				return 0, fault(FaultNoFeature, asof.Errorf(asof.CodeNotFound, "on-demand feature view %q reads feature %q, which view %q does not have (any more); run `asof apply`", v.Name, in.Feature, r.view.Name))
			}
			input.column = r.column(in.Feature)
		}
		made.inputs = append(made.inputs, input)
	}
	p.computed = append(p.computed, made)
	return len(p.computed) - 1, nil
}

// column returns the place of a feature in a reading; it is added where it is
// not read yet.
func (r *planReading) column(feature string) int {
	at := slices.Index(r.features, feature)
	if at < 0 {
		at = len(r.features)
		r.features = append(r.features, feature)
	}
	return at
}

// bindRequest reads the request data that the functions need.
func (a *Answer) bindRequest(columns []Column) error {
	a.sent = a.sent[:0]
	for _, c := range a.plan.computed {
		for _, in := range c.inputs {
			if in.View != "" || in.Key {
				continue
			}
			at := slices.IndexFunc(columns, func(s Column) bool { return s.Name == in.Name })
			if at < 0 {
				return fault(FaultNoRequestData, asof.Errorf(asof.CodeNotFound, "request data %q, which on-demand feature view %q needs, is missing: add it to the entity rows", in.Name, c.view.Name))
			}
			column, err := requestData(columns[at].Values, in.Type)
			if err != nil {
				return c.misfit(in, err)
			}
			a.sent = append(a.sent, column)
		}
	}
	return nil
}

// misfit names the input of a value that does not fit its type.
func (c *planComputed) misfit(in planInput, err error) error {
	if wrong := (*asof.CastError)(nil); errors.As(err, &wrong) {
		return asof.Errorf(asof.CodeInvalid, "row %d: %q, which on-demand feature view %q needs: %w", wrong.Row+1, in.Name, c.view.Name, err)
	}
	return err
}

// compute fills the outputs: one reading for each on-demand view, with one
// value for each row.
func (a *Answer) compute(ctx context.Context) error {
	if len(a.plan.computed) == 0 {
		return nil
	}
	a.each = resized(a.each, a.rows)
	for row := range a.each {
		a.each[row] = int32(row)
	}
	sent := a.sent
	for i := range a.plan.computed {
		c := &a.plan.computed[i]
		batch, rest, err := a.inputs(c, sent)
		sent = rest
		if err != nil {
			return err
		}
		out, err := c.program.Run(ctx, batch, memory.DefaultAllocator)
		batch.Release()
		if err != nil {
			return err
		}
		err = a.keep(&a.outputs[i], c.view, out)
		out.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// inputs makes the columns of a function, one row for each entity row. Of the
// request data that is left it takes its own.
func (a *Answer) inputs(c *planComputed, sent []arrow.Array) (batch arrow.RecordBatch, rest []arrow.Array, err error) {
	fields := make([]arrow.Field, len(c.inputs))
	columns := make([]arrow.Array, 0, len(c.inputs))
	for i, in := range c.inputs {
		var column arrow.Array
		switch {
		case in.View != "":
			var f featureColumn
			a.read(&f, in.reading, in.column)
			column, err = value.Decode(in.Type, a.rows, func(row int) []byte { return f.value(f.at[row], a.drop) }, memory.DefaultAllocator)
		case in.Key:
			k := a.keys[slices.IndexFunc(a.keys, func(k keyColumn) bool { return k.name == in.Name })]
			column, err = value.Decode(in.Type, a.rows, k.value, memory.DefaultAllocator)
		default:
			column, sent = sent[0], sent[1:]
		}
		if err != nil {
			return nil, nil, c.misfit(in, err)
		}
		columns = append(columns, column)
		fields[i] = arrow.Field{Name: in.Name, Type: column.DataType(), Nullable: true}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(a.rows)), sent, nil
}

// requestData reads what a request says as values of the declared type.
func requestData(cells []Cell, t asof.Type) (arrow.Array, error) {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for _, c := range cells {
		switch c.kind {
		case null:
			b.AppendNull()
		case whole:
			b.Append(strconv.FormatInt(c.whole, 10))
		default:
			b.Append(c.text)
		}
	}
	texts := b.NewArray()
	defer texts.Release()
	return asof.Cast(texts, t, memory.DefaultAllocator)
}

// keep writes the features as values.
func (a *Answer) keep(r *asof.Reading, v *asof.OnDemandFeatureView, out arrow.RecordBatch) error {
	r.Found, r.Events = resized(r.Found, a.rows), resized(r.Events, a.rows)
	for row := range a.rows {
		r.Found[row], r.Events[row] = true, 0
	}
	r.Buf, r.Spans = r.Buf[:0], r.Spans[:0]
	for i, f := range v.Features {
		for row := range a.rows {
			start := len(r.Buf)
			var err error
			if r.Buf, err = value.Append(r.Buf, f.Type, out.Column(i), row); err != nil {
				return asof.Errorf(asof.CodeInvalid, "feature %q of on-demand feature view %q: %w", f.Name, v.Name, err)
			}
			r.Spans = append(r.Spans, asof.Span{Start: int32(start), End: int32(len(r.Buf))})
		}
	}
	return nil
}
