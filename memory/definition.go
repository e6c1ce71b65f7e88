package memory

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/asof-dev/asof"
)

// Definitions is an asof.DefinitionLog in memory. Logs that share one place are
// the same one.
type Definitions struct {
	mu      sync.Mutex
	seq     int64
	changes []notedChange
	states  []asof.DefinitionState // without their objects
}

type notedChange struct {
	asof.DefinitionChange
	version string
}

var _ asof.DefinitionLog = (*Definitions)(nil)

// NewDefinitions returns an empty log.
func NewDefinitions() *Definitions { return &Definitions{} }

// Close does nothing.
func (l *Definitions) Close() error { return nil }

// Note enters what is new in a state.
func (l *Definitions) Note(_ context.Context, s asof.DefinitionState, keep int) (changed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.past(s) {
		for i := range l.changes {
			if c := &l.changes[i]; c.Project == s.Project && c.version == s.Version && c.Cause == "" {
				c.Cause, c.Who = s.Cause, s.Who
			}
		}
		return 0, nil
	}
	newest := map[asof.Ref]string{}
	for _, c := range l.changes {
		if c.Project == s.Project {
			newest[asof.Ref{Kind: c.Kind, Name: c.Name}] = c.Text
		}
	}
	for _, o := range s.Objects {
		of := asof.Ref{Kind: o.Kind, Name: o.Name}
		if newest[of] != o.Text {
			changed++
			l.enter(s, o, keep)
		}
		delete(newest, of)
	}
	for of, text := range newest {
		if text != "" {
			changed++
			l.enter(s, asof.DefinitionText{Kind: of.Kind, Name: of.Name}, keep)
		}
	}
	s.Objects = nil
	l.states = append(l.states, s)
	return changed, nil
}

// past reports whether a state is the newest that was noted, or an earlier one.
func (l *Definitions) past(s asof.DefinitionState) bool {
	var last *asof.DefinitionState
	known := false
	for i := range l.states {
		if l.states[i].Project == s.Project {
			last = &l.states[i]
			known = known || last.Version == s.Version
		}
	}
	return last != nil && (last.Version == s.Version || known && !s.Updated.After(last.Updated))
}

func (l *Definitions) enter(s asof.DefinitionState, o asof.DefinitionText, keep int) {
	l.seq++
	c := asof.DefinitionChange{Seq: l.seq, Project: s.Project, Kind: o.Kind, Name: o.Name, At: instant(o.Updated), Seen: now(), Cause: s.Cause, Who: s.Who, Text: o.Text}
	if c.At.IsZero() || c.At.After(c.Seen) {
		c.At = c.Seen
	}
	l.changes = append(l.changes, notedChange{c, s.Version})
	newer := 0
	for i, one := range slices.Backward(l.changes) {
		if one.Project != s.Project || one.Kind != o.Kind || one.Name != o.Name {
			continue
		}
		if newer++; newer > keep {
			l.changes = slices.Delete(l.changes, i, i+1)
		}
	}
}

// Changes lists changes, the newest first.
func (l *Definitions) Changes(_ context.Context, q asof.DefinitionQuery) ([]asof.DefinitionChange, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []asof.DefinitionChange
	for _, c := range slices.Backward(l.changes) {
		chosen := (q.Project == "" || q.Project == c.Project) && (q.Kind == "" || q.Kind == c.Kind) && (q.Name == "" || q.Name == c.Name) && (q.Before == 0 || c.Seq < q.Before)
		if chosen && len(list) < cmp.Or(q.Limit, 100) {
			list = append(list, c.DefinitionChange)
		}
	}
	return list, nil
}
