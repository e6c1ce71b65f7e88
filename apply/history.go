package apply

import (
	"context"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/asof-dev/asof"
)

// What leads to a change of definitions, as the log of them has it.
const (
	CauseApply    = "apply"
	CauseDelete   = "delete"
	CauseState    = "state" // a view was enabled, disabled or given a state
	CauseClient   = "client"
	CauseTeardown = "teardown"
)

// Described are the kinds whose definitions are kept as text.
var Described = []asof.Kind{asof.KindProject, asof.KindEntity, asof.KindDataSource, asof.KindFeatureView, asof.KindOnDemandView, asof.KindService}

// Text is the definition of an object as text, one setting a line; those that are
// not set are left out, and of the sources of a view there is but the name. It is
// "" for an object that is kept as it came.
func Text(o asof.Object) string {
	var b strings.Builder
	for _, p := range properties(o) {
		if p.value == "" || strings.HasPrefix(p.name, "source ") || strings.HasPrefix(p.name, "stream_source ") || strings.HasPrefix(p.name, "batch_source ") {
			continue
		}
		value := strings.TrimRight(p.value, "\n")
		if strings.Contains(value, "\n") {
			value = "|\n    " + strings.ReplaceAll(value, "\n", "\n    ")
		}
		b.WriteString(p.name + ": " + value + "\n")
	}
	return b.String()
}

// Note enters a state of a project's definitions into a log: what led to it, and
// who did it, both "" where that is not known. A project without definitions is
// noted as removed where a cause is given.
func Note(ctx context.Context, log asof.DefinitionLog, project string, s *asof.Snapshot, cause, who string) error {
	if s.Project() == nil && cause == "" {
		return nil
	}
	state := asof.DefinitionState{Project: project, Version: s.Version, Updated: s.Updated, Cause: cause, Who: who, Objects: Texts(s)}
	if s.Project() == nil { // a registry has no time for what is not there
		state.Updated = time.Now()
		state.Version = "removed " + state.Updated.UTC().Format(time.RFC3339Nano)
	}
	_, err := log.Note(ctx, state, asof.MostDefinitionChanges)
	return err
}

// Texts returns the definitions of a snapshot, by kind and name.
func Texts(s *asof.Snapshot) (list []asof.DefinitionText) {
	for _, kind := range Described {
		for _, o := range s.Objects(kind) {
			if text := Text(o); text != "" {
				list = append(list, asof.DefinitionText{Kind: kind, Name: o.ObjectName(), Updated: asof.MetaOf(o).Updated, Text: text})
			}
		}
	}
	return list
}

// DiffLine is a line of a difference between two texts. Sign is "+" for one that
// is new, "-" for one that is gone, " " for one around them, and "@" between
// parts, where lines are left out.
type DiffLine struct {
	Sign string `json:"sign"`
	Text string `json:"text"`
}

// Diff returns how a text differs from what it was.
func Diff(was, is string) (lines []DiffLine) {
	unified := strings.Split(strings.TrimRight(udiff.Unified("", "", was, is), "\n"), "\n")
	for i, line := range unified {
		switch {
		case line == "" || i < 2 || strings.HasPrefix(line, `\`): // the names of the texts come first
		case line[0] != '@':
			lines = append(lines, DiffLine{line[:1], line[1:]})
		case len(lines) > 0:
			lines = append(lines, DiffLine{Sign: "@"})
		}
	}
	return lines
}

// Step is a change of a definition, and what it changed.
type Step struct {
	asof.DefinitionChange
	Action string     // "created", "changed", "removed"; "first seen" where it may be older
	Diff   []DiffLine // to the step before; nil for the first
}

// The actions of a step.
const (
	StepFirst   = "first seen"
	StepCreated = "created"
	StepChanged = "changed"
	StepRemoved = "removed"
)

// History returns changes, newest first, with what each of them changed.
func History(ctx context.Context, log asof.DefinitionLog, q asof.DefinitionQuery) ([]Step, error) {
	changes, err := log.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	steps := make([]Step, len(changes))
	later := map[asof.Ref]*Step{} // the step of an object that waits for the one before it
	for i, c := range changes {
		steps[i] = Step{DefinitionChange: c, Action: StepFirst}
		if c.Cause != "" {
			steps[i].Action = StepCreated
		}
		of := asof.Ref{Kind: c.Kind, Name: c.Name}
		if s := later[of]; s != nil {
			s.follow(c.Text)
		}
		later[of] = &steps[i]
	}
	for of, s := range later {
		before, err := log.Changes(ctx, asof.DefinitionQuery{Project: s.Project, Kind: of.Kind, Name: of.Name, Before: s.Seq, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(before) > 0 {
			s.follow(before[0].Text)
		}
	}
	return steps, nil
}

// follow says what a step changed of what was before; "" is nothing.
func (s *Step) follow(was string) {
	switch {
	case was == "":
		s.Action = StepCreated
		return
	case s.Text == "":
		s.Action = StepRemoved
	default:
		s.Action = StepChanged
	}
	s.Diff = Diff(was, s.Text)
}
