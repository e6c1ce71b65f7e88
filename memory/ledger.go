package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/asof-dev/asof"
)

// Ledger is an asof.Ledger in memory.
type Ledger struct {
	mu      sync.Mutex
	last    int64
	entries []asof.Materialization      // newest first
	locks   map[[2]string]chan struct{} // by project and view; a token is in it while the lock is held
}

var _ asof.Ledger = (*Ledger)(nil)

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{locks: map[[2]string]chan struct{}{}} }

// Lock makes the caller the only one who materializes the view.
func (l *Ledger) Lock(ctx context.Context, project, view string, wait bool) (func(), error) {
	l.mu.Lock()
	lock := l.locks[[2]string{project, view}]
	if lock == nil {
		lock = make(chan struct{}, 1)
		l.locks[[2]string{project, view}] = lock
	}
	l.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	default:
	}
	if !wait {
		return nil, asof.Errorf(asof.CodeConflict, "another run materializes feature view %q", view)
	}
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Begin records that a run started.
func (l *Ledger) Begin(ctx context.Context, m asof.Materialization) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	m.ID = l.last
	l.entries = slices.Insert(l.entries, 0, m)
	return m.ID, nil
}

// Finish completes the entry of m.ID.
func (l *Ledger) Finish(ctx context.Context, m asof.Materialization) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.entries {
		if e := &l.entries[i]; e.ID == m.ID {
			e.Finished, e.Read, e.Written, e.Newest, e.Error = m.Finished, m.Read, m.Written, m.Newest, m.Error
			return nil
		}
	}
	return asof.Errorf(asof.CodeNotFound, "the ledger has no entry %d", m.ID)
}

// Materializations lists entries, newest first.
func (l *Ledger) Materializations(ctx context.Context, q asof.MaterializationQuery) ([]asof.Materialization, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []asof.Materialization
	for _, m := range l.entries {
		if m.Project == q.Project && (len(q.Views) == 0 || slices.Contains(q.Views, m.View)) {
			list = append(list, m)
		}
	}
	if q.Leading {
		list = leading(list)
	}
	if q.Limit > 0 {
		list = list[:min(q.Limit, len(list))]
	}
	return list, nil
}

// leading keeps what asof.MaterializationQuery.Leading says.
func leading(list []asof.Materialization) []asof.Materialization {
	last, newest := map[string]int64{}, map[string]asof.Materialization{}
	for _, m := range list { // newest first
		if _, ok := last[m.View]; !ok && !m.Finished.IsZero() {
			last[m.View] = m.ID
		}
		if m.Done() && m.Newest.After(newest[m.View].Newest) {
			newest[m.View] = m
		}
	}
	return slices.DeleteFunc(list, func(m asof.Materialization) bool {
		return !m.Finished.IsZero() && m.ID != last[m.View] && m.ID != newest[m.View].ID
	})
}

// Forget removes the entries of the views.
func (l *Ledger) Forget(ctx context.Context, project string, views []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = slices.DeleteFunc(l.entries, func(m asof.Materialization) bool {
		return m.Project == project && slices.Contains(views, m.View)
	})
	return nil
}

// Close does nothing: what the ledger holds can still be read.
func (l *Ledger) Close() error { return nil }
