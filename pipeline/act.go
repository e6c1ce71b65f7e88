package pipeline

import (
	"context"
	"path/filepath"

	"github.com/asof-dev/asof"
)

// act does a command, http, notify or training_set step.
func (r *run) act(ctx context.Context, s Step, values Values) error {
	return r.step(s.Name, func(report *StepReport) error {
		r.Progress.Report(s.Name, 0, 0)
		return r.attempts(ctx, s, func(ctx context.Context) (err error) {
			a := action{values: values, repo: r.Repo, pipeline: r.Pipeline.Name, run: r.report.Run, step: s.Name, log: func(line string) { r.tell(s.Name, line) }}
			switch {
			case s.Command != nil:
				return a.command(ctx, s.Command)
			case s.HTTP != nil:
				return a.http(ctx, s.HTTP)
			case s.Notify != nil && r.Notify != nil:
				return r.Notify(ctx, Message{Run: a.run, Step: s.Name, Text: values.fill(s.Notify.Text), Params: r.values, To: s.Notify.To})
			case s.TrainingSet != nil && r.TrainingSet != nil:
				report.Rows, err = r.TrainingSet(ctx, s.TrainingSet.filled(values, r.Repo))
			}
			return err
		})
	})
}

// filled returns the step with its parameters filled in and its files found
// from the repository on.
func (t TrainingSetStep) filled(values Values, repo string) TrainingSetStep {
	for _, file := range []*string{&t.File, &t.EntityFile} {
		if *file = values.fill(*file); *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(repo, *file)
		}
	}
	t.Entities = values.fill(t.Entities)
	return t
}

// tell logs a line of a step.
func (r *run) tell(step, line string) {
	if r.Log != nil {
		r.Log(step, line)
	}
}

// afterFailure does what the pipeline says of runs that fail. What fails of it
// is a warning.
func (r *run) afterFailure(ctx context.Context, why error) {
	values := Values{ErrorParam: why.Error()}
	for name, value := range r.values {
		values[name] = value
	}
	for _, s := range r.Pipeline.OnFailure {
		if !s.When.Holds(values) {
			continue
		}
		if err := r.act(ctx, s, values); err != nil {
			last := &r.report.Steps[len(r.report.Steps)-1]
			last.Warnings = append(last.Warnings, asof.Problem{Place: s.Place, Message: err.Error()})
		}
	}
}
