package definition

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
)

// Result is what a repository's Python files define.
type Result struct {
	// Objects are the project, entities, sources, views and services, in this
	// order and by name of file and variable within a kind, as Feast finds them.
	Objects []asof.Object
	// Skipped are the Python files that are not definitions.
	Skipped []Skipped
	// Warnings are what is legal and probably not meant.
	Warnings asof.Problems
}

// Skipped is a file that was not read as a definition, and why.
type Skipped struct {
	File   string // below the repository
	Reason string
}

// Load reads the definition files of the repository that config belongs to. No
// Python is run. All mistakes are in the returned asof.Problems, with file, line
// and text.
func Load(_ context.Context, config *Config) (*Result, error) {
	environment := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		environment[name] = strings.ToValidUTF8(value, "\ufffd")
	}
	return load(config, os.DirFS(config.Dir), environment)
}

func load(config *Config, repository fs.FS, environment map[string]string) (*Result, error) {
	paths, err := files(repository)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the repository in %s cannot be read: %w", config.Dir, err)
	}
	l := &loader{config: config, joinKeys: map[*asof.FeatureView][]string{}, told: map[string]bool{}}
	l.offer()
	l.interpreter = python.New(python.Config{
		Root: config.Dir, FS: repository, Environ: environment,
		Modules: map[string]starlark.Value{"feast": feastModule{"", l}},
	})
	l.run(paths)
	l.collect(paths)
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	return &l.result, nil
}

// A loader reads one repository.
type loader struct {
	config      *Config
	interpreter *python.Interpreter

	// What Feast offers: its names, the modules each is imported from, and all
	// these modules.
	names   map[string]starlark.Value
	homes   map[string][]string
	classes map[string]*class
	modules []string

	built    []*object // every view and service, as it was built
	joinKeys map[*asof.FeatureView][]string
	pending  []pendingService
	shared   []sharedTexts
	result   Result
	problems asof.Problems
	told     map[string]bool
}

// problem records a mistake once, with the text at its place.
func (l *loader) problem(at python.Place, message string) {
	if at.Text != "" {
		message += "\n    " + at.Text
	}
	p := asof.Problem{Place: asof.Place{File: at.File, Line: at.Line}, Message: message}
	if !l.told[p.String()] {
		l.told[p.String()] = true
		l.problems = append(l.problems, p)
	}
}

func (l *loader) warn(at python.Place, format string, args ...any) {
	l.result.Warnings = append(l.result.Warnings, asof.Problem{Place: asof.Place{File: at.File, Line: at.Line}, Message: fmt.Sprintf(format, args...)})
}

// run runs the files, and sorts out those that are not definitions: they define
// nothing and open a feature store, or cannot be run and nobody imports them.
func (l *loader) run(paths []string) {
	defines := map[string]bool{}
	opens := map[string]python.Place{}
	for _, file := range paths {
		outline := l.interpreter.Outline(file)
		defines[file] = l.definesObjects(outline)
		for name, at := range outline.All() {
			if name == "FeatureStore" || strings.HasPrefix(name, "feast.") && strings.HasSuffix(name, ".FeatureStore") {
				opens[file] = at
			}
		}
	}
	for _, file := range paths {
		if at, ok := opens[file]; ok && !defines[file] {
			l.skip(file, "it opens a FeatureStore (line %d) and defines nothing", at.Line)
			continue
		}
		l.interpreter.Run(file)
	}
	for _, m := range l.interpreter.Modules() {
		if len(m.Errors) > 0 && !defines[m.File] && len(m.ImportedBy) == 0 && slices.Contains(paths, m.File) && m.Errors[0].Kind != python.Syntax {
			l.skip(m.File, "it defines nothing and cannot be run here: line %d: %s", m.Errors[0].Line, m.Errors[0].Message)
			continue
		}
		for _, e := range m.Errors {
			l.report(e)
		}
		for _, at := range m.Dropped {
			if defines[m.File] {
				l.warn(at, "this call of a library is not run when definitions are read: %s", at.Text)
			}
		}
	}
}

func (l *loader) skip(file, format string, args ...any) {
	l.result.Skipped = append(l.result.Skipped, Skipped{File: file, Reason: fmt.Sprintf(format, args...)})
}

// definesObjects tells whether a file calls one of Feast's classes when it is
// imported. Tests that build objects within their functions do not.
func (l *loader) definesObjects(outline python.Outline) bool {
	for name := range outline.Reached() {
		last := name[strings.LastIndex(name, ".")+1:]
		c := l.classes[last]
		if c == nil || !strings.HasPrefix(name, "feast.") && name != last {
			continue
		}
		if slices.Contains(c.bases, "DataSource") || slices.Contains(c.bases, "BaseFeatureView") ||
			slices.Contains([]string{"Entity", "FeatureService", "Project", "Permission", "on_demand_feature_view", "batch_feature_view", "stream_feature_view"}, last) {
			return true
		}
	}
	return false
}

// report turns a mistake that the interpreter found into a problem.
func (l *loader) report(e *python.Error) {
	message := e.Message
	if e.Hint != "" {
		message += "; " + e.Hint
	}
	for _, caller := range e.Callers {
		message += " (called from " + caller.String() + ")"
	}
	l.problem(e.Place, message)
}
