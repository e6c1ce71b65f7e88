package main

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMaterializeKilled kills runs (SIGKILL) at random moments and runs again:
// what is online is the point-in-time answer, and the ledger has one finished
// run that wrote every key.
func TestMaterializeKilled(t *testing.T) {
	const users = 100_000
	fillings(t, users, func(t *testing.T, f filling) {
		started := time.Now()
		whole, out := f.start(t, "--dry-run")
		if err := whole.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		reading := time.Since(started)
		killed := 0
		for round := range 6 {
			cmd, out := f.start(t)
			time.Sleep(reading/2 + time.Duration(rand.Int64N(int64(reading)+int64(round)*int64(reading)/4)))
			_ = cmd.Process.Kill() // it may have ended by itself
			if cmd.Wait() == nil {
				f.verified(t)
				continue
			}
			if killed++; strings.Contains(out.String(), "asof:") {
				t.Errorf("a run after a killed one: %s", out)
			}
		}
		if killed == 0 {
			t.Fatal("no run was killed before its end")
		}
		cmd, out := f.start(t)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		f.verified(t)
		states, written := f.entries(t)
		if states[0] != "done" {
			t.Errorf("the newest run is %q", states[0])
		}
		full := 0
		for i, s := range states {
			if s == "done" && written[i] == users {
				full++
			}
		}
		if full != 1 {
			t.Errorf("%d finished runs wrote every key, want 1: %v %v", full, states, written)
		}
	})
}

// TestMaterializeTwice starts runs while one is at work, held up half-way: one
// refuses, one waits and finds nothing left to do.
func TestMaterializeTwice(t *testing.T) {
	fillings(t, 250_000, func(t *testing.T, f filling) {
		first, one := f.start(t)
		for states := []string(nil); len(states) == 0; {
			states, _ = f.entries(t)
		}
		if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if states, _ := f.entries(t); states[0] != "not finished" {
			t.Fatalf("the first run is %q already: give it more to do", states[0])
		}
		refused, said := f.start(t, "--no-wait")
		if refused.Wait() == nil || !strings.Contains(said.String(), `another run materializes feature view "orders"`) {
			t.Errorf("a run that does not wait: %s", said)
		}
		second, two := f.start(t)
		time.Sleep(200 * time.Millisecond)
		if err := first.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		for _, cmd := range []*exec.Cmd{first, second} {
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v\n%s%s", err, one, two)
			}
		}
		if _, written := f.entries(t); len(written) != 2 || written[0] != 0 || written[1] != f.users || !strings.Contains(two.String(), "it waited for another run") {
			t.Errorf("the two runs wrote %v keys, want %d and then none\n%s", written, f.users, two)
		}
		f.verified(t)
	})
}
