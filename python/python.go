// Package python runs the small part of Python in which Feast repositories are
// written, without a Python interpreter.
//
// A file is parsed by tree-sitter, each of its statements is translated into a
// Starlark syntax tree that keeps Python's line numbers, and Starlark runs it
// with bounded steps and without access to anything that the caller did not
// hand in. Module variables live in a namespace of our own, so that star
// imports, global statements, globals() and names bound later behave as in
// Python.
//
// A statement that fails does not stop its module: the mistake is recorded, the
// names that it would have bound become [Unknown], and the next statement runs.
// One run thus reports all the mistakes of a repository.
//
// Of classes only those are translated that hold values: constants, enumerations
// and dataclasses whose fields have defaults. Classes with methods, async, yield
// and match are not, and try only at a module's own level. A function whose body
// uses them may be defined (its source text is kept, see [Function]) but not
// called.
package python

import (
	"cmp"
	"io/fs"
	"sync/atomic"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Config says what the interpreted files may see.
type Config struct {
	// Root is the absolute path of the repository. It is only ever a text: it
	// gives __file__ its value. Files are read through FS.
	Root string
	// FS holds the repository's files. Modules are imported from it and open()
	// reads from it; nothing is ever written.
	FS fs.FS
	// Environ is what os.environ holds.
	Environ map[string]string
	// Modules are the caller's own modules by dotted name. They go before the
	// repository's files and before the standard library.
	Modules map[string]starlark.Value
	// MaxSteps bounds the whole run; 0 means DefaultMaxSteps.
	MaxSteps uint64
	// MaxTime bounds each Run, for steps that are long ones; 0 means
	// DefaultMaxTime.
	MaxTime time.Duration
}

// The bounds of a run that names none: about a second of work in steps, and the
// time that nobody waits for.
const (
	DefaultMaxSteps = 20_000_000
	DefaultMaxTime  = 20 * time.Second
)

// options are the liberties of Python that Starlark refuses by default.
var options = &syntax.FileOptions{
	Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true,
}

// An Interpreter runs the modules of one repository, each once. It is not safe
// for concurrent use.
type Interpreter struct {
	config  Config
	thread  *starlark.Thread
	modules map[string]*Module // by path below the root
	files   map[string]parsedFile
	library map[string]starlark.Value
	path    []string // what a file appended to sys.path, relative to the root
	loading []*Module
	sites   map[syntax.Position]*Site
	helpers starlark.StringDict
	late    atomic.Bool // a run took longer than MaxTime
}

// New returns an interpreter for the repository that config describes.
func New(config Config) *Interpreter {
	in := &Interpreter{
		config:  config,
		thread:  &starlark.Thread{Name: "definitions"},
		modules: map[string]*Module{},
		files:   map[string]parsedFile{},
		sites:   map[syntax.Position]*Site{},
	}
	in.config.MaxSteps = cmp.Or(config.MaxSteps, DefaultMaxSteps)
	in.config.MaxTime = cmp.Or(config.MaxTime, DefaultMaxTime)
	in.thread.SetMaxExecutionSteps(in.config.MaxSteps)
	in.thread.SetLocal(interpreterKey, in)
	in.thread.Print = func(*starlark.Thread, string) {}
	in.library = in.standardLibrary()
	in.helpers = helpers()
	return in
}

const interpreterKey = "interpreter"

// spent tells whether the bounds of the run were reached: nothing runs then.
func (in *Interpreter) spent() bool {
	return in.late.Load() || in.thread.ExecutionSteps() >= in.config.MaxSteps
}

// Modules returns the modules that were run so far, in the order in which they
// were first imported or run.
func (in *Interpreter) Modules() []*Module { return in.loading }

// A Site is a call in Python source: where its parentheses open, and where each
// of its keyword arguments stands.
type Site struct {
	Place
	keywords map[string]Place
	args     []Place
}

// Keyword returns the place of a keyword argument, or of the call itself when
// the call does not spell it out (as in f(**options)).
func (s *Site) Keyword(name string) Place {
	if p, ok := s.keywords[name]; ok {
		return p
	}
	return s.Place
}

// Argument returns the place of the positional argument i, or of the call.
func (s *Site) Argument(i int) Place {
	if i < len(s.args) {
		return s.args[i]
	}
	return s.Place
}

// CallSite returns the Python call that is being carried out. It is meant for
// builtins, which are handed the thread that runs them.
func CallSite(thread *starlark.Thread) *Site {
	in, _ := thread.Local(interpreterKey).(*Interpreter)
	for depth := 1; in != nil && depth < thread.CallStackDepth(); depth++ {
		pos := thread.CallFrame(depth).Pos
		if site, ok := in.sites[pos]; ok {
			return site
		}
		if m := in.modules[pos.Filename()]; m != nil {
			return &Site{Place: m.placeOf(pos)}
		}
	}
	return &Site{}
}
