package ondemand

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// instance is a function loaded into an interpreter of its own: one call at a
// time.
type instance struct {
	interpreter *python.Interpreter
	function    *python.Function
	current     *run
}

// always are the names that Feast gives every function that it reads from a
// registry.
const always = "import pandas as pd\nimport pandas\nimport numpy as np\nimport numpy\n"

// file is the one that a function is loaded from.
const file = "function.py"

func (p *Program) instance() (*instance, error) {
	if i, ok := p.pool.Get().(*instance); ok {
		return i, nil
	}
	return load(p.view.Function)
}

func load(f *asof.Function) (*instance, error) {
	prelude := always
	if f.Imports != "" {
		prelude += strings.TrimSuffix(f.Imports, "\n") + "\n"
	}
	i := &instance{}
	current := func() *run { return i.current }
	i.interpreter = python.New(python.Config{
		FS:      embed.FS{}, // no files
		Modules: map[string]starlark.Value{"pandas": pandas(current), "numpy": numpy(current)},
	})
	module := i.interpreter.RunText(file, prelude+undecorated(f.Text))
	lines := strings.Count(prelude, "\n")
	function, ok := module.Get(f.Name).(*python.Function)
	if !ok {
		for _, name := range module.Names() {
			if other, is := module.Get(name).(*python.Function); is && other.Place().Line > lines {
				function, ok = other, true
			}
		}
	}
	for _, e := range module.Errors {
		if e.Line > lines || e.Line == 0 {
			return nil, shifted(e, lines)
		}
	}
	if !ok {
		return nil, fmt.Errorf("the source text holds no function %q", f.Name)
	}
	i.function = function
	return i, nil
}

// shifted counts the lines of the function alone.
func shifted(e *python.Error, lines int) *python.Error {
	moved := *e
	moved.Line -= lines
	return &moved
}

// undecorated is the source text of a function with blank lines in the place of
// its decorators, moved to the left margin.
func undecorated(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		bare := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(bare, "def ") || strings.HasPrefix(bare, "async def ") {
			indent := line[:len(line)-len(bare)]
			for j := i; j < len(lines); j++ {
				lines[j] = strings.TrimPrefix(lines[j], indent)
			}
			return strings.Repeat("\n", i) + strings.Join(lines[i:], "\n")
		}
	}
	return text
}

// Bounds of one call: steps of Starlark, to begin with and for each row.
const (
	baseSteps = 1_000_000
	rowSteps  = 20_000
)

// run calls the function with the rows of inputs and returns what it gives.
func (i *instance) run(ctx context.Context, p *Program, inputs arrow.RecordBatch) (map[string]*vector, error) {
	i.current = &run{n: int(inputs.NumRows())}
	columns, err := p.read(i.current, inputs)
	if err != nil {
		return nil, err
	}
	steps := uint64(baseSteps + rowSteps*inputs.NumRows())
	call := func(x starlark.Value) (starlark.Value, error) {
		v, err := i.interpreter.Call(ctx, i.function, steps, x)
		var e *python.Error
		if errors.As(err, &e) {
			err = shifted(e, strings.Count(always, "\n")+preludeLines(p.view.Function))
		}
		if err == nil {
			err = i.current.fault
		}
		return v, err
	}
	switch {
	case p.view.Mode == "pandas":
		return runFrame(columns, call)
	case p.view.Singleton:
		return runSingly(columns, call)
	}
	return runLists(columns, call)
}

func preludeLines(f *asof.Function) int {
	if f.Imports == "" {
		return 0
	}
	return strings.Count(strings.TrimSuffix(f.Imports, "\n"), "\n") + 1
}

// read makes a frame of the inputs. A feature has its own name as well as the
// full one; of two of one name the later source's counts.
func (p *Program) read(r *run, inputs arrow.RecordBatch) (*frame, error) {
	f := r.frame()
	for _, in := range p.inputs {
		at := inputs.Schema().FieldIndices(in.Name)
		if len(at) == 0 {
			return nil, fmt.Errorf("input %q is missing", in.Name)
		}
		v, err := fromArrow(inputs.Column(at[0]))
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		if in.Key {
			if _, taken := f.columns[in.Name]; taken {
				continue
			}
		}
		f.set(in.Name, v)
		f.set(in.Feature, v)
	}
	return f, nil
}

type caller func(x starlark.Value) (starlark.Value, error)

// dict calls a function that has to return a dict.
func (call caller) dict(x starlark.Value) (*starlark.Dict, error) {
	v, err := call(x)
	if err != nil {
		return nil, err
	}
	out, ok := v.(*starlark.Dict)
	if !ok {
		return nil, fmt.Errorf("the function returns %s, not a dict", v.Type())
	}
	return out, nil
}

// runFrame calls a function of pandas mode.
func runFrame(inputs *frame, call caller) (map[string]*vector, error) {
	v, err := call(inputs)
	if err != nil {
		return nil, err
	}
	out, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("the function returns %s, not a data frame", v.Type())
	}
	return out.columns, nil
}

// runLists calls a function of python mode with the lists of all rows. Inputs
// that it returns may be features.
func runLists(inputs *frame, call caller) (map[string]*vector, error) {
	inputs.run.rowwise = true
	d := starlark.NewDict(len(inputs.names))
	for _, name := range inputs.names {
		_ = d.SetKey(starlark.String(name), starlark.NewList(inputs.columns[name].list())) // a new dict takes any text
	}
	out, err := call.dict(d)
	if err != nil {
		return nil, err
	}
	columns := inputs.copy().columns
	for _, item := range out.Items() {
		name, _ := starlark.AsString(item[0])
		var values []starlark.Value
		switch x := item[1].(type) {
		case *starlark.List, starlark.Tuple:
			values = listOf(x.(starlark.Iterable))
		default:
			values = []starlark.Value{x}
		}
		if len(values) != inputs.run.n {
			return nil, fmt.Errorf("the function gives %d values of %q for %d rows", len(values), name, inputs.run.n)
		}
		if columns[name], err = collected(values); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	return columns, nil
}

// runSingly calls a function of single values for every row.
func runSingly(inputs *frame, call caller) (map[string]*vector, error) {
	inputs.run.rowwise = true
	values := map[string][]starlark.Value{}
	for i := range inputs.run.n {
		d := starlark.NewDict(len(inputs.names))
		for _, name := range inputs.names {
			x := inputs.columns[name].value(i)
			if inputs.columns[name].isNull(i) {
				x = starlark.None
			}
			_ = d.SetKey(starlark.String(name), x) // a new dict takes any text
		}
		out, err := call.dict(d)
		if err != nil {
			return nil, err
		}
		for _, item := range out.Items() {
			name, _ := starlark.AsString(item[0])
			if values[name] == nil {
				values[name] = make([]starlark.Value, inputs.run.n)
			}
			values[name][i] = item[1]
		}
	}
	columns := inputs.copy().columns
	for name, list := range values {
		for i, x := range list {
			if x == nil {
				return nil, fmt.Errorf("the function gives no %q for row %d", name, i+1)
			}
		}
		v, err := collected(list)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		columns[name] = v
	}
	return columns, nil
}
