package python

import (
	"context"
	"time"

	"go.starlark.net/starlark"
)

// Call calls a function of a module that was run, within maxSteps of its own
// and the interpreter's MaxTime, until ctx ends. What goes wrong is an *Error
// with its place.
//
// The module's variables are as they were left: a function that changes them
// is refused, since what it returns would depend on the calls before.
func (in *Interpreter) Call(ctx context.Context, f *Function, maxSteps uint64, args ...starlark.Value) (starlark.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	thread := &starlark.Thread{Name: f.name, Print: func(*starlark.Thread, string) {}}
	thread.SetMaxExecutionSteps(maxSteps)
	thread.SetLocal(interpreterKey, in)
	in.late.Store(false)
	in.thread, in.config.MaxSteps = thread, maxSteps
	stop := context.AfterFunc(ctx, func() { thread.Cancel("the request has ended") })
	defer stop()
	timer := time.AfterFunc(in.config.MaxTime, func() {
		in.late.Store(true)
		thread.Cancel("too late")
	})
	defer timer.Stop()
	f.module.sealed = true
	v, err := starlark.Call(thread, f, args, nil)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		e := in.explain(f.module, err)
		if in.spent() {
			e.Message, e.Hint = "the function takes too long: is there a loop without end?", ""
		}
		return nil, e
	}
	return v, nil
}
