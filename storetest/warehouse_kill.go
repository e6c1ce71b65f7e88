package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/asof-dev/asof"
)

// The environment by which a test binary, started again as the process to be
// killed, knows what to do.
const (
	killPlace = "ASOF_TEST_KILL_PLACE"
	killStep  = "ASOF_TEST_KILL_STEP"
)

// WarehouseKilled publishes a corrected month in a process of its own, which
// it kills at the first step of publishing, then at the second, and so on,
// while this process reads: readers see all of the old month or all of the
// new, and a second run ends where an uninterrupted one does.
//
// It has to be the only statement of a test function, for the test binary is
// started again with that one test. fresh makes a new empty warehouse and says
// where it is; open opens it, with a function that has to be called at each
// step of publishing.
func WarehouseKilled(t *testing.T, fresh func(t *testing.T) string, open func(t *testing.T, place string, step func(name string)) WarehouseUnderTest) {
	old := firstMonth
	corrected := month{january,
		[][]string{{"a", "false"}, {"d", "true"}},
		[][]string{{"a", "∅", "1"}, {"b", "2.25", "2"}, {"d", "4.00", "4"}}}
	if place := os.Getenv(killPlace); place != "" {
		publishUntilKilled(t, place, corrected, open)
		return
	}
	reference := open(t, fresh(t), func(string) {})
	publishMonth(t, reference, "r1", old)
	before := fmt.Sprint(state(t, reference))
	publishMonth(t, reference, "r2", corrected)
	after := fmt.Sprint(state(t, reference))

	var steps, seenOld, seenNew int
	for killed := true; killed; {
		steps++
		place := fresh(t)
		w := open(t, place, func(string) {})
		publishMonth(t, w, "r1", old)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), killPlace+"="+place, killStep+"="+strconv.Itoa(steps))
		end := startChild(cmd)
		for running := true; running; {
			select {
			case err := <-end:
				running = false
				if killed = wasKilled(cmd); !killed && err != nil {
					t.Fatalf("the process that publishes: %v", err)
				}
			default:
			}
			switch got, err := readAll(t.Context(), w); {
			case err != nil:
				t.Fatalf("reading while step %d is cut off: %v", steps, err)
			case got == before && !running:
				seenOld++
			case got == after && !running:
				seenNew++
			case got != before && got != after:
				t.Fatalf("cut off at step %d, a reader sees neither month:\n%s", steps, got)
			}
		}
		publishMonth(t, w, "r3", corrected)
		if got := fmt.Sprint(state(t, w)); got != after {
			t.Fatalf("cut off at step %d, a second run ends with\n%s\nnot with\n%s", steps, got, after)
		}
		done := publishMonth(t, w, "r4", corrected)
		diff(t, "dropped keys after a second run", []string{"c"}, droppedOf(t, done, "usage_snapshots"))
	}
	if steps < 4 || seenOld == 0 || seenNew < 2 {
		t.Errorf("killed at %d steps; afterwards the old month was there %d times, the new one %d: the steps of publishing are not all announced", steps-1, seenOld, seenNew)
	}
}

// readAll reads the three tables by one statement.
func readAll(ctx context.Context, w WarehouseUnderTest) (string, error) {
	rows, err := w.Read(ctx, `SELECT kind, as_of, user_id, x, y FROM (
 SELECT 3 AS kind, CAST(NULL AS date) AS as_of, user_id, CAST(has_family AS text) AS x, CAST(NULL AS integer) AS y FROM users
 UNION ALL SELECT 2, NULL, user_id, CAST(hours AS text), devices FROM usage
 UNION ALL SELECT 1, as_of, user_id, CAST(hours AS text), devices FROM usage_snapshots) q ORDER BY kind DESC, as_of, user_id`)
	if err != nil {
		return "", err
	}
	var all [][]string
	for _, r := range rows {
		switch r[0] {
		case "3":
			all = append(all, []string{"users", r[2], r[3]})
		case "2":
			all = append(all, []string{"usage", r[2], r[3], r[4]})
		default:
			all = append(all, []string{"snapshot", r[1], r[2], r[3], r[4]})
		}
	}
	return fmt.Sprint(all), nil
}

// publishUntilKilled is what the process does that is killed.
func publishUntilKilled(t *testing.T, place string, m month, open func(t *testing.T, place string, step func(string)) WarehouseUnderTest) {
	left, err := strconv.Atoi(os.Getenv(killStep))
	if err != nil {
		t.Fatal(err)
	}
	var w asof.Warehouse = open(t, place, func(string) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	publishMonth(t, w, "r2", m)
}

func startChild(cmd *exec.Cmd) <-chan error {
	end := make(chan error, 1)
	go func() {
		out, err := cmd.CombinedOutput()
		if err != nil && !wasKilled(cmd) {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		end <- err
	}()
	return end
}

func wasKilled(cmd *exec.Cmd) bool {
	if cmd.ProcessState == nil {
		return false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
