package pipeline

import (
	"context"

	"github.com/asof-dev/asof"
	runner "github.com/asof-dev/asof/run"
)

// monitorNode computes statistics of what was published. The month stands
// whatever comes of that, unless the step says otherwise.
func (r *run) monitorNode(s Step) runner.Step {
	return runner.Step{Input: r.input(false, s.Monitor), Do: r.step(s.Name, func(ctx context.Context, a *runner.Attempt, report *StepReport) (asof.Problems, error) {
		if r.Monitor == nil {
			return nil, nil
		}
		done, err := r.Monitor(ctx, r.asOf, *s.Monitor, "run "+r.id, a.Note)
		report.Rows = done.Rows
		if err != nil && (s.Monitor.FailOn != FailOnNothing || ctx.Err() != nil) {
			return nil, err
		}
		var drifted asof.Problems
		for _, why := range done.Drifted {
			drifted = append(drifted, asof.Problem{Message: why})
		}
		if s.Monitor.FailOn == FailOnDrift {
			return drifted, nil
		}
		report.Warnings = drifted
		if err != nil {
			report.Warnings = append(report.Warnings, asof.Problem{Message: "there are no statistics: " + err.Error()})
		}
		return nil, nil
	})}
}
