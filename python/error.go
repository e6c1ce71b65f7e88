package python

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

const tooLong = "the definitions take too long to evaluate: is there a loop without end?"

// A Kind says why a statement failed, for callers that treat failures apart.
type Kind int

const (
	// Failed is a mistake found while the statement ran.
	Failed Kind = iota
	// Syntax is a text that is not Python.
	Syntax
	// Unsupported is Python that cannot be run here, such as a class with methods.
	Unsupported
	// Import is a module, or a name of a module, that does not exist.
	Import
	// Foreign is the use of a library that is not here.
	Foreign
)

// A Place is a spot in a Python file and the text that stands there.
type Place struct {
	File string // path below the repository's root
	Line int    // from 1; 0 when unknown
	Col  int    // from 1, in bytes
	Text string // one line of source
}

// String returns file:line.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// An Error is a mistake in a Python file.
type Error struct {
	Kind Kind
	Place
	Message string  // what is wrong
	Hint    string  // what to write instead; may be empty
	Callers []Place // the calls that led there, innermost first
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		fmt.Fprintf(&b, "%s: ", e.Place)
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	for _, c := range e.Callers {
		fmt.Fprintf(&b, " (called from %s)", c)
	}
	return b.String()
}

// PythonHint is the way out for a file that cannot be run here.
const PythonHint = "rewrite it without that, " + byPython

const byPython = "or run with --python to have an installed feast load the definitions"

// explain turns what Starlark reports into an Error of ours.
func (in *Interpreter) explain(m *Module, err error) *Error {
	var evalErr *starlark.EvalError
	if !errors.As(err, &evalErr) {
		return m.explainStatic(err)
	}
	e := &Error{Message: clean(evalErr.Msg)}
	var cause *Error
	if errors.As(evalErr.Unwrap(), &cause) {
		copied := *cause
		e = &copied
	}
	stack := evalErr.CallStack
	for i := len(stack) - 1; i >= 0; i-- {
		at := in.modules[stack[i].Pos.Filename()]
		if at == nil {
			continue
		}
		place := at.placeOf(stack[i].Pos)
		switch {
		case e.File == "":
			e.Place = place
		case place.Line != e.Line || place.File != e.File:
			e.Callers = append(e.Callers, place)
		}
		if stack[i].Name == "<toplevel>" {
			break
		}
	}
	if e.File == "" {
		e.Place = Place{File: m.File}
	}
	if in.spent() {
		e.Message = tooLong
	}
	return e
}

// explainStatic turns an error of the resolver into ours.
func (m *Module) explainStatic(err error) *Error {
	var list resolve.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return &Error{Kind: Syntax, Place: m.placeOf(list[0].Pos), Message: clean(list[0].Msg)}
	}
	return &Error{Place: Place{File: m.File}, Message: clean(err.Error())}
}

// clean takes the names of our own helpers out of a message.
func clean(msg string) string {
	return strings.ReplaceAll(msg, helperMark, "")
}

// placeOf returns a position of the module's text.
func (m *Module) placeOf(pos syntax.Position) Place {
	return Place{File: m.File, Line: int(pos.Line), Col: int(pos.Col), Text: m.line(int(pos.Line))}
}

func (m *Module) line(n int) string {
	if n < 1 || n > len(m.lines) {
		return ""
	}
	return strings.TrimSpace(m.lines[n-1])
}

// Nearest returns the candidate that name may have been meant to be, or "": the
// one with the fewest edits, at most a third of the name's length.
func Nearest(name string, candidates []string) string {
	best, limit := "", max(utf8.RuneCountInString(name)/3, 1)
	for _, c := range candidates {
		edits := levenshtein.Distance(strings.ToLower(name), strings.ToLower(c), nil)
		if edits < limit || edits == limit && (best == "" || c < best) {
			best, limit = c, edits
		}
	}
	return best
}

// didYouMean returns a hint with the nearest candidate, or "".
func didYouMean(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
