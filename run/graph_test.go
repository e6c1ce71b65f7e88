package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/run"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// bench is a store with a worker whose runs have the steps that a test says.
type bench struct {
	*run.Worker
	t     *testing.T
	store asof.RunStore
	mu    sync.Mutex
	did   []string // attempts, in the order in which they began
	steps []run.Step
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, store: memory.NewRuns()}
	b.Worker = &run.Worker{Store: b.store, Project: "p", TTL: 2 * time.Second, Poll: time.Millisecond,
		Job: func(context.Context, asof.Run) (run.Job, error) { return run.Job{Steps: b.steps}, nil }}
	return b
}

// step returns a step that notes its attempts; do may be nil.
func (b *bench) step(name string, do func(ctx context.Context, a *run.Attempt) error, needs ...string) run.Step {
	return run.Step{Name: name, Needs: needs, Do: func(ctx context.Context, a *run.Attempt) error {
		b.mu.Lock()
		b.did = append(b.did, name)
		b.mu.Unlock()
		if do == nil {
			return nil
		}
		return do(ctx, a)
	}}
}

func fails(err error) func(context.Context, *run.Attempt) error {
	return func(context.Context, *run.Attempt) error { return err }
}

// go submits the run of a key and carries it out; it returns what was done.
func (b *bench) carryOut(key string, steps ...run.Step) (asof.Run, string, error) {
	b.t.Helper()
	b.steps, b.did = steps, nil
	entered, _, err := b.store.Submit(b.t.Context(), asof.Run{Project: "p", Pipeline: "month", Key: key}, asof.AgainUnlessDone)
	if err != nil {
		b.t.Fatal(err)
	}
	ended, err := b.One(b.t.Context(), entered.ID, func(asof.Run) {})
	return ended, strings.Join(b.did, " "), err
}

func (b *bench) states(run asof.Run) string {
	b.t.Helper()
	steps, err := b.store.Steps(b.t.Context(), run.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	var states []string
	for _, s := range steps {
		states = append(states, fmt.Sprintf("%s/%d %s", s.Name, s.Attempt, s.State))
	}
	slices.Sort(states)
	return strings.Join(states, ", ")
}

// log returns a run's log, without its times.
func (b *bench) log(run asof.Run) string {
	b.t.Helper()
	lines, err := b.store.Lines(b.t.Context(), run.ID, 0, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	var texts []string
	for _, l := range lines {
		texts = append(texts, l.Level+" "+l.Step+": "+l.Text)
	}
	return strings.Join(texts, "\n")
}

func TestFailuresAreToldAtOnce(t *testing.T) {
	b := newBench(t)
	bad, worse := asof.Errorf(asof.CodeInvalid, "users.csv is bad"), asof.Errorf(asof.CodeInvalid, "usage.csv is worse")
	b.Steps = 1
	ended, did, err := b.carryOut("k", b.step("users", fails(bad)), b.step("usage", fails(worse)), b.step("plans", nil),
		b.step("check users", nil, "users"), b.step("check plans", nil, "plans"), b.step("publish", nil, "users", "usage", "plans", "check users", "check plans"))
	if did != "users usage plans check plans" {
		t.Errorf("did %s", did)
	}
	if ended.State != asof.RunFailed || ended.Error != "users.csv is bad\nusage.csv is worse" || !errors.Is(err, bad) || !errors.Is(err, worse) || asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("%+v, %v", ended, err)
	}
	if states := b.states(ended); states != "check plans/1 completed, plans/1 completed, usage/1 failed, users/1 failed" {
		t.Errorf("steps: %s", states)
	}
}

// TestStepsAfterOthers holds back the steps that wait for others however they
// end, also for those that never begin.
func TestStepsAfterOthers(t *testing.T) {
	b := newBench(t)
	b.Steps = 1
	check, last := b.step("check users", nil, "users"), b.step("check plans", nil, "plans")
	check.After, last.After = []string{"usage", "plans"}, []string{"check usage", "more"}
	input := ""
	usage := b.step("usage", fails(asof.Errorf(asof.CodeInvalid, "bad")))
	usage.Input = func(context.Context) (string, error) { return input, nil }
	steps := []run.Step{b.step("users", nil), usage, b.step("plans", nil), check, b.step("check usage", nil, "usage"), b.step("more", nil, "check usage"), last}
	ended, did, _ := b.carryOut("k", steps...)
	if did != "users usage plans check users check plans" || ended.State != asof.RunFailed {
		t.Errorf("did %s: %+v", did, ended)
	}
	steps[1], input = b.step("usage", nil), "2"
	if ended, did, _ := b.carryOut("k", steps...); did != "usage check users check usage more check plans" || ended.State != asof.RunCompleted {
		t.Errorf("did %s: %+v", did, ended)
	}
}

func TestARunGoesOnWhereItWas(t *testing.T) {
	b := newBench(t)
	inputs := map[string]string{"users": "1", "usage": "1"}
	gone := map[string]bool{}
	steps := func(check error) []run.Step {
		list := []run.Step{b.step("users", nil), b.step("usage", nil), b.step("check users", nil, "users"), b.step("check usage", fails(check), "usage"),
			b.step("publish", nil, "users", "usage", "check users", "check usage"), b.step("online", nil, "publish")}
		for i, name := range []string{"users", "usage"} {
			list[i].Input = func(context.Context) (string, error) {
				if inputs[name] == "" {
					return "", errors.New("the file is gone")
				}
				return inputs[name], nil
			}
			list[i].Stands = func(context.Context) (bool, error) { return !gone[name], nil }
		}
		list[4].Seals = true
		return list
	}
	bad := asof.Errorf(asof.CodeInvalid, "a check fails")
	b.Steps = 1
	did := func(want string, steps []run.Step) asof.Run {
		t.Helper()
		ended, did, _ := b.carryOut("k", steps...)
		if did != want {
			t.Fatalf("did %q, not %q", did, want)
		}
		return ended
	}
	first := did("users usage check users check usage", steps(bad))
	did("check usage", steps(bad)) // nothing has changed
	inputs["usage"] = "2"
	did("usage check usage", steps(bad))
	gone["users"] = true // from the stage, which publishing needs
	did("users check usage", steps(bad))
	online := steps(nil)
	online[5] = b.step("online", fails(asof.Errorf(asof.CodeUnavailable, "no Redis")), "publish")
	did("users check usage publish online", online)
	inputs["users"], gone["users"], gone["usage"] = "", true, true // the month's files were moved away
	last := did("online", steps(nil))
	if log := b.log(last); strings.Count(log, "info : gone on with by ") != 5 || !strings.Contains(log, "info : done before, and not done again: users, usage, check users, check usage, publish\n") {
		t.Errorf("log:\n%s", log)
	}
	if last.State != asof.RunCompleted || last.ID != first.ID || last.Epoch != 6 {
		t.Errorf("%+v", last)
	}
	inputs["users"] = "3"
	if done := did("", steps(nil)); done.ID != first.ID {
		t.Errorf("a run that is done: %+v", done)
	}
}

func TestACorrectedFileAfterPublishing(t *testing.T) {
	b := newBench(t)
	input := "1"
	steps := func(online error) []run.Step {
		list := []run.Step{b.step("users", nil), b.step("publish", nil, "users"), b.step("online", fails(online), "publish")}
		list[0].Input = func(context.Context) (string, error) { return input, nil }
		list[1].Seals = true
		return list
	}
	if _, did, _ := b.carryOut("k", steps(asof.Errorf(asof.CodeUnavailable, "no Redis"))...); did != "users publish online" {
		t.Errorf("did %s", did)
	}
	input = "2"
	if _, did, err := b.carryOut("k", steps(nil)...); did != "users publish online" || err != nil {
		t.Errorf("did %s, %v", did, err)
	}
}

func TestRetries(t *testing.T) {
	b := newBench(t)
	tries := 0
	flaky := b.step("flaky", func(_ context.Context, a *run.Attempt) error {
		if tries++; tries < 3 || tries == 5 || tries == 6 {
			return asof.Errorf(asof.CodeUnavailable, "try %d", a.Number)
		}
		a.Progress(7, 10)
		a.Log("info", "got there")
		return a.Report(map[string]int{"attempt": a.Number})
	})
	flaky.Retry = run.Retry{Times: 2, Delay: 20 * time.Millisecond, Jitter: 0.5}
	start := time.Now()
	ended, did, err := b.carryOut("k", flaky)
	if err != nil || did != "flaky flaky flaky" || b.states(ended) != "flaky/1 failed, flaky/2 failed, flaky/3 completed" {
		t.Errorf("%s, %s, %v", did, b.states(ended), err)
	}
	if took := time.Since(start); took < 30*time.Millisecond {
		t.Errorf("two delays of 20 and 40 ms took %v", took)
	}
	steps, _ := b.store.Steps(t.Context(), ended.ID)
	if last := steps[2]; last.Rows != 7 || last.Total != 10 || string(last.Report) != `{"attempt":3}` || steps[0].Error != "try 1" {
		t.Errorf("attempts: %+v", steps)
	}
	if log := b.log(ended); !strings.HasPrefix(log, "info : begun by "+b.Name()+"\nerror flaky: failed after ") || !strings.Contains(log, "\nwarn flaky: attempt 1 failed, and it is tried again in ") ||
		!strings.Contains(log, ": try 1\n") || !strings.Contains(log, "info flaky: got there\ninfo flaky: completed, 7 rows, ") || !strings.HasSuffix(log, "\ninfo : completed") {
		t.Errorf("log:\n%s", log)
	}
	invalid := b.step("invalid", fails(asof.Errorf(asof.CodeInvalid, "bad file")))
	invalid.Retry = flaky.Retry
	if _, did, _ := b.carryOut("l", invalid); did != "invalid" {
		t.Errorf("what the caller has to mend was tried again: %s", did)
	}
	tries = 4
	flaky.Retry.Times = 1
	if ended, _, err := b.carryOut("m", flaky); ended.State != asof.RunFailed || err == nil {
		t.Errorf("%+v, %v", ended, err)
	}
	if _, _, err := b.carryOut("m", flaky); err != nil { // retries begin anew
		t.Error(err)
	}
}

func TestTimeoutsConditionsAndPanics(t *testing.T) {
	b := newBench(t)
	slow := b.step("slow", func(ctx context.Context, _ *run.Attempt) error { <-ctx.Done(); return ctx.Err() })
	slow.Timeout = 10 * time.Millisecond
	if ended, _, err := b.carryOut("slow", slow); ended.State != asof.RunFailed || !strings.Contains(ended.Error, "longer than 10ms, its timeout") || asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("%+v, %v", ended, err)
	}
	never := b.step("never", nil)
	never.When = func(context.Context) (bool, error) { return false, nil }
	if ended, did, err := b.carryOut("when", never, b.step("after", nil, "never")); did != "after" || err != nil || b.states(ended) != "after/1 completed, never/1 skipped" {
		t.Errorf("%s, %v, %s", did, err, b.states(ended))
	}
	ended, _, err := b.carryOut("panic", b.step("broken", func(context.Context, *run.Attempt) error { panic("out of luck") }))
	if asof.ErrorCode(err) != asof.CodeInternal || !strings.Contains(ended.Error, "step broken: out of luck") {
		t.Errorf("%+v, %v", ended, err)
	}
	lines, _ := b.store.Lines(t.Context(), ended.ID, 0, 100)
	if text := fmt.Sprint(lines); !strings.Contains(text, "graph_test.go") {
		t.Errorf("no stack in %s", text)
	}
	for want, steps := range map[string][]run.Step{`needs "b", which is no step before it`: {b.step("a", nil, "b"), b.step("b", nil)}, `two steps have the name "a"`: {b.step("a", nil), b.step("a", nil)}} {
		if _, _, err := b.carryOut(want, steps...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	if ended, _, err := b.carryOut("empty"); err != nil || ended.State != asof.RunCompleted {
		t.Errorf("a run without steps: %+v, %v", ended, err)
	}
}

// TestSideBySide checks that steps that need nothing of one another go on
// together, but for those of one lane.
func TestSideBySide(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	now, most := map[string]int{}, map[string]int{}
	busy := func(lane string) func(context.Context, *run.Attempt) error {
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			for _, of := range []string{lane, "all"} {
				now[of] += n
				most[of] = max(most[of], now[of])
			}
		}
		return func(context.Context, *run.Attempt) error {
			count(1)
			time.Sleep(20 * time.Millisecond)
			count(-1)
			return nil
		}
	}
	var steps []run.Step
	for i := range 12 {
		lane := []string{"", "stage", "x"}[i%3]
		s := b.step(fmt.Sprint(i), busy(lane))
		s.Lane = lane
		steps = append(steps, s)
	}
	if _, _, err := b.carryOut("k", steps...); err != nil || most["all"] != 4 || most["stage"] != 1 || most["x"] != 1 || most[""] < 2 {
		t.Errorf("at once: %v, %v", most, err)
	}
}

func TestEnd(t *testing.T) {
	b := newBench(t)
	closed := 0
	var outcome run.Outcome
	b.Job = func(context.Context, asof.Run) (run.Job, error) {
		return run.Job{Steps: b.steps, Close: func() { closed++ },
			End: func(_ context.Context, o run.Outcome) (json.RawMessage, error) {
				outcome = o
				if o.Err != nil {
					return json.RawMessage(`{"end": 1}`), fmt.Errorf("the month stops: %w", o.Err)
				}
				return json.RawMessage(`{"end": 2}`), nil
			}}, nil
	}
	ended, _, err := b.carryOut("k", b.step("a", fails(errors.New("broken"))))
	if ended.Error != "the month stops: broken" || err == nil || err.Error() != ended.Error || string(ended.Report) != `{"end": 1}` || outcome.State != asof.RunFailed || len(outcome.Steps) != 1 {
		t.Errorf("%+v, %v, %+v", ended, err, outcome)
	}
	ended, _, err = b.carryOut("k", b.step("a", nil))
	if ended.State != asof.RunCompleted || err != nil || string(ended.Report) != `{"end": 2}` || closed != 2 || len(outcome.Steps) != 2 {
		t.Errorf("%+v, %v, %+v, closed %d times", ended, err, outcome, closed)
	}
}
