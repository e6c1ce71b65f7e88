package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMaterializeTwice starts runs while one is at work, held up half-way: one
// refuses, one waits and finds nothing left to do.
func TestMaterializeTwice(t *testing.T) {
	fillings(t, 250_000, func(t *testing.T, f filling) {
		first, one := f.start(t)
		for len(f.ledgered(t)) == 0 {
			time.Sleep(time.Millisecond)
		}
		if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if began := f.ledgered(t)[0]; !began.Finished.IsZero() {
			t.Fatalf("the first run is done already: give it more to do: %+v", began)
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
		if runs := f.ledgered(t); len(runs) != 2 || runs[0].Written != 0 || runs[1].Written != int64(f.users) || !strings.Contains(two.String(), "it waited for another run") {
			t.Errorf("the two runs are %+v, want one that wrote %d keys, and one that wrote none\n%s", runs, f.users, two)
		}
		f.verified(t)
	})
}
