package pipeline

import (
	"context"
	"path/filepath"
	"time"

	"github.com/asof-dev/asof"
)

// act does a command, http, notify or training_set step. What it prints goes to log.
func (r *run) act(ctx context.Context, s Step, values Values, log func(line string), report *StepReport) (err error) {
	a := action{values: values, repo: r.Repo, pipeline: r.Pipeline.Name, run: r.id, step: s.Name, log: log}
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
}

// filled returns the step with its parameters filled in and its files found
// from the repository on.
func (t TrainingSetStep) filled(values Values, repo string) TrainingSetStep {
	for _, file := range []*string{&t.File, &t.EntityFile} {
		if *file = values.fill(*file); *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(repo, *file)
		}
	}
	t.Entities = values.fillSQL(t.Entities)
	return t
}

// afterFailure does what the pipeline says of runs that fail. What fails of it
// is a warning.
func (r *run) afterFailure(ctx context.Context, why error, log func(level, step, text string)) (reports []StepReport) {
	values := Values{ErrorParam: why.Error()}
	for name, value := range r.values {
		values[name] = value
	}
	for _, s := range r.Pipeline.OnFailure {
		if !s.When.Holds(values) {
			continue
		}
		report := StepReport{Name: s.Name}
		start := time.Now()
		tell := func(line string) { log("info", s.Name, line) }
		if err := s.Retries.Do(ctx, s.Name, s.Timeout, func(ctx context.Context) error { return r.act(ctx, s, values, tell, &report) }, tell); err != nil {
			report.Failed = true
			report.Warnings = asof.Problems{{Place: s.Place, Message: err.Error()}}
		}
		report.Duration = time.Since(start)
		r.tell(report)
		reports = append(reports, report)
	}
	return reports
}
