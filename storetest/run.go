package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// Runs is the conformance suite of asof.RunStore. Each of its tests calls fresh
// for an empty place, and open for a store on it, as another process has it.
func Runs(t *testing.T, fresh func(t *testing.T) (open func() asof.RunStore)) {
	for name, test := range map[string]func(*testing.T, func() asof.RunStore){
		"an empty store": runsEmpty, "what a run holds": runsHold, "keys": runsKeys, "keys at once": runsKeysAtOnce,
		"leases": runsLeases, "a lost lease": runsLost, "a broken lease": runsBroken, "too many takeovers": runsTakeovers,
		"claims at once": runsClaimsAtOnce, "claims in order": runsOrder, "uses": runsUses, "uses at once": runsUsesAtOnce,
		"cancel": runsCancel, "resume": runsResume, "given back": runsGivenBack,
		"steps": runsSteps, "lines": runsLines, "queries": runsQueries, "prune": runsPrune,
		"schedules": runsSchedules, "schedules at once": runsFireAtOnce,
		"actions": runsActions, "actions at once": runsActionsAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			open := fresh(t)
			test(t, func() asof.RunStore {
				s := open()
				t.Cleanup(func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
				return s
			})
		})
	}
}

const longLease = time.Minute

func submit(t *testing.T, s asof.RunStore, run asof.Run) asof.Run {
	t.Helper()
	if run.Project == "" {
		run.Project = "p"
	}
	if run.Pipeline == "" {
		run.Pipeline = "month"
	}
	entered, _, err := s.Submit(t.Context(), run, asof.AgainAlways)
	if err != nil {
		t.Fatal(err)
	}
	return entered
}

func claim(t *testing.T, s asof.RunStore, c asof.RunClaim) *asof.Run {
	t.Helper()
	if c.Project == "" {
		c.Project = "p"
	}
	if c.Worker == "" {
		c.Worker = "w"
	}
	if c.TTL == 0 {
		c.TTL = longLease
	}
	run, err := s.Claim(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func mustClaim(t *testing.T, s asof.RunStore, c asof.RunClaim) (asof.Run, asof.RunLease) {
	t.Helper()
	run := claim(t, s, c)
	if run == nil {
		t.Fatalf("nothing to claim for %+v", c)
	}
	return *run, asof.RunLease{Run: run.ID, Epoch: run.Epoch}
}

func readRun(t *testing.T, s asof.RunStore, id string) asof.Run {
	t.Helper()
	run, err := s.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func readSteps(t *testing.T, s asof.RunStore, id string) []asof.RunStep {
	t.Helper()
	steps, err := s.Steps(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

func runsEmpty(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	notFound := func(what string, err error) {
		t.Helper()
		if asof.ErrorCode(err) != asof.CodeNotFound {
			t.Errorf("%s of a run that is not there: %v", what, err)
		}
	}
	_, err := s.Run(ctx, "nobody")
	notFound("reading", err)
	_, err = s.Steps(ctx, "nobody")
	notFound("steps", err)
	_, err = s.Lines(ctx, "nobody", 0, 10)
	notFound("lines", err)
	_, err = s.Runs(ctx, asof.RunQuery{Before: "nobody"})
	notFound("listing", err)
	_, err = s.Cancel(ctx, "nobody")
	notFound("cancelling", err)
	_, err = s.Resume(ctx, "nobody")
	notFound("resuming", err)
	lease := asof.RunLease{Run: "nobody", Epoch: 1}
	_, err = s.Renew(ctx, lease, longLease)
	notFound("renewing", err)
	notFound("recording", s.Record(ctx, lease, asof.RunRunning))
	notFound("finishing", s.Finish(ctx, lease, asof.RunFailed, "", nil))
	if runs, err := s.Runs(ctx, asof.RunQuery{}); err != nil || len(runs) != 0 {
		t.Errorf("an empty store lists %v, %v", runs, err)
	}
	if run := claim(t, s, asof.RunClaim{}); run != nil {
		t.Errorf("claimed %+v", run)
	}
	if now, due, err := s.Due(ctx, "p"); err != nil || !due.IsZero() || time.Since(now).Abs() > time.Minute {
		t.Errorf("due: %v, %v, %v", now, due, err)
	}
	if gone, err := s.Prune(ctx, "p", asof.RunRetention{Age: 1, Runs: 1}, 10); err != nil || len(gone) != 0 {
		t.Errorf("pruned %v, %v", gone, err)
	}
	if list, err := s.Schedules(ctx, "p"); err != nil || len(list) != 0 {
		t.Errorf("schedules: %v, %v", list, err)
	}
}

// runsHold follows one run from its entry to its end, read by another process.
func runsHold(t *testing.T, open func() asof.RunStore) {
	s, other := open(), open()
	now, _, err := s.Due(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	want := asof.Run{ID: asof.NewRunID(now), Project: "p", Pipeline: "naïve ★", Key: "a key", Params: map[string]string{"month": "'", "as_of": "2024-01-31"},
		Cause: "command", Uses: []asof.RunUse{{Name: "table ü", Most: 2}}}
	entered := submit(t, s, want)
	want.State, want.Created, want.Due = asof.RunPending, entered.Created, entered.Due
	if entered.Created.Before(now) || entered.Due != entered.Created || entered.Created.Location() != time.UTC {
		t.Errorf("submitted %v, created %v, due %v", now, entered.Created, entered.Due)
	}
	if diff := cmp.Diff(want, entered); diff != "" {
		t.Errorf("submitted: %s", diff)
	}
	if diff := cmp.Diff(want, readRun(t, other, want.ID)); diff != "" {
		t.Errorf("read: %s", diff)
	}

	claimed, lease := mustClaim(t, other, asof.RunClaim{Worker: "host/1"})
	want.State, want.Worker, want.Epoch = asof.RunRunning, "host/1", 1
	want.Started, want.LeaseEnds = claimed.Started, claimed.LeaseEnds
	if got := claimed.LeaseEnds.Sub(claimed.Started); got != longLease {
		t.Errorf("the lease is of %v", got)
	}
	if diff := cmp.Diff(want, claimed); diff != "" {
		t.Errorf("claimed: %s", diff)
	}
	if run := claim(t, s, asof.RunClaim{}); run != nil {
		t.Errorf("claimed twice: %+v", run)
	}
	if err := other.Record(t.Context(), lease, asof.RunRetrying); err != nil {
		t.Fatal(err)
	}
	if state := readRun(t, s, want.ID).State; state != asof.RunRetrying {
		t.Errorf("the run is %s", state)
	}

	report := json.RawMessage(`{"rows": 1, "text": "ü"}`)
	if err := other.Finish(t.Context(), lease, asof.RunFailed, "users.csv:3: no date", report); err != nil {
		t.Fatal(err)
	}
	got := readRun(t, s, want.ID)
	want.State, want.LeaseEnds, want.Finished, want.Error, want.Report = asof.RunFailed, time.Time{}, got.Finished, "users.csv:3: no date", report
	if got.Finished.Before(got.Started) {
		t.Errorf("started %v, finished %v", got.Started, got.Finished)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("finished: %s", diff)
	}
}

func runsKeys(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	again := func(how asof.RunAgain, id string, created bool, state asof.RunState) {
		t.Helper()
		run, made, err := s.Submit(ctx, asof.Run{Project: "p", Pipeline: "month", Key: "k"}, how)
		if err != nil || made != created || run.State != state || !created && run.ID != id {
			t.Fatalf("submitting again (%d): run %s for %s, %s for %s, created %v, %v", how, run.ID, id, run.State, state, made, err)
		}
	}
	first := submit(t, s, asof.Run{Key: "k"})
	for _, other := range []asof.Run{{Project: "q", Key: "k"}, {Pipeline: "other", Key: "k"}, {Key: "K"}, {}, {}} {
		if run := submit(t, s, other); run.ID == first.ID {
			t.Errorf("%+v is the run of another key", other)
		}
	}
	all := []asof.RunAgain{asof.AgainNever, asof.AgainUnlessDone, asof.AgainAlways}
	for _, how := range all {
		again(how, first.ID, false, asof.RunPending)
	}
	_, lease := mustClaim(t, s, asof.RunClaim{Run: first.ID})
	for _, how := range all {
		again(how, first.ID, false, asof.RunRunning)
	}
	for _, state := range []asof.RunState{asof.RunFailed, asof.RunCancelled} {
		for _, how := range all[1:] {
			if err := s.Finish(ctx, lease, state, "why", nil); err != nil {
				t.Fatal(err)
			}
			again(asof.AgainNever, first.ID, false, state)
			again(how, first.ID, false, asof.RunPending)
			if run := readRun(t, s, first.ID); run.Error != "" || !run.Finished.IsZero() {
				t.Errorf("a resumed run: %+v", run)
			}
			_, lease = mustClaim(t, s, asof.RunClaim{Run: first.ID})
		}
	}
	if err := s.Finish(ctx, lease, asof.RunCompleted, "", nil); err != nil {
		t.Fatal(err)
	}
	again(asof.AgainNever, first.ID, false, asof.RunCompleted)
	again(asof.AgainUnlessDone, first.ID, false, asof.RunCompleted)
	again(asof.AgainAlways, "", true, asof.RunPending)
	if run, created, err := s.Submit(ctx, asof.Run{Project: "p", Pipeline: "month", Key: "k"}, asof.AgainNever); err != nil || created || run.ID == first.ID {
		t.Errorf("of two runs of a key, the older is returned: %s, %v, %v", run.ID, created, err)
	}
	if _, _, err := s.Submit(ctx, asof.Run{ID: first.ID, Project: "p", Pipeline: "month"}, asof.AgainNever); asof.ErrorCode(err) != asof.CodeConflict {
		t.Errorf("a second run of one ID: %v", err)
	}
}

func runsKeysAtOnce(t *testing.T, open func() asof.RunStore) {
	const submitters = 6
	var group sync.WaitGroup
	ids, created := make([]string, submitters), make([]bool, submitters)
	for i := range submitters {
		s := open()
		group.Go(func() {
			run, made, err := s.Submit(t.Context(), asof.Run{Project: "p", Pipeline: "month", Key: "k"}, asof.AgainAlways)
			if err != nil {
				t.Error(err)
			}
			ids[i], created[i] = run.ID, made
		})
	}
	group.Wait()
	made := 0
	for i := range submitters {
		if ids[i] != ids[0] {
			t.Errorf("one key has the runs %v", ids)
		}
		if created[i] {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d submitters made the run", made)
	}
}

func runsQueries(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	now, _, err := s.Due(ctx, "p")
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range []asof.Run{{Pipeline: "a"}, {Pipeline: "b", Due: now.Add(time.Hour)}, {Project: "q", Pipeline: "a"},
		{Pipeline: "a", Due: now.Add(-time.Hour)}, {Pipeline: "b", Due: now.Add(-2 * time.Hour)}} {
		run.ID = fmt.Sprintf("run-%d", i)
		submit(t, s, run)
	}
	_, lease := mustClaim(t, s, asof.RunClaim{}) // run-4, which has waited for longest
	if err := s.Finish(ctx, lease, asof.RunCompleted, "", json.RawMessage(`{"steps": []}`)); err != nil {
		t.Fatal(err)
	}
	for _, brief := range []bool{false, true} {
		runs, err := s.Runs(ctx, asof.RunQuery{Limit: 1, Brief: brief})
		if err != nil || len(runs) != 1 || runs[0].ID != "run-4" || (runs[0].Report == nil) != brief {
			t.Errorf("brief %v: %+v, %v", brief, runs, err)
		}
	}
	mustClaim(t, s, asof.RunClaim{TTL: time.Microsecond}) // run-3
	time.Sleep(time.Millisecond)
	for _, c := range []struct {
		q    asof.RunQuery
		want string
	}{
		{asof.RunQuery{}, "run-4 completed, run-3 crashed, run-2 pending, run-1 scheduled, run-0 pending"},
		{asof.RunQuery{Project: "p"}, "run-4 completed, run-3 crashed, run-1 scheduled, run-0 pending"},
		{asof.RunQuery{Project: "p", Pipeline: "a"}, "run-3 crashed, run-0 pending"},
		{asof.RunQuery{States: []asof.RunState{asof.RunScheduled, asof.RunCrashed}}, "run-3 crashed, run-1 scheduled"},
		{asof.RunQuery{States: []asof.RunState{asof.RunPending}}, "run-2 pending, run-0 pending"},
		{asof.RunQuery{States: []asof.RunState{asof.RunLate, asof.RunRunning}}, ""},
		{asof.RunQuery{Limit: 2}, "run-4 completed, run-3 crashed"},
		{asof.RunQuery{Limit: 2, Before: "run-3"}, "run-2 pending, run-1 scheduled"},
		{asof.RunQuery{Project: "p", Before: "run-2"}, "run-1 scheduled, run-0 pending"},
		{asof.RunQuery{Before: "run-0"}, ""},
		{asof.RunQuery{Project: "nobody's"}, ""},
	} {
		runs, err := s.Runs(ctx, c.q)
		if err != nil {
			t.Errorf("%+v: %v", c.q, err)
		}
		var got string
		for i, run := range runs {
			if i > 0 {
				got += ", "
			}
			got += run.ID + " " + string(run.State)
		}
		if got != c.want {
			t.Errorf("%+v: %s, not %s", c.q, got, c.want)
		}
	}
	submit(t, s, asof.Run{ID: "run-5", Pipeline: "c", Due: now.Add(-time.Hour)})
	if state := readRun(t, s, "run-5").State; state != asof.RunLate {
		t.Errorf("a run that should have started an hour ago is %s", state)
	}
}
