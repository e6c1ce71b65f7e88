package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

func runsSteps(t *testing.T, open func() asof.RunStore) {
	s, other, ctx := open(), open(), t.Context()
	id := submit(t, s, asof.Run{}).ID
	_, lease := mustClaim(t, s, asof.RunClaim{})
	at := time.Date(2024, 2, 1, 12, 0, 0, 123456000, time.UTC)
	first := asof.RunStep{Name: "load ★", Attempt: 1, State: asof.RunRunning, Started: at, Total: 7043}
	next := asof.RunStep{Name: "a", Attempt: 1, State: asof.RunRunning, Started: at}
	record := func(state asof.RunState, steps ...asof.RunStep) {
		t.Helper()
		if err := s.Record(ctx, lease, state, steps...); err != nil {
			t.Fatal(err)
		}
	}
	same := func(what string, want ...asof.RunStep) {
		t.Helper()
		if diff := cmp.Diff(want, readSteps(t, other, id)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	record(asof.RunRunning, first, next)
	same("begun", first, next)
	first.Rows, first.State, first.Finished, first.Error = 1<<40, asof.RunFailed, at.Add(time.Second), "the file is gone"
	record(asof.RunRetrying, first)
	again := asof.RunStep{Name: "load ★", Attempt: 2, State: asof.RunRetrying, Started: at.Add(2 * time.Second)}
	record(asof.RunRetrying, again)
	same("failed", first, next, again)
	again.State, again.Rows, again.Input, again.Finished, again.Report = asof.RunRunning, 5, "sha256:1", time.Time{}, json.RawMessage(`{"checks": ["ü"]}`)
	record(asof.RunRunning, again)
	same("an attempt goes on", first, next, again)

	if err := s.Break(ctx, lease); err != nil {
		t.Fatal(err)
	}
	_, lease = mustClaim(t, other, asof.RunClaim{Worker: "other"})
	steps := readSteps(t, s, id)
	if len(steps) != 3 || steps[0].State != asof.RunFailed || steps[1].State != asof.RunCrashed || steps[2].State != asof.RunCrashed || steps[2].Finished.IsZero() {
		t.Errorf("after a takeover: %+v", steps)
	}
	next.Attempt = 2
	record(asof.RunRunning, next)
	if err := s.Finish(ctx, lease, asof.RunCancelled, "", nil); err != nil {
		t.Fatal(err)
	}
	if steps := readSteps(t, s, id); len(steps) != 4 || steps[3].State != asof.RunCancelled || steps[3].Attempt != 2 {
		t.Errorf("after the end: %+v", steps)
	}
}

func runsLines(t *testing.T, open func() asof.RunStore) {
	s, other, ctx := open(), open(), t.Context()
	id := submit(t, s, asof.Run{}).ID
	_, lease := mustClaim(t, s, asof.RunClaim{})
	at := time.Date(2024, 2, 1, 12, 0, 0, 123456000, time.UTC)
	read := func(after int64, limit int) []asof.RunLine {
		t.Helper()
		lines, err := other.Lines(ctx, id, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	log := func(lines ...asof.RunLine) {
		t.Helper()
		if err := s.Log(ctx, lease, lines...); err != nil {
			t.Fatal(err)
		}
	}
	if lines := read(0, 10); len(lines) != 0 {
		t.Errorf("an empty log: %v", lines)
	}
	log(asof.RunLine{At: at, Step: "load", Level: "info", Text: "naïve ★\n"}, asof.RunLine{At: at, Level: "error", Text: "two\nlines"})
	log(asof.RunLine{At: at, Text: strings.Repeat("é", asof.MostLineBytes)})
	lines := read(0, 10)
	if len(lines) != 3 || lines[0].Seq <= 0 || lines[1].Seq <= lines[0].Seq || lines[2].Seq <= lines[1].Seq {
		t.Fatalf("lines: %+v", lines)
	}
	want := asof.RunLine{Seq: lines[0].Seq, At: at, Step: "load", Level: "info", Text: "naïve ★"}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("a line: %s", diff)
	}
	if lines[1].Text != "two ⏎ lines" || len(lines[2].Text) > asof.MostLineBytes || !strings.HasSuffix(lines[2].Text, "é…") {
		t.Errorf("lines: %q, %d bytes", lines[1].Text, len(lines[2].Text))
	}
	if rest := read(lines[0].Seq, 1); len(rest) != 1 || rest[0].Seq != lines[1].Seq {
		t.Errorf("after the first line: %+v", rest)
	}
	many := make([]asof.RunLine, 1500)
	for i := range many {
		many[i] = asof.RunLine{At: at, Text: fmt.Sprint(i)}
	}
	for range asof.MostRunLines/len(many) + 1 {
		log(many...)
	}
	log(many[0])
	all := read(0, 2*asof.MostRunLines)
	if len(all) != asof.MostRunLines+1 || !strings.Contains(all[len(all)-1].Text, "full") {
		t.Errorf("a full log has %d lines, the last of them %q", len(all), all[len(all)-1].Text)
	}
}

func runsPrune(t *testing.T, open func() asof.RunStore) {
	s, ctx := open(), t.Context()
	for i, pipeline := range []string{"a", "a", "b", "a", "a", "a"} {
		id := submit(t, s, asof.Run{ID: fmt.Sprintf("run-%d", i), Pipeline: pipeline}).ID
		if i == 5 {
			break // which waits
		}
		_, lease := mustClaim(t, s, asof.RunClaim{Run: id})
		if err := s.Record(ctx, lease, asof.RunRunning, asof.RunStep{Name: "s", Attempt: 1, State: asof.RunCompleted, Started: time.Unix(1, 0)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Log(ctx, lease, asof.RunLine{At: time.Unix(1, 0), Text: "x"}); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			continue // goes on
		}
		if err := s.Finish(ctx, lease, asof.RunFailed, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	other := submit(t, s, asof.Run{Project: "q"}).ID
	if _, err := s.Cancel(ctx, other); err != nil {
		t.Fatal(err)
	}
	prune := func(keep asof.RunRetention, limit int, want ...string) {
		t.Helper()
		gone, err := s.Prune(ctx, "p", keep, limit)
		if err != nil || !slices.Equal(gone, want) {
			t.Errorf("pruning %+v: %v, not %v, %v", keep, gone, want, err)
		}
	}
	prune(asof.RunRetention{}, 10)
	prune(asof.RunRetention{Age: time.Hour, Runs: 3}, 10)
	prune(asof.RunRetention{Age: time.Hour, Runs: 1}, 1, "run-0")
	prune(asof.RunRetention{Runs: 1}, 10, "run-3")
	if _, err := s.Steps(ctx, "run-3"); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("steps of a pruned run: %v", err)
	}
	time.Sleep(2 * time.Millisecond)
	prune(asof.RunRetention{Age: time.Millisecond}, 10, "run-2", "run-4")
	runs, err := s.Runs(ctx, asof.RunQuery{})
	if err != nil || len(runs) != 3 || runs[0].ID != other || runs[1].ID != "run-5" || runs[2].ID != "run-1" {
		t.Errorf("kept: %+v, %v", runs, err)
	}
	submit(t, s, asof.Run{ID: "run-0", Pipeline: "a"})
	if lines, err := s.Lines(ctx, "run-0", 0, 10); err != nil || len(lines)+len(readSteps(t, s, "run-0")) != 0 {
		t.Errorf("a new run has a pruned one's lines or steps: %v, %v", lines, err)
	}
}

func runsSchedules(t *testing.T, open func() asof.RunStore) {
	s, other, ctx := open(), open(), t.Context()
	day := func(n int) time.Time { return time.Date(2024, 2, n, 6, 0, 0, 0, time.UTC) }
	fire := func(name string, last, at time.Time, want bool, runs ...asof.Run) {
		t.Helper()
		fired, err := s.Fire(ctx, "p", name, last, at, runs...)
		if err != nil || fired != want {
			t.Fatalf("firing %s at %v: %v, %v", name, at, fired, err)
		}
	}
	run := func(n int) asof.Run {
		return asof.Run{Project: "p", Pipeline: "month", Key: fmt.Sprintf("nightly %d", n), Due: day(n)}
	}
	fire("nightly ★", time.Time{}, day(1), true, run(1))
	fire("nightly ★", time.Time{}, day(1), false, run(1))
	fire("nightly ★", day(1), day(3), true, run(1), run(2), run(3)) // run 1 is there
	fire("other", time.Time{}, day(1), true)
	if err := other.Pause(ctx, "p", "nightly ★", true); err != nil {
		t.Fatal(err)
	}
	if err := other.Pause(ctx, "p", "new", true); err != nil {
		t.Fatal(err)
	}
	fire("nightly ★", day(3), day(4), false, run(4))
	fire("new", time.Time{}, day(4), false, run(4))
	list, err := other.Schedules(ctx, "p")
	want := []asof.RunSchedule{{Project: "p", Name: "new", Paused: true}, {Project: "p", Name: "nightly ★", Last: day(3), Paused: true}, {Project: "p", Name: "other", Last: day(1)}}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("schedules: %s %v", diff, err)
	}
	if err := s.Pause(ctx, "p", "nightly ★", false); err != nil {
		t.Fatal(err)
	}
	taken := submit(t, s, asof.Run{}).ID
	if _, err := s.Fire(ctx, "p", "nightly ★", day(3), day(4), run(4), asof.Run{ID: taken, Project: "p", Pipeline: "month"}); err == nil {
		t.Error("two runs of one ID")
	}
	fire("nightly ★", day(3), day(4), true, run(4))
	runs, err := other.Runs(ctx, asof.RunQuery{Project: "p"})
	if err != nil || len(runs) != 5 || runs[0].Key != "nightly 4" || !runs[0].Due.Equal(day(4)) {
		t.Errorf("runs: %+v, %v", runs, err)
	}
	if list, err := s.Schedules(ctx, "q"); err != nil || len(list) != 0 {
		t.Errorf("another project's schedules: %v, %v", list, err)
	}
}

func runsFireAtOnce(t *testing.T, open func() asof.RunStore) {
	const times, servers = 10, 3
	at := func(n int) time.Time { return time.Unix(int64(n), 0).UTC() }
	var group sync.WaitGroup
	var fired atomic.Int64
	for range servers {
		s := open()
		group.Go(func() {
			last := time.Time{}
			for n := 1; n <= times; n++ {
				ok, err := s.Fire(t.Context(), "p", "often", last, at(n), asof.Run{Project: "p", Pipeline: "month"})
				if err != nil {
					t.Error(err)
				}
				if ok {
					fired.Add(1)
				}
				last = at(n)
			}
		})
	}
	group.Wait()
	runs, err := open().Runs(t.Context(), asof.RunQuery{})
	if fired.Load() != times || err != nil || len(runs) != times {
		t.Errorf("%d times fired %d times, with %d runs, %v", times, fired.Load(), len(runs), err)
	}
}
