package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

func lost(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, asof.ErrLeaseLost) || asof.ErrorCode(err) != asof.CodeConflict {
		t.Errorf("%s without the lease: %v", what, err)
	}
}

// runsLeases checks that a lease that is renewed is never taken over, and one
// that is not is, whatever was thought of it before.
func runsLeases(t *testing.T, open func() asof.RunStore) {
	s, other, ctx := open(), open(), t.Context()
	submit(t, s, asof.Run{})
	const ttl, short = 2 * time.Second, 30 * time.Millisecond // a machine may be busy for a second
	run, lease := mustClaim(t, s, asof.RunClaim{TTL: ttl})
	for range 2 {
		time.Sleep(ttl * 11 / 20)
		if taken := claim(t, other, asof.RunClaim{Worker: "other"}); taken != nil {
			t.Fatalf("a run that is alive was taken over: %+v", taken)
		}
		if cancel, err := s.Renew(ctx, lease, ttl); err != nil || cancel {
			t.Fatalf("renewing: %v, %v", cancel, err)
		}
	}
	_, due, err := s.Due(ctx, "p")
	if ends := readRun(t, other, run.ID).LeaseEnds; err != nil || !due.Equal(ends) {
		t.Errorf("the next run is due at %v (%v), and the lease ends at %v", due, err, ends)
	}
	if _, err := s.Renew(ctx, lease, short); err != nil {
		t.Fatal(err)
	}
	time.Sleep(short + 20*time.Millisecond)
	if state := readRun(t, other, run.ID).State; state != asof.RunCrashed {
		t.Errorf("a run whose lease has run out is %s", state)
	}
	if _, err := s.Renew(ctx, lease, short); err != nil {
		t.Errorf("a lease that has run out and that nobody has taken: %v", err)
	}
	time.Sleep(short + 20*time.Millisecond)
	taken, _ := mustClaim(t, other, asof.RunClaim{Worker: "other", TTL: ttl})
	if taken.ID != run.ID || taken.Epoch != 2 || taken.Takeovers != 1 || taken.Worker != "other" || taken.TakenFrom != run.Worker || readRun(t, other, run.ID).TakenFrom != "" || !taken.Started.Equal(run.Started) {
		t.Errorf("taken over: %+v", taken)
	}
	_, err = s.Renew(ctx, lease, ttl)
	lost(t, "renewing", err)
}

// runsLost checks that a worker whose run was taken over, or has ended, can
// write nothing.
func runsLost(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	submit(t, s, asof.Run{})
	_, old := mustClaim(t, s, asof.RunClaim{TTL: time.Microsecond})
	time.Sleep(time.Millisecond)
	_, present := mustClaim(t, s, asof.RunClaim{Worker: "other"})
	step := asof.RunStep{Name: "load users", Attempt: 1, State: asof.RunCompleted, Started: time.Unix(1, 0).UTC(), Rows: 7}
	refused := func(l asof.RunLease) {
		t.Helper()
		_, err := s.Renew(ctx, l, longLease)
		lost(t, "renewing", err)
		lost(t, "recording", s.Record(ctx, l, asof.RunRunning, step))
		lost(t, "a line", s.Log(ctx, l, asof.RunLine{At: time.Unix(1, 0), Text: "no"}))
		lost(t, "breaking", s.Break(ctx, l))
		for _, state := range []asof.RunState{asof.RunCompleted, asof.RunFailed, asof.RunPending} {
			lost(t, "finishing", s.Finish(ctx, l, state, "no", []byte(`"no"`)))
		}
	}
	refused(old)
	refused(asof.RunLease{Run: old.Run, Epoch: present.Epoch + 1})
	run := readRun(t, s, old.Run)
	lines, err := s.Lines(ctx, old.Run, 0, 10)
	if run.State != asof.RunRunning || run.Error != "" || run.Worker != "other" || err != nil || len(lines) != 0 || len(readSteps(t, s, old.Run)) != 0 {
		t.Errorf("a worker without the lease wrote: %+v, %v, %v", run, lines, err)
	}
	if err := s.Finish(ctx, present, asof.RunCompleted, "", nil); err != nil {
		t.Fatal(err)
	}
	refused(present)
	if run := readRun(t, s, old.Run); run.State != asof.RunCompleted || len(run.Report) != 0 {
		t.Errorf("a run that has ended was written: %+v", run)
	}
}

func runsBroken(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	submit(t, s, asof.Run{})
	run, lease := mustClaim(t, s, asof.RunClaim{})
	if err := s.Break(ctx, lease); err != nil {
		t.Fatal(err)
	}
	taken, _ := mustClaim(t, s, asof.RunClaim{Worker: "other"})
	if taken.ID != run.ID || taken.Epoch != 2 || taken.Takeovers != 1 {
		t.Errorf("taken over: %+v", taken)
	}
	lost(t, "renewing", second(s.Renew(ctx, lease, longLease)))
}

func second[T any](_ T, err error) error { return err }

// runsTakeovers checks that a run that kills its workers is left, and one that
// gets on is not.
func runsTakeovers(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	id := submit(t, s, asof.Run{}).ID
	die := func(works bool) {
		t.Helper()
		run, lease := mustClaim(t, s, asof.RunClaim{})
		if works {
			step := asof.RunStep{Name: fmt.Sprintf("step %d", run.Epoch), Attempt: 1, State: asof.RunCompleted, Started: run.Started, Finished: run.Started}
			if err := s.Record(ctx, lease, asof.RunRunning, step); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Break(ctx, lease); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * asof.MostTakeovers {
		die(true)
	}
	for range asof.MostTakeovers {
		die(false)
	}
	if run := claim(t, s, asof.RunClaim{}); run != nil {
		t.Fatalf("claimed after %d takeovers", run.Takeovers)
	}
	run := readRun(t, s, id)
	if run.State != asof.RunCrashed || run.Finished.IsZero() || run.Error != asof.TooManyTakeovers {
		t.Errorf("a run that kills its workers: %+v", run)
	}
	if _, err := s.Resume(ctx, id); err != nil {
		t.Fatal(err)
	}
	if run, _ := mustClaim(t, s, asof.RunClaim{}); run.Takeovers != 0 {
		t.Errorf("resumed with %d takeovers", run.Takeovers)
	}
}

func runsCancel(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	cancel := func(id string) asof.Run {
		t.Helper()
		run, err := s.Cancel(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(readRun(t, s, id), run); diff != "" {
			t.Errorf("what cancelling returns: %s", diff)
		}
		return run
	}
	if run := cancel(submit(t, s, asof.Run{}).ID); run.State != asof.RunCancelled || run.Finished.IsZero() {
		t.Errorf("a run that waits: %+v", run)
	}
	if run := claim(t, s, asof.RunClaim{}); run != nil {
		t.Errorf("claimed after it was cancelled: %+v", run)
	}
	id := submit(t, s, asof.Run{}).ID
	_, lease := mustClaim(t, s, asof.RunClaim{})
	if run := cancel(id); run.State != asof.RunRunning || !run.Cancel {
		t.Errorf("a run that goes on: %+v", run)
	}
	if asked, err := s.Renew(ctx, lease, longLease); err != nil || !asked {
		t.Errorf("the worker hears %v, %v", asked, err)
	}
	if err := s.Break(ctx, lease); err != nil {
		t.Fatal(err)
	}
	if run := claim(t, s, asof.RunClaim{}); run != nil || readRun(t, s, id).State != asof.RunCancelled {
		t.Errorf("a cancelled run whose worker died goes on: %+v, %+v", run, readRun(t, s, id))
	}
	id = submit(t, s, asof.Run{}).ID
	_, lease = mustClaim(t, s, asof.RunClaim{})
	if err := s.Finish(ctx, lease, asof.RunCompleted, "", nil); err != nil {
		t.Fatal(err)
	}
	if run := cancel(id); run.State != asof.RunCompleted || run.Cancel {
		t.Errorf("a completed run: %+v", run)
	}
}

func runsResume(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	id := submit(t, s, asof.Run{}).ID
	_, lease := mustClaim(t, s, asof.RunClaim{})
	if run, err := s.Resume(ctx, id); err != nil || run.State != asof.RunRunning || run.Epoch != 1 {
		t.Errorf("resuming one that goes on: %+v, %v", run, err)
	}
	done := asof.RunStep{Name: "load users", Attempt: 1, State: asof.RunCompleted, Started: time.Unix(1, 0).UTC(), Finished: time.Unix(2, 0).UTC(), Input: "hash"}
	if err := s.Record(ctx, lease, asof.RunRunning, done); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(ctx, lease, asof.RunFailed, "a check fails", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	run, err := s.Resume(ctx, id)
	if due := readRun(t, s, id).Due; err != nil || run.State != asof.RunPending || run.Error != "" || !run.Finished.IsZero() || due.After(run.Started) {
		t.Errorf("resumed: %+v, %v", run, err)
	}
	if diff := cmp.Diff([]asof.RunStep{done}, readSteps(t, s, id)); diff != "" {
		t.Errorf("finished steps: %s", diff)
	}
	run, lease = mustClaim(t, s, asof.RunClaim{})
	if run.Epoch != 2 || run.Takeovers != 0 {
		t.Errorf("claimed: %+v", run)
	}
	if err := s.Finish(ctx, lease, asof.RunCompleted, "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resume(ctx, id); asof.ErrorCode(err) != asof.CodeConflict || !strings.Contains(err.Error(), id) {
		t.Errorf("resuming a completed run: %v", err)
	}
}

func runsGivenBack(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	id := submit(t, s, asof.Run{}).ID
	_, lease := mustClaim(t, s, asof.RunClaim{})
	if err := s.Record(ctx, lease, asof.RunRunning, asof.RunStep{Name: "load", Attempt: 1, State: asof.RunRunning, Started: time.Unix(1, 0).UTC()}); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(ctx, lease, asof.RunPending, "", nil); err != nil {
		t.Fatal(err)
	}
	if run := readRun(t, s, id); run.State != asof.RunPending || !run.Finished.IsZero() || !run.LeaseEnds.IsZero() {
		t.Errorf("given back: %+v", run)
	}
	if steps := readSteps(t, s, id); len(steps) != 1 || steps[0].State != asof.RunCrashed || steps[0].Finished.IsZero() {
		t.Errorf("its step: %+v", steps)
	}
	lost(t, "renewing", second(s.Renew(ctx, lease, longLease)))
	if run, _ := mustClaim(t, s, asof.RunClaim{Worker: "other"}); run.Epoch != 2 || run.Takeovers != 0 {
		t.Errorf("claimed again: %+v", run)
	}
}
