// Package notify tells others what becomes of runs, and which views have
// drifted: webhooks, messages in Slack's form, and OpenLineage events.
//
// A run never waits for it. Events are queued in memory and delivered from
// there, for each target in order and by itself, so that one that is slow or
// away holds up no other. What cannot be delivered within a bounded number of
// attempts is left out and logged. A process that is killed takes its queue
// with it.
//
// Addresses, headers and secrets of targets are in no error and no log line:
// the address of a Slack webhook is a secret of its own.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof"
)

// Format is the form in which a target is told.
type Format string

// The formats.
const (
	JSON        Format = "json"        // an object with type, timestamp and data
	Slack       Format = "slack"       // a text, as Slack and what follows it take it
	OpenLineage Format = "openlineage" // a run event
)

// Formats lists the formats, as a configuration names them.
var Formats = []Format{JSON, Slack, OpenLineage}

// Target is somebody who is told.
type Target struct {
	Name      string // in logs and metrics
	Format    Format
	URL       string            // POSTed to
	File      string            // or a file that gets a line for each event
	Headers   map[string]string // sent along
	Secret    string            // signs what is sent, as Sign says; "" for unsigned
	States    []asof.RunState   // those that it is told of; nil: the format's
	Pipelines []string          // those that it is told of; nil: all
	Drift     bool              // it is told of views whose verdict has changed
}

// States are those of which targets can be told.
var States = []asof.RunState{asof.RunRunning, asof.RunRetrying, asof.RunCompleted, asof.RunFailed, asof.RunCrashed, asof.RunCancelled}

// wants reports whether the target is told of an event.
func (t *Target) wants(pipeline string, state asof.RunState) bool {
	if t.Pipelines != nil && !slices.Contains(t.Pipelines, pipeline) {
		return false
	}
	if t.Format == OpenLineage {
		return eventTypes[state] != "" && (t.States == nil || slices.Contains(t.States, state))
	}
	if t.States == nil {
		return state.Ended()
	}
	return slices.Contains(t.States, state)
}

// Host returns the host of an address, which names a target that has no name.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// Options say who is told, and how long is tried.
type Options struct {
	Targets   []Target
	Version   string // of the program
	Namespace string // of OpenLineage's jobs
	// About is asked what OpenLineage is told of a run beside the run itself;
	// nil for nothing.
	About func(context.Context, asof.Run, []asof.RunStep) About
	Log   *slog.Logger  // gets what was not delivered; nil for nowhere
	Pause time.Duration // before the second attempt, doubled for each further one; 0: half a second
	Grace time.Duration // that Close waits for what is queued; 0: three seconds
}

// Notifier tells the targets of what becomes of runs. It may be used by several
// goroutines.
type Notifier struct {
	options Options
	courier courier
	feed    chan happening
	queues  []*queue
	working sync.WaitGroup
	end     context.CancelFunc
	ctx     context.Context //nolint:containedctx // of the goroutines, which outlive every call
	closing sync.RWMutex    // held to send into feed
	closed  bool
}

// queue is what one target is still to be told.
type queue struct {
	target                     Target
	waiting                    chan letter
	delivered, failed, dropped atomic.Uint64
}

// How many events wait, before new ones are dropped.
const (
	mostHappenings = 1024
	mostLetters    = 256
)

// New starts a Notifier. One without targets does nothing and need not be closed.
func New(o Options) *Notifier {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pause == 0 {
		o.Pause = 500 * time.Millisecond
	}
	if o.Grace == 0 {
		o.Grace = 3 * time.Second
	}
	ctx, end := context.WithCancel(context.Background())
	n := &Notifier{options: o, courier: newCourier(o.Pause), feed: make(chan happening, mostHappenings), end: end, ctx: ctx}
	for _, t := range o.Targets {
		q := &queue{target: t, waiting: make(chan letter, mostLetters)}
		n.queues = append(n.queues, q)
		n.working.Go(func() { n.deliver(q) })
	}
	if len(n.queues) > 0 {
		n.working.Go(n.sort)
	}
	return n
}

// news is what targets are told of.
type news interface {
	id() string // the same however often it is sent
	wantedBy(t *Target) bool
	body(format Format) ([]byte, error)
}

// happening is what became of a run. The rest of what is told is asked of the
// store that it is in. One of a drift has that alone.
type happening struct {
	drift *Drift
	store asof.RunHistory
	run   string
	epoch int64
	state asof.RunState
	why   string // it failed
	at    time.Time
}

// id is the same for each attempt to tell of it, and for each process that does.
func (h happening) id() string {
	if h.drift != nil {
		return h.drift.id()
	}
	return fmt.Sprintf("%s-%d-%s", h.run, h.epoch, h.state)
}

// tell queues what happened, if there is anybody to tell. It does not block.
func (n *Notifier) tell(h happening) {
	n.closing.RLock()
	defer n.closing.RUnlock()
	if n.closed {
		return
	}
	select {
	case n.feed <- h:
	default:
		for _, q := range n.queues {
			q.dropped.Add(1)
		}
		n.options.Log.Warn("notify: too much happens at once; nobody is told", "event", h.id())
	}
}

// sort makes letters of what happens, for each target that wants to know.
func (n *Notifier) sort() {
	defer func() {
		for _, q := range n.queues {
			close(q.waiting)
		}
	}()
	for h := range n.feed {
		if h.drift != nil {
			n.write(*h.drift)
			continue
		}
		e, err := n.event(h)
		if err != nil {
			n.options.Log.Warn("notify: the run cannot be read; nobody is told", "run", h.run, "state", h.state, "error", err)
			continue
		}
		n.write(e)
	}
}

// write makes a letter for each target that wants to know.
func (n *Notifier) write(what news) {
	for _, q := range n.queues {
		if !what.wantedBy(&q.target) {
			continue
		}
		body, err := what.body(q.target.Format)
		if err == nil {
			select {
			case q.waiting <- letter{id: what.id(), body: body}:
				continue
			default:
				err = fmt.Errorf("%d others wait to be delivered", mostLetters)
			}
		}
		q.dropped.Add(1)
		n.options.Log.Warn("notify: not told", "target", q.target.Name, "event", what.id(), "error", err)
	}
}

// readTimeout bounds what is asked of the store about an event.
const readTimeout = 10 * time.Second

// event asks the store about the run.
func (n *Notifier) event(h happening) (Event, error) {
	ctx, cancel := context.WithTimeout(n.ctx, readTimeout)
	defer cancel()
	run, err := h.store.Run(ctx, h.run)
	if err != nil {
		return Event{}, err
	}
	steps, err := h.store.Steps(ctx, h.run)
	if err != nil {
		return Event{}, err
	}
	if h.state.Ended() { // it may be resumed by now
		run.Error = h.why
		if run.Finished.IsZero() {
			run.Finished = h.at
		}
	}
	e := Event{ID: h.id(), State: h.state, At: h.at, Epoch: h.epoch, Run: run, Steps: last(steps), Namespace: n.options.Namespace, Version: n.options.Version}
	lineage := func(q *queue) bool { return q.target.Format == OpenLineage }
	if n.options.About != nil && slices.ContainsFunc(n.queues, lineage) {
		e.About = n.options.About(ctx, run, e.Steps)
	}
	return e, nil
}

// deliver sends the letters of one target, in order.
func (n *Notifier) deliver(q *queue) {
	for l := range q.waiting {
		if err := n.courier.deliver(n.ctx, &q.target, l); err != nil {
			q.failed.Add(1)
			n.options.Log.Warn("notify: not delivered", "target", q.target.Name, "event", l.id, "error", err)
			continue
		}
		q.delivered.Add(1)
	}
}

// Close waits for what is queued to be delivered, no longer than Options.Grace,
// and ends.
func (n *Notifier) Close() error {
	n.closing.Lock()
	if !n.closed {
		n.closed = true
		close(n.feed)
	}
	n.closing.Unlock()
	giveUp := time.AfterFunc(n.options.Grace, n.end)
	n.working.Wait()
	giveUp.Stop()
	n.end()
	n.courier.client.CloseIdleConnections()
	return nil
}

// Count says how many events a target was told of since the start.
type Count struct {
	Target                     string
	Delivered, Failed, Dropped uint64 // dropped: never tried
}

// Counts returns the counts of all targets, in the order in which they are
// configured.
func (n *Notifier) Counts() []Count {
	counts := make([]Count, len(n.queues))
	for i, q := range n.queues {
		counts[i] = Count{q.target.Name, q.delivered.Load(), q.failed.Load(), q.dropped.Load()}
	}
	return counts
}
