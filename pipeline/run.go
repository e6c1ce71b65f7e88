package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	runner "github.com/asof-dev/asof/run"
	"github.com/asof-dev/asof/tablefile"
)

// Options say what to run, and on what.
type Options struct {
	Pipeline    *Pipeline
	Repo        string // the folder that file names start from
	Warehouse   asof.Warehouse
	Materialize Materialize      // nil: a materialize step is left out, which the caller says
	Monitor     Monitor          // nil: a monitor step is left out likewise
	TrainingSet TrainingSet      // nil: a training_set step is left out likewise
	Notify      Notify           // nil: nobody is told
	Told        func(StepReport) // hears what each step did when it has ended, also one that failed; nil: nobody
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
	Failed     bool
	Skipped    bool // its condition did not hold, or that of what it needs
	Warnings   asof.Problems
	Checks     []check.Result  // of a step that checks: every rule, whether it holds or not
	Profile    []check.Profile // of a step that checks: the columns, where the pipeline asks for it
	Duration   time.Duration
}

// PublishStep is the name of the step that shows what was staged.
const PublishStep = "publish"

// run is one run of a pipeline.
type run struct {
	Options
	id      string
	started time.Time // when it was first asked for
	began   time.Time // when it was first begun
	asOf    time.Time
	values  Values
	loads   map[string]*LoadStep // by table; without those that are skipped
	skipped map[string]bool      // steps, by name

	opening sync.Mutex
	stage   asof.Stage // nil: nobody needed it yet

	mu       sync.Mutex
	files    map[string]loadFiles     // by table
	contents map[string]string        // of files, by table, as they were last looked at
	failed   map[string]bool          // tables that could not be loaded
	problems map[string]asof.Problems // by step
	done     *asof.Published          // by this process
}

// loadFiles are the files of a load, and what they are called together.
type loadFiles struct {
	name string
	tablefile.Files
}

// load stages the files of one table, or the rows of a query. What is wrong with
// them is returned as problems.
func (r *run) load(ctx context.Context, s Step, a *runner.Attempt, report *StepReport) (asof.Problems, error) {
	stage, err := r.staging(ctx)
	if err != nil {
		return nil, err
	}
	if s.Load.Query != "" {
		err = r.stageQuery(ctx, stage, s, report)
	} else {
		err = r.stageFiles(ctx, stage, s, a, report)
	}
	if asof.ErrorCode(err) != asof.CodeInvalid {
		return nil, err
	}
	var problems asof.Problems
	if errors.As(err, &problems) {
		return problems, nil
	}
	return asof.Problems{r.located(s.Load.Table.Name, err)}, nil
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
	if lines := r.filesOf(table).Lines([][]string{key})[strings.Join(key, "\x00")]; len(lines) > 0 {
		problem.Place = lines[0]
		problem.Message += " (" + atLines(lines) + ")"
	}
	return problem
}

// atLines writes lines for a message: "line 3", "lines 3 and 9", "a.csv:3 and
// b.csv:9".
func atLines(lines []asof.Place) string {
	switch {
	case len(lines) == 0:
		return ""
	case len(lines) == 1:
		return fmt.Sprintf("line %d", lines[0].Line)
	case lines[0].File != lines[1].File:
		return fmt.Sprintf("%s:%d and %s:%d", lines[0].File, lines[0].Line, lines[1].File, lines[1].Line)
	}
	return fmt.Sprintf("lines %d and %d", lines[0].Line, lines[1].Line)
}

// find finds the files that a step loads.
func (r *run) find(s Step) (loadFiles, error) {
	return s.Load.find(r.values, r.Repo)
}

// filesOf returns what a table was loaded from. A load that stands was found by
// another process.
func (r *run) filesOf(table string) loadFiles {
	r.mu.Lock()
	files, known := r.files[table]
	r.mu.Unlock()
	for _, s := range r.Pipeline.Steps {
		switch {
		case known || s.Load == nil || s.Load.Table.Name != table || r.skipped[s.Name]:
		case s.Load.Query != "":
			return loadFiles{name: s.Name}
		default:
			files, _ = r.find(s) // where they are gone, their lines are not told
			return files
		}
	}
	return files
}

// stageFiles loads the files, unless the stage holds them already.
func (r *run) stageFiles(ctx context.Context, stage asof.Stage, s Step, a *runner.Attempt, report *StepReport) error {
	table := s.Load.Table.Name
	files, err := r.find(s)
	r.mu.Lock()
	r.files[table] = files
	r.mu.Unlock()
	if err != nil {
		return err
	}
	tables, err := stage.Staged(ctx)
	if err != nil {
		return err
	}
	if staged, there := tables[table]; there {
		if content, err := files.Content(); err == nil && content == staged.Content {
			report.Rows, a.Input = staged.Rows, content
			return nil
		}
	}
	rows, err := files.Open(a.Progress)
	if err != nil {
		return err
	}
	defer rows.Release()
	if report.Rows, err = stage.Load(ctx, s.Load.Table, rows, rows.Content); err == nil {
		a.Input = rows.Content()
	}
	report.Warnings = append(report.Warnings, rows.Warnings()...)
	return err
}

// stageQuery makes the table of a query.
func (r *run) stageQuery(ctx context.Context, stage asof.Stage, s Step, report *StepReport) (err error) {
	query := strings.TrimRight(strings.TrimSpace(r.values.fillSQL(s.Load.Query)), "; \n")
	report.Rows, err = stage.Make(ctx, s.Load.Table, query, "")
	if asof.ErrorCode(err) == asof.CodeInvalid {
		return asof.Problems{{Place: s.Place, Message: s.Name + ": " + err.Error()}}.Err()
	}
	return err
}
