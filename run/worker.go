package run

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// Worker claims runs of a project and carries them out.
type Worker struct {
	Store   asof.RunStore
	Project string
	// Job returns what a run does. Its error ends the run.
	Job   func(ctx context.Context, run asof.Run) (Job, error)
	Watch Watch

	TTL   time.Duration // of leases; 0: DefaultTTL
	Poll  time.Duration // how often new runs are looked for; 0: DefaultPoll
	Runs  int           // at once; 0: 4
	Steps int           // of a run, at once; 0: 4

	named sync.Once
	name  string
	ready bool      // a run is to be claimed now, as far as is known
	broke time.Time // when dead workers were last looked for
}

// The times of a worker. A worker that is dead is known to be after TTL at the
// latest, on its own host at once.
const (
	DefaultTTL  = 10 * time.Second
	DefaultPoll = 100 * time.Millisecond
)

// deadEvery is how often a worker looks for dead ones on its host.
const deadEvery = time.Second

// Name is how the store calls the worker.
func (w *Worker) Name() string {
	w.named.Do(func() { w.name = name() })
	return w.name
}

func (w *Worker) ttl() time.Duration { return cmp.Or(w.TTL, DefaultTTL) }

// Work claims and carries out runs until ctx ends. Then it gives back those that
// it holds, for another to go on with, and returns nil.
func (w *Worker) Work(ctx context.Context) error {
	var going sync.WaitGroup
	defer going.Wait()
	room := make(chan struct{}, cmp.Or(w.Runs, 4))
	for ctx.Err() == nil {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		claimed := time.Now()
		run, err := w.next(ctx)
		if run == nil {
			<-room
			if err != nil && ctx.Err() == nil {
				slog.Error("looking for runs failed", "error", err)
				sleep(ctx, time.Second)
			}
			continue
		}
		going.Go(func() {
			defer func() { <-room }()
			ended, err := w.carryOut(ctx, run, claimed, asof.RunPending)
			tellEnd(ended, err)
		})
	}
	return nil
}

// tellEnd writes into the process's log why a run was not completed here.
func tellEnd(run asof.Run, err error) {
	log := slog.With("run", run.ID, "pipeline", run.Pipeline)
	switch {
	case err == nil:
	case errors.Is(err, asof.ErrLeaseLost):
		log.Warn("a run goes on elsewhere", "reason", err)
	case run.Waits():
		log.Info("a run was given back, for the next worker to go on with")
	case run.State == asof.RunCancelled:
		log.Info("a run was cancelled")
	default:
		log.Error("a run failed", "error", err)
	}
}

// next claims a run, or waits for a while where there is none.
func (w *Worker) next(ctx context.Context) (*asof.Run, error) {
	if w.ready { // its time has come while we slept, or another may wait beside the last
		run, err := w.claim(ctx, "")
		if w.ready = run != nil; w.ready || err != nil {
			return run, err
		}
	}
	now, due, err := w.Store.Due(ctx, w.Project)
	if err != nil {
		return nil, err
	}
	wait := cmp.Or(w.Poll, DefaultPoll)
	if !due.IsZero() && !due.After(now) {
		run, err := w.claim(ctx, "")
		if w.ready = run != nil; w.ready || err != nil {
			return run, err
		}
	} else if !due.IsZero() && due.Sub(now) <= wait {
		wait, w.ready = due.Sub(now), true
	}
	if time.Since(w.broke) > deadEvery && !w.ready {
		w.broke = time.Now()
		if err := w.breakDead(ctx, ""); err != nil {
			return nil, err
		}
	}
	sleep(ctx, wait)
	return nil, nil
}

func (w *Worker) claim(ctx context.Context, run string) (*asof.Run, error) {
	return w.Store.Claim(ctx, asof.RunClaim{Project: w.Project, Run: run, Worker: w.Name(), TTL: w.ttl()})
}

// breakDead ends the leases of workers of this host that have died.
func (w *Worker) breakDead(ctx context.Context, id string) error {
	runs, err := w.Store.Runs(ctx, asof.RunQuery{Project: w.Project, States: []asof.RunState{asof.RunRunning, asof.RunRetrying}})
	for _, run := range runs {
		if (id == "" || run.ID == id) && dead(run.Worker) {
			if err := w.Store.Break(ctx, asof.RunLease{Run: run.ID, Epoch: run.Epoch}); err != nil && !errors.Is(err, asof.ErrLeaseLost) {
				return err
			}
		}
	}
	return err
}

// One brings one run to its end: it carries it out as soon as it can, or waits
// while another worker does; waiting is told what for, each time that changes.
// When ctx ends, a run that it carries out is cancelled.
func (w *Worker) One(ctx context.Context, id string, waiting func(asof.Run)) (asof.Run, error) {
	var told asof.Run
	for {
		if err := w.breakDead(ctx, id); err != nil {
			return told, err
		}
		claimed := time.Now()
		run, err := w.claim(ctx, id)
		if err != nil {
			return told, err
		}
		if run != nil {
			return w.carryOut(ctx, run, claimed, asof.RunCancelled)
		}
		now, err := w.Store.Run(ctx, id)
		if err != nil || !now.Finished.IsZero() {
			return now, err
		}
		if now.State != told.State || now.Worker != told.Worker {
			told = now
			waiting(now)
		}
		if !sleep(ctx, cmp.Or(w.Poll, DefaultPoll)) {
			return now, ctx.Err()
		}
	}
}

// carryOut does what a claimed run does, and ends it. Where ctx ends before,
// the run ends as interrupted. The error is that of the run.
func (w *Worker) carryOut(ctx context.Context, run *asof.Run, claimed time.Time, interrupted asof.RunState) (asof.Run, error) {
	recorded, err := w.Store.Steps(ctx, run.ID)
	if err != nil {
		return *run, err // the lease runs out
	}
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	h := newHolder(w.Store, run, w.ttl(), claimed, recorded, w.Watch, end)
	defer h.close()
	h.noteStart(*run)
	job, err := w.Job(within, *run)
	if job.Close != nil {
		defer job.Close()
	}
	if err == nil {
		err = w.steps(within, job, h, recorded)
	}
	o := outcomeOf(ctx, within, err, interrupted)
	o.Steps, o.Log = h.all(), h.log
	after := context.WithoutCancel(ctx)
	err = h.end(after, job, o)
	if errors.Is(err, asof.ErrLeaseLost) {
		return *run, err
	}
	if ended, failed := w.Store.Run(after, run.ID); failed == nil {
		run = &ended
	}
	return *run, err
}

// steps goes through the job's steps.
func (w *Worker) steps(ctx context.Context, job Job, h *holder, recorded []asof.RunStep) error {
	if err := job.check(); err != nil {
		return err
	}
	p, err := newPlan(ctx, job.Steps, recorded)
	if err != nil {
		return err
	}
	g := &graph{plan: p, h: h, most: cmp.Or(job.Most, w.Steps, 4)}
	return g.run(ctx)
}

// outcomeOf says how a run ends whose steps ended with err. within is the run's
// context, in ctx.
func outcomeOf(ctx, within context.Context, err error, interrupted asof.RunState) Outcome {
	switch {
	case err == nil:
		return Outcome{State: asof.RunCompleted}
	case errors.Is(context.Cause(within), errAsked), errors.Is(err, errAsked):
		return Outcome{State: asof.RunCancelled, Err: asof.Errorf(asof.CodeConflict, "the run was cancelled")}
	case ctx.Err() != nil:
		return Outcome{State: interrupted, Err: ctx.Err()}
	}
	return Outcome{State: asof.RunFailed, Err: err}
}
