package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
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
	files   map[string]loadFiles // by table
	failed  map[string]bool      // tables that could not be loaded
	checked map[string]bool      // tables whose rules have been put
	skipped map[string]bool      // steps, by name
}

// loadFiles are the files of a load, and what they are called together.
type loadFiles struct {
	name   string
	inputs []input
}

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
	r.loads, r.files, r.failed = map[string]*LoadStep{}, map[string]loadFiles{}, map[string]bool{}
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

// load stages the files of one table. What is wrong with them is returned as
// problems.
func (r *run) load(ctx context.Context, s Step, report *StepReport) (asof.Problems, error) {
	stage := r.stageFiles
	if s.Load.Query != "" {
		stage = r.stageQuery
	}
	err := stage(ctx, s, report)
	if asof.ErrorCode(err) != asof.CodeInvalid {
		return nil, err
	}
	table := s.Load.Table
	r.failed[table.Name] = true
	var problems asof.Problems
	if errors.As(err, &problems) {
		return problems, nil
	}
	return asof.Problems{r.located(table.Name, err)}, nil
}

// located gives an error about a key of a loaded table the lines that have it.
func (r *run) located(table string, err error) asof.Problem {
	problem := asof.Problem{Message: err.Error()}
	var duplicate *asof.DuplicateKey
	var taken *asof.KeyTaken
	var key []string
	switch {
	case errors.As(err, &duplicate):
		key = duplicate.Values
	case errors.As(err, &taken):
		key, table = taken.Values, taken.Table
	default:
		return problem
	}
	if lines := linesOf(r.files[table].inputs, [][]string{key})[strings.Join(key, "\x00")]; len(lines) > 0 {
		problem.Place = lines[0]
		problem.Message += " (" + atLines(lines) + ")"
	}
	return problem
}

// stageFiles loads the files, unless the stage holds them already.
func (r *run) stageFiles(ctx context.Context, s Step, report *StepReport) error {
	table, name := s.Load.Table.Name, r.values.fill(s.Load.File)
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Repo, name)
	}
	r.loads[table], r.files[table] = s.Load, loadFiles{name: name}
	inputs, err := inputs(s.Load, path, name, r.values.fill)
	if err != nil {
		return err
	}
	r.files[table] = loadFiles{name, inputs}
	tables, err := r.stage.Staged(ctx)
	if err != nil {
		return err
	}
	if staged, there := tables[table]; there {
		if content, err := contentOf(s.Load, inputs); err == nil && content == staged.Content {
			report.Rows, r.staged[table] = staged.Rows, staged.Rows
			return nil
		}
	}
	rows, err := newChain(s.Load, inputs, func(done, total int64) { r.Progress.Report(s.Name, done, total) })
	if err != nil {
		return err
	}
	defer rows.Release()
	report.Rows, err = r.stage.Load(ctx, s.Load.Table, rows, rows.copied.String)
	r.staged[table] = report.Rows
	report.Warnings = append(report.Warnings, rows.warnings...)
	return err
}

// stageQuery makes the table of a query, unless what it may read could not be
// loaded, which is told.
func (r *run) stageQuery(ctx context.Context, s Step, report *StepReport) (err error) {
	table := s.Load.Table.Name
	r.loads[table], r.files[table] = s.Load, loadFiles{name: s.Name}
	if len(r.failed) > 0 {
		r.failed[table] = true
		return nil
	}
	query := strings.TrimRight(strings.TrimSpace(r.values.fill(s.Load.Query)), "; \n")
	report.Rows, err = r.stage.Make(ctx, s.Load.Table, query, "")
	r.staged[table] = report.Rows
	if asof.ErrorCode(err) == asof.CodeInvalid {
		return asof.Problems{{Place: s.Place, Message: s.Name + ": " + err.Error()}}.Err()
	}
	return err
}
