package run

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// holder holds a run: it renews the lease, and writes what becomes of the steps
// behind their backs, everything that has gathered in one transaction. What a
// crash keeps from being written is done again by whoever takes the run over.
type holder struct {
	store asof.RunStore
	lease asof.RunLease
	ttl   time.Duration
	fail  context.CancelCauseFunc // of the run's context
	watch Watch

	mu      sync.Mutex
	steps   map[stepKey]*asof.RunStep // every attempt of this run
	order   []stepKey
	changed map[stepKey]bool
	lines   []asof.RunLine
	until   time.Time // the lease is ours until then at least, by our own clock

	wake    chan struct{} // something is to be written at once
	stop    chan struct{}
	closing sync.Once
	stopped sync.WaitGroup
}

type stepKey struct {
	name    string
	attempt int
}

// Watch hears of attempts at steps as they go on, and of the lines that steps
// log, in this process. Each may be nil; they are called from several goroutines and return
// at once.
type Watch struct {
	Step func(run string, step asof.RunStep)
	Line func(run string, line asof.RunLine)
}

// progressEvery is how often the rows of steps that go on are written.
const progressEvery = time.Second

func newHolder(store asof.RunStore, run *asof.Run, ttl time.Duration, claimed time.Time, recorded []asof.RunStep, watch Watch, fail context.CancelCauseFunc) *holder {
	h := &holder{store: store, lease: asof.RunLease{Run: run.ID, Epoch: run.Epoch}, ttl: ttl, fail: fail, watch: watch, until: claimed.Add(ttl),
		steps: map[stepKey]*asof.RunStep{}, changed: map[stepKey]bool{}, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	for _, s := range recorded {
		key := stepKey{s.Name, s.Attempt}
		h.steps[key], h.order = &s, append(h.order, key)
	}
	h.stopped.Go(h.heartbeat)
	h.stopped.Go(h.writer)
	return h
}

// heartbeat renews the lease until the run ends. A store that does not answer
// is asked again until the lease may be another's.
func (h *holder) heartbeat() {
	every := time.NewTicker(h.ttl / 4)
	defer every.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), h.ttl/2)
		err := h.renew(ctx)
		cancel()
		switch {
		case errors.Is(err, asof.ErrLeaseLost), errors.Is(err, errAsked):
			h.fail(err)
		case err != nil && h.over():
			h.fail(asof.Errorf(asof.CodeUnavailable, "run %s: the run store has not answered for %s, and another worker may have taken the run over: %w", h.lease.Run, h.ttl, err))
		}
	}
}

func (h *holder) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().After(h.until)
}

// renew renews the lease. The error of a run that was asked to end is errAsked.
func (h *holder) renew(ctx context.Context) error {
	asked := time.Now()
	cancel, err := h.store.Renew(ctx, h.lease, h.ttl)
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.until = asked.Add(h.ttl)
	h.mu.Unlock()
	if cancel {
		return errAsked
	}
	return nil
}

// attempts returns how often a step was tried.
func (h *holder) attempts(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for key := range h.steps {
		if key.name == name {
			n = max(n, key.attempt)
		}
	}
	return n
}

// record keeps an attempt as it stands, to be written soon.
func (h *holder) record(s asof.RunStep) {
	h.mu.Lock()
	key := stepKey{s.Name, s.Attempt}
	if h.steps[key] == nil {
		h.order = append(h.order, key)
	}
	h.steps[key], h.changed[key] = &s, true
	h.mu.Unlock()
	if h.watch.Step != nil {
		h.watch.Step(h.lease.Run, s)
	}
	h.poke()
}

// progress keeps how far an attempt is.
func (h *holder) progress(name string, attempt int, done, total int64) {
	h.mu.Lock()
	key := stepKey{name, attempt}
	s := h.steps[key]
	s.Rows, s.Total, h.changed[key] = done, total, true
	now := *s
	h.mu.Unlock()
	if h.watch.Step != nil {
		h.watch.Step(h.lease.Run, now)
	}
}

// present returns an attempt with the rows that it told of.
func (h *holder) present(s asof.RunStep) asof.RunStep {
	h.mu.Lock()
	defer h.mu.Unlock()
	return *h.steps[stepKey{s.Name, s.Attempt}]
}

// all returns the attempts, in the order in which they began.
func (h *holder) all() []asof.RunStep {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]asof.RunStep, len(h.order))
	for i, key := range h.order {
		list[i] = *h.steps[key]
	}
	return list
}

// log keeps a line, to be written soon, and tells it.
func (h *holder) log(level, step, text string) {
	line := h.note(level, step, text)
	if h.watch.Line != nil {
		h.watch.Line(h.lease.Run, line)
	}
}

// note keeps a line, to be written soon.
func (h *holder) note(level, step, text string) asof.RunLine {
	line := asof.RunLine{At: time.Now().UTC(), Step: step, Level: level, Text: text}
	h.mu.Lock()
	if len(h.lines) < asof.MostRunLines {
		h.lines = append(h.lines, line)
	}
	h.mu.Unlock()
	h.poke()
	return line
}

func (h *holder) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// writer writes what has gathered, at once where steps begin or end, and now
// and then the rows of those that go on.
func (h *holder) writer() {
	every := time.NewTicker(progressEvery)
	defer every.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-h.wake:
		case <-every.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), h.ttl)
		err := h.write(ctx)
		cancel()
		if errors.Is(err, asof.ErrLeaseLost) {
			h.fail(err)
		}
	}
}

// write writes what has gathered. What could not be written stays.
func (h *holder) write(ctx context.Context) error {
	h.mu.Lock()
	state := asof.RunRunning
	var steps []asof.RunStep
	for _, key := range h.order {
		if h.steps[key].State == asof.RunRetrying {
			state = asof.RunRetrying
		}
		if h.changed[key] {
			steps = append(steps, *h.steps[key])
		}
	}
	lines := h.lines
	clear(h.changed)
	h.lines = nil
	h.mu.Unlock()
	var err error
	if len(steps) > 0 {
		err = h.store.Record(ctx, h.lease, state, steps...)
	}
	if err == nil && len(lines) > 0 {
		err = h.store.Log(ctx, h.lease, lines...)
		steps = nil
	}
	if err != nil {
		h.mu.Lock()
		for _, s := range steps {
			h.changed[stepKey{s.Name, s.Attempt}] = true
		}
		h.lines = append(lines, h.lines...)
		h.mu.Unlock()
	}
	return err
}

// end ends the run, unless it is another's by now.
func (h *holder) end(ctx context.Context, job Job, o Outcome) error {
	err := o.Err
	if lost := h.renew(ctx); errors.Is(lost, asof.ErrLeaseLost) {
		return lost
	}
	var report json.RawMessage
	if job.End != nil {
		var failed error
		if report, failed = job.End(ctx, o); failed != nil {
			err = failed
			if o.State == asof.RunCompleted {
				o.State = asof.RunFailed
			}
		}
	}
	message := ""
	if o.State == asof.RunFailed {
		message = err.Error()
	}
	h.noteEnd(o.State, message)
	h.close()
	if unwritten := h.write(ctx); unwritten != nil {
		return unwritten
	}
	if unwritten := h.store.Finish(ctx, h.lease, o.State, message, report); unwritten != nil {
		return unwritten
	}
	return err
}

// close ends what goes on behind the steps' backs.
func (h *holder) close() {
	h.closing.Do(func() { close(h.stop) })
	h.stopped.Wait()
}
