package asof

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest returns up to three of names that name may have been meant to be,
// nearest first: those within a third of its length in edits, or two (one in a
// word of three letters), letter case aside.
func Nearest(name string, names []string) []string {
	type near struct {
		name  string
		edits int
	}
	limit := max(len([]rune(name))/3, 2)
	if len([]rune(name)) <= 3 {
		limit = 1
	}
	var found []near
	for _, n := range names {
		edits := levenshtein.Distance(strings.ToLower(name), strings.ToLower(n), nil)
		if edits <= limit {
			found = append(found, near{n, edits})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.edits, b.edits) })
	out := make([]string, 0, 3)
	for _, f := range found[:min(len(found), 3)] {
		out = append(out, f.name)
	}
	return out
}

// DidYouMean ends an error sentence: "; did you mean "a" or "b"?" where names
// has near ones, "; known: a, b, c" where it is short, "" otherwise.
func DidYouMean(name string, names []string) string {
	if near := Nearest(name, names); len(near) > 0 {
		return `; did you mean "` + strings.Join(near, `" or "`) + `"?`
	}
	if len(names) > 0 && len(names) <= 8 {
		return "; known: " + strings.Join(names, ", ")
	}
	return ""
}
