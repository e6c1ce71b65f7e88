package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// Options say what to run, and on what.
type Options struct {
	Pipeline    *Pipeline
	Params      map[string]string // by name, as text
	Repo        string            // the folder that file names start from
	Warehouse   asof.Warehouse
	Materialize Materialize // nil: a materialize step is left out, which the caller says
	TrainingSet TrainingSet // nil: a training_set step is left out likewise
	Notify      Notify      // nil: nobody is told
	Progress    asof.Progress
	Log         func(step, line string) // what programs print and servers answer; may be nil, and called from several goroutines
	Now         func() time.Time        // nil: the clock
}

// Report says what a run did, step by step, also of a run that failed.
type Report struct {
	Pipeline string
	Run      string // its ID
	AsOf     time.Time
	Steps    []StepReport
	Duration time.Duration
}

// StepReport says what one step did. Rows are those read, checked, published
// or materialized.
type StepReport struct {
	Name       string
	Table      string // that a step checks
	Aside      int64  // rows of it that broke rules and were put into Quarantine
	Quarantine string
	Rows       int64
	Changes    []asof.TableChange // of the step that publishes, by table; Dropped is nil
	Skipped    bool               // its condition did not hold, or that of what it needs
	Warnings   asof.Problems
	Checks     []check.Result  // of a step that checks: every rule, whether it holds or not
	Profile    []check.Profile // of a step that checks: the columns, where the pipeline asks for it
	Duration   time.Duration
}

// PublishStep is the name of the step that shows what was staged.
const PublishStep = "publish"

// Run runs a pipeline. Where a file or a check is wrong, all that is wrong is
// returned as asof.Problems, and tables and snapshots are as they were.
//
// Running it again with the same files changes nothing, and completes a run
// that was cut off, also between publishing and materializing.
func Run(ctx context.Context, o Options) (Report, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{Options: o, started: o.Now()}
	r.report.Pipeline = o.Pipeline.Name
	err := r.run(ctx)
	if err != nil && r.values != nil && ctx.Err() == nil {
		r.afterFailure(ctx, err)
	}
	r.report.Duration = o.Now().Sub(r.started)
	return r.report, err
}

// run is one run of a pipeline.
type run struct {
	Options
	started time.Time
	values  Values
	report  Report
	staged  map[string]int64 // rows by table
	stage   asof.Stage
	loads   map[string]*LoadStep
	files   map[string]fileName // by table
	failed  map[string]bool     // tables that could not be loaded
	checked map[string]bool     // tables whose rules have been put
	skipped map[string]bool     // steps, by name
}

// fileName is a file's path, and its name in messages.
type fileName struct{ path, name string }

func (r *run) run(ctx context.Context) error {
	values, err := r.Pipeline.Values(r.Params, r.started)
	if err != nil {
		return err
	}
	r.values, r.report.AsOf = values, values.AsOf()
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	r.report.Run = r.started.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(id)
	waiting := time.AfterFunc(time.Second, func() { r.Progress.Report("wait for another run", 0, 0) })
	stage, err := r.Warehouse.Stage(ctx, r.report.Run)
	waiting.Stop()
	if err != nil {
		return err
	}
	defer stage.Discard(context.WithoutCancel(ctx))
	r.stage, r.staged = stage, map[string]int64{}
	r.loads, r.files, r.failed = map[string]*LoadStep{}, map[string]fileName{}, map[string]bool{}
	r.checked, r.skipped = map[string]bool{}, map[string]bool{}
	staging, after := r.Pipeline.parts()
	problems, err := r.stageAll(ctx, staging)
	if err != nil && ctx.Err() == nil {
		err = asof.Errorf(asof.ErrorCode(err), "%w; nothing is published: tables and snapshots are as they were", err)
	}
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return asof.Errorf(asof.CodeInvalid, "pipeline %s stops before anything is published; tables and snapshots are as they were:\n%w", r.Pipeline.Name, problems)
	}
	done, err := r.publish(ctx)
	if err != nil {
		return err
	}
	return r.follow(ctx, after, done)
}

// parts returns the steps before publishing, the last of which stages or checks
// something, and those behind it.
func (p *Pipeline) parts() (before, after []Step) {
	last := 0
	for i, s := range p.Steps {
		if s.Load != nil || s.Check != nil || s.Snapshot != nil {
			last = i + 1
		}
	}
	return p.Steps[:last], p.Steps[last:]
}

// skips reports whether a step is left out, and enters it into the report.
func (r *run) skips(s Step) bool {
	needsSkipped := slices.ContainsFunc(s.Needs, func(name string) bool { return r.skipped[name] })
	if s.When.Holds(r.values) && !needsSkipped {
		return false
	}
	r.skipped[s.Name] = true
	r.report.Steps = append(r.report.Steps, StepReport{Name: s.Name, Skipped: true})
	return true
}

// step times a step and enters it into the report.
func (r *run) step(name string, do func(*StepReport) error) error {
	s := StepReport{Name: name}
	start := r.Now()
	err := do(&s)
	s.Duration = r.Now().Sub(start)
	if err == nil {
		r.Progress.Report(name, s.Rows, s.Rows)
	}
	r.report.Steps = append(r.report.Steps, s)
	return err
}

// stageAll stages every file and puts every rule to them, and returns all that is
// wrong. Nothing else is done once something is wrong.
func (r *run) stageAll(ctx context.Context, steps []Step) (problems asof.Problems, err error) {
	for i, s := range steps {
		switch {
		case s.Check != nil || r.skips(s):
		case s.Load != nil:
			err = r.step(s.Name, func(report *StepReport) error {
				return r.attempts(ctx, s, func(ctx context.Context) error {
					wrong, err := r.load(ctx, s, report)
					problems = append(problems, wrong...)
					return err
				})
			})
		case s.Snapshot == nil:
			var wrong asof.Problems
			if wrong, err = r.checkAll(ctx, steps[:i], steps[i:]); err == nil && len(problems)+len(wrong) == 0 {
				err = r.act(ctx, s, r.values)
			}
			problems = append(problems, wrong...)
		}
		if err != nil {
			return nil, err
		}
	}
	wrong, err := r.checkAll(ctx, steps, nil)
	return append(problems, wrong...), err
}

// checkAll puts the rules about the tables that steps have loaded, but for those
// of which later steps check more.
func (r *run) checkAll(ctx context.Context, steps, later []Step) (problems asof.Problems, err error) {
	for _, s := range steps {
		if s.Load == nil || r.loads[s.Load.Table.Name] == nil || r.failed[s.Load.Table.Name] || r.checked[s.Load.Table.Name] ||
			slices.ContainsFunc(later, func(l Step) bool { return l.Check != nil && l.Check.Table == s.Load.Table.Name }) {
			continue
		}
		r.checked[s.Load.Table.Name] = true
		name := "check " + s.Load.Table.Name
		err := r.step(name, func(report *StepReport) error {
			r.Progress.Report(name, 0, 0)
			wrong, err := r.check(ctx, s, report)
			problems = append(problems, wrong...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return problems, nil
}

// load stages one file. What is wrong with the file is returned as problems.
func (r *run) load(ctx context.Context, s Step, report *StepReport) (asof.Problems, error) {
	table := s.Load.Table
	file := fileName{name: r.values.fill(s.Load.File)}
	if file.path = file.name; !filepath.IsAbs(file.path) {
		file.path = filepath.Join(r.Repo, file.name)
	}
	r.loads[table.Name], r.files[table.Name] = s.Load, file
	if s.Load.Query != "" {
		r.files[table.Name] = fileName{name: s.Name} // in messages
		if len(r.failed) > 0 {                       // which it may read, and which are told
			r.failed[table.Name] = true
			return nil, nil
		}
		path, err := r.selected(ctx, r.values.fill(s.Load.Query), table)
		if asof.ErrorCode(err) == asof.CodeInvalid {
			r.failed[table.Name] = true
			return asof.Problems{{Place: s.Place, Message: s.Name + ": " + err.Error()}}, nil
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.Remove(path) }()
		file = fileName{path, s.Name}
	}
	if there, err := r.isStaged(ctx, s.Load, file.path); err != nil || there != nil {
		if there != nil {
			report.Rows, r.staged[table.Name] = there.Rows, there.Rows
		}
		return nil, err
	}
	content := newContent(s.Load)
	rows, err := openRows(file.path, file.name, table, content, func(done, total int64) { r.Progress.Report(s.Name, done, total) })
	if err == nil {
		defer rows.Release()
		report.Rows, err = r.stage.Load(ctx, table, rows, content.String)
		r.staged[table.Name] = report.Rows
		if err == nil && rows.torn {
			report.Warnings = append(report.Warnings, asof.Problem{Place: asof.Place{File: file.name, Line: rows.last},
				Message: "the last line has no line end; the file may be cut off"})
		}
	}
	if asof.ErrorCode(err) != asof.CodeInvalid {
		return nil, err
	}
	r.failed[table.Name] = true
	var problems asof.Problems
	if errors.As(err, &problems) {
		return problems, nil
	}
	problem := asof.Problem{Message: err.Error()}
	var duplicate *asof.DuplicateKey
	if errors.As(err, &duplicate) {
		if lines := linesOf(file.path, table, [][]string{duplicate.Values})[strings.Join(duplicate.Values, "\x00")]; len(lines) > 0 {
			problem.Place = asof.Place{File: file.name, Line: lines[0]}
			problem.Message += " (" + atLines(lines) + ")"
		}
	}
	return asof.Problems{problem}, nil
}

// isStaged returns what the stage holds of a file, nil where it has to be loaded.
func (r *run) isStaged(ctx context.Context, load *LoadStep, path string) (*asof.Staged, error) {
	tables, err := r.stage.Staged(ctx)
	staged, there := tables[load.Table.Name]
	if err != nil || !there {
		return nil, err
	}
	if content, err := contentOf(load, path); err != nil || content != staged.Content {
		return nil, nil // loading says what is wrong with the file
	}
	return &staged, nil
}
