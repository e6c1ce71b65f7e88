// Package ondemand runs the functions of on-demand feature views over Arrow
// columns, online and offline alike.
//
// A function is Python, and Python is needed for none but a few of them. One in
// pandas mode is called once per batch with a data frame whose columns are
// vectors of Go: what it does element by element runs vectorised, with the
// types and nulls of pandas. What it does with single values (apply, a list
// comprehension), and a function in python mode, runs in Starlark row by row.
// What neither can run goes to a Python process, where one is configured.
//
// A row's answer never depends on the rows that are asked for with it, so that
// one row read online and a million offline have the same bits. Integers
// therefore stay integers beside a null, and a method that looks at other rows
// (max, shift, rank) is left to Python. Functions see no files, no network and
// no clock but the one that they import, and run within bounds of steps and
// time. No pickle is ever loaded.
package ondemand

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// How says what runs a function.
type How string

// The ways in which a function runs; one that a service runs is "by" and its
// place.
const (
	Columns How = "over columns"
	Rows    How = "row by row in Starlark"
	Worker  How = "in a Python process"
	Nowhere How = "not at all"
)

// Options are what a function may need beside its view.
type Options struct {
	Keys    []asof.Field // the join keys of the views that it reads
	Workers *Workers     // for what cannot be run here; may be nil
}

// Program is the function of a view, ready to be run. It is safe for concurrent
// use.
type Program struct {
	view    *asof.OnDemandFeatureView
	inputs  []Input
	how     How
	reason  error
	workers *Workers
	outside bool      // the workers run it
	pool    sync.Pool // of *instance
}

// Compile makes the program of a view. A function that cannot be run is no
// error: How says Nowhere then, and Reason why. A view that cannot be computed
// whatever its function is (it has none, or is a Substrait plan) is CodeInvalid.
func Compile(view *asof.OnDemandFeatureView, o Options) (*Program, error) {
	p := &Program{view: view, workers: o.Workers}
	switch {
	case view.Function == nil && len(view.Aggregations) > 0:
		return nil, asof.Errorf(asof.CodeInvalid, "on-demand feature view %q aggregates, which asof does not compute when features are asked for; give it a function", view.Name)
	case view.Function == nil:
		return nil, asof.Errorf(asof.CodeInvalid, "on-demand feature view %q has no function", view.Name)
	case view.Mode != "pandas" && view.Mode != "python":
		return nil, asof.Errorf(asof.CodeInvalid, "on-demand feature view %q has mode %q; asof runs \"pandas\" and \"python\"", view.Name, view.Mode)
	case view.Function.Text == "":
		return nil, asof.Errorf(asof.CodeInvalid, "the registry does not hold the source text of on-demand feature view %q, only a pickle, which asof does not load; apply the definitions with `asof apply`", view.Name)
	}
	p.inputs = inputsOf(view, o.Keys)
	p.try()
	return p, nil
}

// Summary says in a sentence how the function of a view runs, and why not here
// where it does not. Ok is false where it does not run at all.
func Summary(view *asof.OnDemandFeatureView, o Options) (sentence string, ok bool) {
	p, err := Compile(view, o)
	switch {
	case err != nil:
		return err.Error(), false
	case p.how == Nowhere:
		return fmt.Sprintf("%s; until then its features cannot be read", p.reason), false
	case p.reason != nil:
		return fmt.Sprintf("on-demand feature view %q runs %s; over a made-up row: %s", view.Name, p.how, p.reason), true
	}
	return fmt.Sprintf("on-demand feature view %q runs %s", view.Name, p.how), true
}

// try runs the function over a made-up row, and over one of nulls, and decides
// how it is run. A mistake that the values may be the cause of decides nothing:
// with other values the function may do.
func (p *Program) try() {
	p.how = Columns
	if p.view.Mode == "python" {
		p.how = Rows
	}
	for _, nulls := range []bool{false, true} {
		batch := sample(p.inputs, nulls)
		i, err := p.instance()
		if err == nil {
			_, err = i.run(context.Background(), p, batch)
		}
		batch.Release()
		if i != nil && i.current.rowwise {
			p.how = Rows
		}
		if err == nil {
			continue
		}
		var e *python.Error
		switch {
		case p.workers.takes(p.view) && !nulls:
			p.how, p.outside, p.reason = p.workers.how(), true, p.explain(err)
			return
		case errors.As(err, &e) && e.Kind != python.Failed:
			p.how, p.reason = Nowhere, p.explain(err)
			return
		case !nulls:
			p.reason = p.explain(err)
		}
	}
}

// Inputs are the columns that Run needs.
func (p *Program) Inputs() []Input { return p.inputs }

// How says what runs the function.
func (p *Program) How() How { return p.how }

// Reason is why the function does not run here, with the line and the
// construct. Where How is Columns or Rows it is what went wrong over a made-up
// row, which real values need not meet; nil if nothing did.
func (p *Program) Reason() error { return p.reason }

// batchRows bounds the rows of one call, and so its memory.
const batchRows = 1 << 16

// Run computes the view's features, in declared order and of their declared
// types, for the rows of inputs, which has the columns of Inputs by name. A
// mistake of the function, or a value that does not fit its feature's type, is
// CodeInvalid.
func (p *Program) Run(ctx context.Context, inputs arrow.RecordBatch, mem memory.Allocator) (arrow.RecordBatch, error) {
	if p.how == Nowhere {
		return nil, asof.Errorf(asof.CodeInvalid, "%w", p.reason)
	}
	if inputs.NumRows() <= batchRows {
		return p.runPart(ctx, inputs, mem)
	}
	var parts []arrow.RecordBatch
	defer func() {
		for _, part := range parts {
			part.Release()
		}
	}()
	for from := int64(0); from < inputs.NumRows(); from += batchRows {
		slice := inputs.NewSlice(from, min(from+batchRows, inputs.NumRows()))
		part, err := p.runPart(ctx, slice, mem)
		slice.Release()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	columns := make([]arrow.Array, len(p.view.Features))
	defer releaseAll(columns)
	for c := range columns {
		pieces := make([]arrow.Array, len(parts))
		for i, part := range parts {
			pieces[i] = part.Column(c)
		}
		var err error
		if columns[c], err = array.Concatenate(pieces, mem); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(parts[0].Schema(), columns, inputs.NumRows()), nil
}

func releaseAll(columns []arrow.Array) {
	for _, c := range columns {
		if c != nil {
			c.Release()
		}
	}
}

func (p *Program) runPart(ctx context.Context, inputs arrow.RecordBatch, mem memory.Allocator) (arrow.RecordBatch, error) {
	var outputs map[string]arrow.Array
	var err error
	if p.outside {
		outputs, err = p.workers.run(ctx, p.view, inputs, mem)
	} else {
		outputs, err = p.runHere(ctx, inputs, mem)
	}
	if err != nil {
		return nil, asof.Errorf(codeOf(err), "%w", p.explain(err))
	}
	defer func() {
		for _, a := range outputs {
			a.Release()
		}
	}()
	fields := make([]arrow.Field, len(p.view.Features))
	columns := make([]arrow.Array, len(fields))
	defer releaseAll(columns)
	for i, f := range p.view.Features {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true}
		a, ok := outputs[f.Name]
		if !ok {
			return nil, asof.Errorf(asof.CodeInvalid, "the function of on-demand feature view %q does not give its feature %q", p.view.Name, f.Name)
		}
		if columns[i], err = asof.Cast(a, f.Type, mem); err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "feature %q of on-demand feature view %q: %w", f.Name, p.view.Name, err)
		}
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, inputs.NumRows()), nil
}

func codeOf(err error) asof.Code {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || asof.ErrorCode(err) != asof.CodeInternal {
		return asof.ErrorCode(err)
	}
	return asof.CodeInvalid
}

func (p *Program) runHere(ctx context.Context, inputs arrow.RecordBatch, mem memory.Allocator) (map[string]arrow.Array, error) {
	i, err := p.instance()
	if err != nil {
		return nil, err
	}
	defer p.pool.Put(i)
	vectors, err := i.run(ctx, p, inputs)
	if err != nil {
		return nil, err
	}
	outputs := map[string]arrow.Array{}
	for _, f := range p.view.Features {
		if v := vectors[f.Name]; v != nil {
			outputs[f.Name] = v.column(mem)
		}
	}
	return outputs, nil
}

// explain names the view and the line of its function.
func (p *Program) explain(err error) error {
	var e *python.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("on-demand feature view %q: %w", p.view.Name, err)
	}
	where := fmt.Sprintf("line %d of the function", e.Line)
	if e.Line < 1 {
		where = "the function"
	}
	if e.Text != "" {
		where += " (" + e.Text + ")"
	}
	hint := ""
	if e.Hint != "" && e.Hint != python.PythonHint {
		hint = "; " + e.Hint
	}
	return fmt.Errorf("on-demand feature view %q: %s: %s%s", p.view.Name, where, e.Message, hint)
}
