package historical

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// computation is an on-demand view of a choice: its function, and where each of
// the function's inputs is.
type computation struct {
	view    *asof.OnDemandFeatureView
	program *ondemand.Program
	inputs  []computationInput // of the program, in its order
}

// computationInput is a feature of a view, or a column of the entity rows.
type computationInput struct {
	view, at int // which of choice.views, which of its features
	column   string
}

// compute returns the computation of an on-demand view, which the choice has
// once, and the place of one of its features.
func (c *choice) compute(s *asof.Snapshot, view, feature string) (*computation, int, error) {
	v, err := s.OnDemandView(view)
	if err != nil {
		return nil, 0, err
	}
	at := slices.IndexFunc(v.Features, func(f asof.Field) bool { return f.Name == feature })
	if at < 0 {
		var names []string
		for _, f := range v.Features {
			names = append(names, f.Name)
		}
		return nil, 0, asof.Errorf(asof.CodeNotFound, "on-demand feature view %q has no feature %q%s", view, feature, asof.DidYouMean(feature, names))
	}
	for _, other := range c.computed {
		if other.view == v {
			return other, at, nil
		}
	}
	if err := v.Served(); err != nil {
		return nil, 0, err
	}
	made := &computation{view: v}
	c.computed = append(c.computed, made)
	return made, at, nil
}

// prepare compiles the computations and adds what they read to the views.
func (c *choice) prepare(s *asof.Snapshot, workers *ondemand.Workers) error {
	for _, made := range c.computed {
		if err := c.prepareOne(s, made, workers); err != nil {
			return err
		}
	}
	return nil
}

func (c *choice) prepareOne(s *asof.Snapshot, made *computation, workers *ondemand.Workers) error {
	sources := map[string]int{} // by name of the view: which of c.views
	var keys []asof.Field
	for _, source := range made.view.Sources {
		if source.View == nil {
			continue
		}
		at, err := c.source(s, source.View)
		if err != nil {
			return asof.Errorf(asof.ErrorCode(err), "on-demand feature view %q: %w", made.view.Name, err)
		}
		sources[source.View.View] = at
		for _, k := range c.views[at].Keys {
			if !slices.ContainsFunc(keys, func(f asof.Field) bool { return f.Name == k.Entity }) {
				keys = append(keys, asof.Field{Name: k.Entity, Type: k.Type})
			}
		}
	}
	var err error
	if made.program, err = ondemand.Compile(made.view, ondemand.Options{Keys: keys, Workers: workers}); err != nil {
		return err
	}
	if made.program.How() == ondemand.Nowhere {
		return asof.Errorf(asof.CodeInvalid, "%w", made.program.Reason())
	}
	for _, in := range made.program.Inputs() {
		input := computationInput{view: -1, column: in.Name}
		if in.View != "" {
			input.view = sources[in.View]
			if input.at, err = c.input(input.view, in.Feature); err != nil {
				return asof.Errorf(asof.ErrorCode(err), "on-demand feature view %q: %w", made.view.Name, err)
			}
		}
		made.inputs = append(made.inputs, input)
	}
	return nil
}

// source returns the place of a view that is read for an on-demand view: one
// that is read anyhow where its keys are the same.
func (c *choice) source(s *asof.Snapshot, p *asof.Projection) (int, error) {
	v, err := readable(s, p.View)
	if err != nil {
		return 0, err
	}
	q, err := (&asof.Projection{View: p.View, JoinKeyMap: p.JoinKeyMap}).Query(v)
	if err != nil {
		return 0, err
	}
	for i, other := range c.views {
		if c.defined[i] == v && slices.Equal(keyColumns(other.Keys), keyColumns(q.Keys)) {
			return i, nil
		}
	}
	c.views, c.defined = append(c.views, q), append(c.defined, v)
	return len(c.views) - 1, nil
}

func keyColumns(keys []asof.KeyColumn) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.Column, k.Entity)
	}
	return names
}

// input returns the place of a feature among those that are read of a view; one
// that is not asked for is read under a name of its own.
func (c *choice) input(view int, feature string) (int, error) {
	q, err := (&asof.Projection{View: c.defined[view].Name, Features: []asof.Field{{Name: feature}}}).Query(c.defined[view])
	if err != nil {
		return 0, err
	}
	read := &c.views[view].Features
	for i, f := range *read {
		if f.Column == q.Features[0].Column && f.Type.Equal(q.Features[0].Type) {
			return i, nil
		}
	}
	f := q.Features[0]
	f.Output = fmt.Sprintf("__input_%d_%d", view, len(*read))
	*read = append(*read, f)
	return len(*read) - 1, nil
}

// requestData names the columns that the entity rows need for the functions,
// each with the on-demand view that it is for.
func (c *choice) requestData() (columns, views []string) {
	for _, made := range c.computed {
		for _, in := range made.program.Inputs() {
			if in.View == "" && !in.Key && !slices.Contains(columns, in.Name) {
				columns, views = append(columns, in.Name), append(views, made.view.Name)
			}
		}
	}
	return columns, views
}

// run computes the features for a batch of the store's answer. The features of
// view i begin at column first[i].
func (m *computation) run(ctx context.Context, rows arrow.RecordBatch, entities []string, first []int, mem memory.Allocator) (arrow.RecordBatch, error) {
	fields := make([]arrow.Field, len(m.inputs))
	columns := make([]arrow.Array, 0, len(m.inputs))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, in := range m.program.Inputs() {
		at := slices.Index(entities, m.inputs[i].column)
		if view := m.inputs[i].view; view >= 0 {
			at = first[view] + m.inputs[i].at
		}
		column, err := asof.Cast(rows.Column(at), in.Type, mem)
		if wrong := (*asof.CastError)(nil); errors.As(err, &wrong) {
			return nil, asof.Errorf(asof.CodeInvalid, "column %q of the entity rows, which on-demand feature view %q needs: %w", in.Name, m.view.Name, err)
		}
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
		fields[i] = arrow.Field{Name: in.Name, Type: column.DataType(), Nullable: true}
	}
	batch := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rows.NumRows())
	defer batch.Release()
	return m.program.Run(ctx, batch, mem)
}
