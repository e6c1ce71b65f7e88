package pit_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each rule that `make mutate` breaks is found in its file, so that a change of
// the code cannot leave one behind.
func TestMutantsHaveTheirPlace(t *testing.T) {
	for file, edits := range editsByFile() {
		text, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := mutate(string(text), edits); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, m := range mutants {
		if m.rule == "" || m.on == "" {
			t.Errorf("a mutant without a name or an engine: %v", m)
		}
	}
}

// numberedEdit is an edit of the mutation of that number.
type numberedEdit struct {
	edit
	number int
}

func editsByFile() map[string][]numberedEdit {
	files := map[string][]numberedEdit{}
	for i, m := range mutants {
		for _, e := range m.edits {
			files[e.file] = append(files[e.file], numberedEdit{e, i + 1})
		}
	}
	return files
}

// mutate replaces each edit's expression by a choice between it and what it
// becomes. Several edits of one expression are choices one around the other.
func mutate(text string, edits []numberedEdit) (string, error) {
	type span struct{ from, to int }
	choices := map[span][]numberedEdit{}
	var faults error
	for _, e := range edits {
		before, rest, _ := strings.Cut(e.is, "«")
		expression, after, ok := strings.Cut(rest, "»")
		if !ok {
			before, expression, after = "", e.is, ""
		}
		if n := strings.Count(text, before+expression+after); n != 1 {
			faults = errors.Join(faults, fmt.Errorf("%q is there %d times: the list of mutants needs its one place", e.is, n))
			continue
		}
		from := strings.Index(text, before+expression+after) + len(before)
		at := span{from, from + len(expression)}
		choices[at] = append(choices[at], e)
	}
	spans := slices.Collect(maps.Keys(choices))
	slices.SortFunc(spans, func(a, b span) int { return b.from - a.from })
	for i, s := range spans {
		if i > 0 && s.to > spans[i-1].from {
			faults = errors.Join(faults, fmt.Errorf("%q overlaps another mutant", text[s.from:s.to]))
			continue
		}
		expression := text[s.from:s.to]
		for _, e := range choices[s] {
			expression = fmt.Sprintf("mutant(%d, %s, %s)", e.number, expression, e.becomes)
		}
		text = text[:s.from] + expression + text[s.to:]
	}
	return text, faults
}
