package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/run"
)

func (b *bench) submit(r asof.Run) asof.Run {
	b.t.Helper()
	r.Project, r.Pipeline = "p", "month"
	entered, _, err := b.store.Submit(b.t.Context(), r, asof.AgainNever)
	if err != nil {
		b.t.Fatal(err)
	}
	return entered
}

// until waits for a run to be in a state.
func (b *bench) until(id string, state asof.RunState) asof.Run {
	b.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		now, err := b.store.Run(b.t.Context(), id)
		if err != nil {
			b.t.Fatal(err)
		}
		if now.State == state {
			return now
		}
		if time.Now().After(end) {
			b.t.Fatalf("run %s is %s and not %s: %s", id, now.State, state, now.Error)
		}
	}
}

// work lets a worker work until stop.
func (b *bench) work(w *run.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error)
	go func() { done <- w.Work(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
}

// blocks returns a step that goes on until its context ends, and what tells
// that it has begun.
func (b *bench) blocks(name string) (run.Step, chan error) {
	began := make(chan error, 10)
	return b.step(name, func(ctx context.Context, _ *run.Attempt) error {
		began <- nil
		<-ctx.Done()
		began <- context.Cause(ctx)
		return ctx.Err()
	}), began
}

// logged keeps what the process's log says during the test. It is read when no
// worker works any more.
func logged(t *testing.T) (said func() string) {
	var text bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return text.String
}

func TestCancel(t *testing.T) {
	b := newBench(t)
	b.TTL = time.Second
	slow, began := b.blocks("slow")
	b.steps = []run.Step{slow, b.step("after", nil, "slow")}
	defer b.work(b.Worker)()
	id := b.submit(asof.Run{}).ID
	<-began
	time.Sleep(b.TTL * 13 / 10) // longer than the lease: it is renewed
	if now, err := b.store.Cancel(t.Context(), id); err != nil || now.State != asof.RunRunning {
		t.Fatalf("%+v, %v", now, err)
	}
	if now := b.until(id, asof.RunCancelled); now.Epoch != 1 || b.states(now) != "slow/1 cancelled" {
		t.Errorf("%+v, %s", now, b.states(now))
	}
}

func TestAStoppedWorkerGivesBack(t *testing.T) {
	b := newBench(t)
	said := logged(t)
	slow, began := b.blocks("slow")
	b.steps = []run.Step{b.step("first", nil), slow}
	b.steps[1].Needs = []string{"first"}
	stop := b.work(b.Worker)
	id := b.submit(asof.Run{}).ID
	<-began
	stop()
	if now, err := b.store.Run(t.Context(), id); err != nil || now.State != asof.RunPending {
		t.Fatalf("%+v, %v", now, err)
	}
	if text := said(); !strings.Contains(text, "was given back") || strings.Contains(text, "failed") {
		t.Errorf("the log: %s", text)
	}
	b.steps[1] = b.step("slow", nil, "first")
	defer b.work(&run.Worker{Store: b.store, Project: "p", Poll: time.Millisecond, Job: b.Job})()
	now := b.until(id, asof.RunCompleted)
	if states := b.states(now); now.Epoch != 2 || states != "first/1 completed, slow/1 crashed, slow/2 completed" {
		t.Errorf("%+v, %s", now, states)
	}
}

func TestInterruptedInTheForeground(t *testing.T) {
	b := newBench(t)
	slow, began := b.blocks("slow")
	b.steps = []run.Step{slow}
	id := b.submit(asof.Run{}).ID
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	ended, err := b.One(ctx, id, func(asof.Run) {})
	if !errors.Is(err, context.Canceled) || ended.State != asof.RunCancelled {
		t.Errorf("%+v, %v", ended, err)
	}
}

// TestALostLease takes the run over while the step goes on: its context ends,
// and it cannot pass the fence.
func TestALostLease(t *testing.T) {
	b := newBench(t)
	b.TTL = 300 * time.Millisecond
	said := logged(t)
	began, fenced := make(chan bool), make(chan error, 1)
	b.steps = []run.Step{b.step("publish", func(ctx context.Context, a *run.Attempt) error {
		began <- true
		<-ctx.Done()
		fenced <- a.Fence(context.WithoutCancel(ctx))
		return nil
	})}
	stop := b.work(b.Worker)
	id := b.submit(asof.Run{}).ID
	<-began
	if err := b.store.Break(t.Context(), asof.RunLease{Run: id, Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	taken, err := b.store.Claim(t.Context(), asof.RunClaim{Project: "p", Run: id, Worker: "other", TTL: time.Minute})
	if err != nil || taken == nil {
		t.Fatal(taken, err)
	}
	if err := <-fenced; !errors.Is(err, asof.ErrLeaseLost) {
		t.Errorf("the fence of a worker without the run: %v", err)
	}
	stop()
	if now, err := b.store.Run(t.Context(), id); err != nil || now.State != asof.RunRunning || now.Worker != "other" || now.Finished != (time.Time{}) {
		t.Errorf("%+v, %v", now, err)
	}
	if text := said(); !strings.Contains(text, "goes on elsewhere") || strings.Contains(text, "failed") {
		t.Errorf("the log: %s", text)
	}
}

// TestTwoWorkersShare lets two workers do many runs: each step once, and both
// have some.
func TestTwoWorkersShare(t *testing.T) {
	b := newBench(t)
	var did atomic.Int64
	b.steps = []run.Step{{Name: "a", Do: func(context.Context, *run.Attempt) error {
		did.Add(1)
		time.Sleep(5 * time.Millisecond)
		return nil
	}}}
	other := &run.Worker{Store: b.store, Project: "p", Poll: time.Millisecond, Job: b.Job}
	var ids []string
	for i := range 60 {
		ids = append(ids, b.submit(asof.Run{Key: fmt.Sprint(i)}).ID)
	}
	stop, stopOther := b.work(b.Worker), b.work(other)
	by := map[string]int{}
	for _, id := range ids {
		by[b.until(id, asof.RunCompleted).Worker]++
	}
	stop()
	stopOther()
	if did.Load() != 60 || len(by) != 2 {
		t.Errorf("%d runs were carried out, by %v", did.Load(), by)
	}
}

// TestDueRunsStartOnTime enters runs ahead of their time: a worker does not
// wait for its next look at the store.
func TestDueRunsStartOnTime(t *testing.T) {
	b := newBench(t)
	b.Poll = time.Minute
	b.steps = []run.Step{b.step("a", nil)}
	b.submit(asof.Run{Due: time.Now().Add(150 * time.Millisecond)})
	defer b.work(b.Worker)()
	for _, r := range mustRuns(t, b.store) {
		now := b.until(r.ID, asof.RunCompleted)
		if late := now.Started.Sub(now.Due); late < 0 || late > b.Poll/4 {
			t.Errorf("started %v after its time", late)
		}
	}
}

func mustRuns(t *testing.T, s asof.RunStore) []asof.Run {
	t.Helper()
	runs, err := s.Runs(t.Context(), asof.RunQuery{})
	if err != nil || len(runs) == 0 {
		t.Fatal(runs, err)
	}
	return runs
}

func TestJobThatCannotBe(t *testing.T) {
	b := newBench(t)
	b.Job = func(context.Context, asof.Run) (run.Job, error) {
		return run.Job{}, asof.Errorf(asof.CodeNotFound, "there is no pipeline month")
	}
	ended, _, err := b.carryOut("k")
	if ended.State != asof.RunFailed || ended.Error != "there is no pipeline month" || asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("%+v, %v", ended, err)
	}
}
