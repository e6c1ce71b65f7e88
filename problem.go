package asof

import (
	"cmp"
	"slices"
	"strings"
)

// Problem is one mistake in a definition: where, and a sentence that says what
// it is and what to write instead.
type Problem struct {
	Place   Place
	Message string
}

// String returns file:line: message.
func (p Problem) String() string {
	if at := p.Place.String(); at != "" {
		return at + ": " + p.Message
	}
	return p.Message
}

// Problems are all the mistakes that one reading found, as one error with
// CodeInvalid.
type Problems []Problem

// Error returns the mistakes, one a line, in the order of their places.
func (ps Problems) Error() string {
	sorted := slices.Clone(ps)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line))
	})
	lines := make([]string, len(sorted))
	for i, p := range sorted {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems as an error with CodeInvalid, nil where there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Message: ps.Error(), Cause: ps}
}
