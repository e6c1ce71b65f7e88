package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// Definitions is the conformance suite of asof.DefinitionLog. Each of its tests
// calls fresh for an empty place, and open for a log on it, as another process
// has it.
func Definitions(t *testing.T, fresh func(t *testing.T) (open func() asof.DefinitionLog)) {
	for name, test := range map[string]func(*testing.T, func() asof.DefinitionLog){
		"changes": definitionChanges, "who did it": definitionCauses, "late states": definitionsLate, "at once": definitionsAtOnce, "bounded": definitionsBounded,
	} {
		t.Run(name, func(t *testing.T) {
			open := fresh(t)
			test(t, func() asof.DefinitionLog {
				l := open()
				t.Cleanup(func() {
					if err := l.Close(); err != nil {
						t.Error(err)
					}
				})
				return l
			})
		})
	}
}

// stated is a state of project p, written "version day name=text …"; a name with
// a ! is that of an entity, another one of a feature view.
func stated(text string) asof.DefinitionState {
	var s asof.DefinitionState
	words := strings.Fields(text)
	s.Project, s.Version = "p", words[0]
	var day int
	fmt.Sscan(words[1], &day)
	s.Updated = time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC)
	for _, word := range words[2:] {
		name, text, _ := strings.Cut(word, "=")
		kind := asof.KindFeatureView
		if rest, is := strings.CutSuffix(name, "!"); is {
			name, kind = rest, asof.KindEntity
		}
		s.Objects = append(s.Objects, asof.DefinitionText{Kind: kind, Name: name, Text: text, Updated: s.Updated})
	}
	return s
}

func note(t *testing.T, l asof.DefinitionLog, s asof.DefinitionState) int {
	t.Helper()
	changed, err := l.Note(t.Context(), s, 5)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// noted lists changes, oldest first, as name=text, with who did it.
func noted(t *testing.T, l asof.DefinitionLog, q asof.DefinitionQuery) string {
	t.Helper()
	list, err := l.Changes(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i, c := range list {
		if c.Seen.IsZero() || c.At.After(c.Seen) || i > 0 && c.Seq >= list[i-1].Seq {
			t.Errorf("change %d: %+v", i, c)
		}
		word := c.Name + "=" + c.Text
		if c.Cause != "" {
			word += " by " + c.Cause + " of " + c.Who
		}
		words = append([]string{word}, words...)
	}
	return strings.Join(words, ", ")
}

func holdNoted(t *testing.T, l asof.DefinitionLog, want string) {
	t.Helper()
	if got := noted(t, l, asof.DefinitionQuery{Project: "p"}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func definitionChanges(t *testing.T, open func() asof.DefinitionLog) {
	l := open()
	holdNoted(t, l, "")
	if n := note(t, l, stated("1 1 é=x u!=y")); n != 2 {
		t.Errorf("%d objects are new", n)
	}
	if n := note(t, open(), stated("1 1 é=x u!=y")); n != 0 {
		t.Errorf("noted again: %d", n)
	}
	if n := note(t, open(), stated("2 2 é=x2 w=z")); n != 3 {
		t.Errorf("one changed, one gone, one new: %d", n)
	}
	note(t, l, stated("3 3 é=x2 w=z u!=back"))
	holdNoted(t, l, "é=x, u=y, é=x2, w=z, u=, u=back")
	for want, q := range map[string]asof.DefinitionQuery{"u=y, u=, u=back": {Project: "p", Kind: asof.KindEntity}, "é=x, é=x2": {Name: "é"}, "": {Project: "other"}, "u=, u=back": {Project: "p", Limit: 2}} {
		if got := noted(t, l, q); got != want {
			t.Errorf("%+v: %s", q, got)
		}
	}
	list, err := l.Changes(t.Context(), asof.DefinitionQuery{Name: "é"})
	if err != nil || len(list) != 2 || !list[0].At.Equal(stated("2 2").Updated) || list[0].Kind != asof.KindFeatureView || list[0].Project != "p" {
		t.Fatalf("%+v, %v", list, err)
	}
	if got := noted(t, l, asof.DefinitionQuery{Name: "é", Before: list[0].Seq}); got != "é=x" {
		t.Errorf("before the last: %s", got)
	}
	other := stated("1 1 é=x")
	other.Project = "q"
	note(t, l, other)
	holdNoted(t, l, "é=x, u=y, é=x2, w=z, u=, u=back")
}

// definitionCauses: who knows fills in what led to a state that was only seen.
func definitionCauses(t *testing.T, open func() asof.DefinitionLog) {
	l := open()
	note(t, l, stated("1 1 v=x"))
	second := stated("2 2 v=y")
	note(t, l, second)
	second.Cause, second.Who = "apply", "ann"
	note(t, open(), second)
	second.Cause = ""
	note(t, l, second)
	third := stated("3 3 v=z")
	third.Cause, third.Who = "client", "bob"
	note(t, l, third)
	holdNoted(t, l, "v=x, v=y by apply of ann, v=z by client of bob")
}

// definitionsLate: a state that was seen before a later one was noted changes
// nothing, and one that nobody knew is entered.
func definitionsLate(t *testing.T, open func() asof.DefinitionLog) {
	l := open()
	note(t, l, stated("1 1 v=x"))
	note(t, l, stated("2 2 v=y"))
	if n := note(t, l, stated("1 1 v=x")); n != 0 {
		t.Errorf("a state of before: %d", n)
	}
	note(t, l, stated("3 1 w=z")) // v was deleted: what is left was changed earlier
	holdNoted(t, l, "v=x, v=y, w=z, v=")
	if n := note(t, l, stated("2 2 v=y")); n != 2 {
		t.Errorf("a known state that is newer than the last: %d", n)
	}
}

// definitionsAtOnce notes one state by several processes.
func definitionsAtOnce(t *testing.T, open func() asof.DefinitionLog) {
	var all sync.WaitGroup
	changed := make([]int, 6)
	for i := range changed {
		l := open()
		all.Go(func() {
			for n := range 10 {
				got, err := l.Note(t.Context(), stated(fmt.Sprintf("%d %d v=%d", n, n+1, n)), 100)
				if err != nil {
					t.Error(err)
				}
				changed[i] += got
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range changed {
		sum += n
	}
	var want []string
	for n := range 10 {
		want = append(want, fmt.Sprintf("v=%d", n))
	}
	if holdNoted(t, open(), strings.Join(want, ", ")); sum != 10 {
		t.Errorf("10 changes were entered %d times", sum)
	}
}

func definitionsBounded(t *testing.T, open func() asof.DefinitionLog) {
	l := open()
	for n := range 8 {
		note(t, l, stated(fmt.Sprintf("%d %d v=%d w=same", n, n+1, n)))
	}
	if got := noted(t, l, asof.DefinitionQuery{Name: "v"}); got != "v=3, v=4, v=5, v=6, v=7" {
		t.Errorf("kept: %s", got)
	}
	if got := noted(t, l, asof.DefinitionQuery{Name: "w"}); got != "w=same" {
		t.Errorf("kept of what never changed: %s", got)
	}
}
