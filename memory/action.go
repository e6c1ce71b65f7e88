package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/asof-dev/asof"
)

// BeginAction enters an action, and lets the oldest go.
func (s *Runs) BeginAction(_ context.Context, a asof.Action, keep int) (asof.Action, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastAction++
	a.Seq, a.At, a.Details = s.lastAction, s.now(), maps.Clone(a.Details)
	s.actions = append(s.actions, a)
	newer := 0
	for i, one := range slices.Backward(s.actions) {
		if one.Project != a.Project {
			continue
		}
		if newer++; newer > keep {
			s.actions = slices.Delete(s.actions, i, i+1)
		}
	}
	return a, nil
}

// EndAction says what became of an action.
func (s *Runs) EndAction(_ context.Context, seq int64, outcome, failed string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.actions {
		if a := &s.actions[i]; a.Seq == seq && a.Finished.IsZero() {
			a.Finished, a.Outcome, a.Error = s.now(), outcome, failed
		}
	}
	return nil
}

// Actions lists actions, the newest first.
func (s *Runs) Actions(_ context.Context, q asof.ActionQuery) ([]asof.Action, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []asof.Action
	for _, a := range slices.Backward(s.actions) {
		chosen := (q.Project == "" || q.Project == a.Project) && (q.On == "" || q.On == a.On) && (q.What == "" || q.What == a.What) && (q.Before == 0 || a.Seq < q.Before)
		if chosen && len(list) < cmp.Or(q.Limit, 100) {
			a.Details = maps.Clone(a.Details)
			list = append(list, a)
		}
	}
	return list, nil
}
