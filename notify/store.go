package notify

import (
	"context"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// Store returns the store with what becomes of its runs told to the targets:
// what this process claims, records and ends. The Notifier reads it, and is to be
// closed first.
func (n *Notifier) Store(s asof.RunStore) asof.RunStore {
	if len(n.options.Targets) == 0 {
		return s
	}
	return &store{RunStore: s, n: n, told: map[string]told{}}
}

type store struct {
	asof.RunStore
	n        *Notifier
	watching sync.Mutex
	told     map[string]told // of each run that has not ended, what was told last
}

type told struct {
	epoch int64
	state asof.RunState
}

// tell tells of a state, and why the run failed, unless it is the one that was told last.
func (s *store) tell(l asof.RunLease, state asof.RunState, why string) {
	s.watching.Lock()
	now := told{l.Epoch, state}
	news := s.told[l.Run] != now
	switch s.told[l.Run] = now; state {
	case asof.RunCompleted, asof.RunFailed, asof.RunCancelled:
		delete(s.told, l.Run)
	}
	s.watching.Unlock()
	if news {
		s.n.tell(happening{store: s.RunStore, run: l.Run, epoch: l.Epoch, state: state, why: why, at: time.Now()})
	}
}

// Claim tells that a run goes on, and before that that its last worker died if
// the claim takes it over.
func (s *store) Claim(ctx context.Context, c asof.RunClaim) (*asof.Run, error) {
	run, err := s.RunStore.Claim(ctx, c)
	if err != nil || run == nil {
		return run, err
	}
	before := asof.RunLease{Run: run.ID, Epoch: run.Epoch - 1}
	if run.Takeovers > 0 && !s.givenBack(before) {
		s.tell(before, asof.RunCrashed, "its process died")
	}
	s.tell(asof.RunLease{Run: run.ID, Epoch: run.Epoch}, asof.RunRunning, "")
	return run, nil
}

func (s *store) givenBack(l asof.RunLease) bool {
	s.watching.Lock()
	defer s.watching.Unlock()
	return s.told[l.Run] == told{l.Epoch, asof.RunPending}
}

// Record tells that a run tries a step again.
func (s *store) Record(ctx context.Context, l asof.RunLease, state asof.RunState, steps ...asof.RunStep) error {
	err := s.RunStore.Record(ctx, l, state, steps...)
	if err == nil && state == asof.RunRetrying {
		s.tell(l, state, "")
	}
	return err
}

// Finish tells how a run ended.
func (s *store) Finish(ctx context.Context, l asof.RunLease, state asof.RunState, message string, report []byte) error {
	err := s.RunStore.Finish(ctx, l, state, message, report)
	if err == nil {
		s.tell(l, state, message)
	}
	return err
}

// Cancel tells that a run that waited will not be run.
func (s *store) Cancel(ctx context.Context, id string) (asof.Run, error) {
	before, err := s.RunStore.Run(ctx, id)
	if err != nil {
		return before, err
	}
	run, err := s.RunStore.Cancel(ctx, id)
	if err == nil && run.State == asof.RunCancelled && !before.State.Ended() {
		s.tell(asof.RunLease{Run: run.ID, Epoch: run.Epoch}, asof.RunCancelled, "")
	}
	return run, err
}
