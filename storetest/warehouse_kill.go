package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// The environment by which a test binary, started again as the process to be
// killed, knows what to do.
const (
	killPlace = "ASOF_TEST_KILL_PLACE"
	killStep  = "ASOF_TEST_KILL_STEP"
)

// WarehouseKilled stages and publishes a corrected month in a process of its
// own, which it kills at the first step, then at the second, and so on, while
// this process reads: readers see all of the old month or all of the new. The
// same run that goes on with what is staged ends where an uninterrupted one
// does, and so does another one.
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
		publishMonth(t, open(t, place, killer(t)), "r2", corrected)
		return
	}
	reference := open(t, fresh(t), func(string) {})
	publishMonth(t, reference, "r1", old)
	before := fmt.Sprint(state(t, reference))
	publishMonth(t, reference, "r2", corrected)
	after := fmt.Sprint(state(t, reference))

	var seen sides
	steps := cutOff(t, fresh, open, func(w WarehouseUnderTest) { publishMonth(t, w, "r1", old) },
		func(w WarehouseUnderTest, step int, running bool) {
			got, err := readAll(t.Context(), w)
			if err != nil {
				t.Fatalf("reading while step %d is cut off: %v", step, err)
			}
			seen.look(t, step, running, got, before, after)
			if running {
				return
			}
			goOn(t, w, "r2", corrected)
			if got := fmt.Sprint(state(t, w)); got != after {
				t.Fatalf("cut off at step %d, the run that goes on ends with\n%s\nnot with\n%s", step, got, after)
			}
			publishMonth(t, w, "r3", corrected)
			if got := fmt.Sprint(state(t, w)); got != after {
				t.Fatalf("cut off at step %d, a second run ends with\n%s\nnot with\n%s", step, got, after)
			}
			done := publishMonth(t, w, "r4", corrected)
			diff(t, "dropped keys after a second run", []string{"c"}, droppedOf(t, done, "usage_snapshots"))
		})
	seen.all(t, steps)
}

// goOn stages what the run has not staged, and publishes.
func goOn(t *testing.T, w WarehouseUnderTest, run string, m month) {
	t.Helper()
	stage, err := w.Stage(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	staged, err := stage.Staged(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, load := range m.loads() {
		switch there, ok := staged[load.table.Name]; {
		case !ok:
			if _, err := loadRows(t.Context(), stage, load.table, load.rows); err != nil {
				t.Fatal(err)
			}
		case there.Content != fmt.Sprint(load.rows) || there.Rows != int64(len(load.rows)):
			t.Errorf("table %s is staged as %+v", load.table.Name, there)
		}
	}
	if _, err := stage.Publish(t.Context(), m.publication(run)); err != nil {
		t.Fatal(err)
	}
	if err := stage.Discard(t.Context()); err != nil {
		t.Fatal(err)
	}
	diff(t, "stages", "[]", stages(t, w))
}

// ReplacementKilled replaces a table in a process of its own, which it kills
// at each step as WarehouseKilled does: readers see all of the old table or all
// of the new, a second replacement is whole, and then left finds nothing of the
// first, at a place that fresh made.
func ReplacementKilled(t *testing.T, fresh func(t *testing.T) string, open func(t *testing.T, place string, step func(name string)) WarehouseUnderTest, left func(t *testing.T, place string) []string) {
	if place := os.Getenv(killPlace); place != "" {
		mustReplace(t, open(t, place, killer(t)), result, "new", numbers("n", 4, 5, 6, 7))
		return
	}
	var seen sides
	var place string
	steps := cutOff(t, func(t *testing.T) string { place = fresh(t); return place }, open,
		func(w WarehouseUnderTest) { mustReplace(t, w, result, "old", numbers("n", 1, 2, 3)) },
		func(w WarehouseUnderTest, step int, running bool) {
			seen.look(t, step, running, column(t, w, result, "n"), "1 2 3", "4 5 6 7")
			if running {
				return
			}
			mustReplace(t, w, result, "second", numbers("n", 8))
			diff(t, "after a second one", "8", column(t, w, result, "n"))
			if list := left(t, place); len(list) > 0 {
				t.Errorf("cut off at step %d, %v is left after a second one", step, list)
			}
		})
	seen.all(t, steps)
}

// sides counts how often a reader saw the old and the new state once a process
// was killed.
type sides struct{ old, new int }

func (s *sides) look(t *testing.T, step int, running bool, got, before, after string) {
	t.Helper()
	switch {
	case got != before && got != after:
		t.Fatalf("cut off at step %d, a reader sees neither state:\n%s", step, got)
	case running:
	case got == before:
		s.old++
	default:
		s.new++
	}
}

// all checks that processes were killed on both sides of what counts.
func (s *sides) all(t *testing.T, steps int) {
	t.Helper()
	if steps < 4 || s.old == 0 || s.new < 2 {
		t.Errorf("killed at %d steps; afterwards the old state was there %d times, the new one %d: the steps are not all announced", steps-1, s.old, s.new)
	}
}

// cutOff starts this test again as a process that is killed at its first step,
// then at its second, and so on until one ends by itself. Each has a new place,
// made ready by prepare; look looks at it while the process runs, and once
// after that. It returns the number of processes.
func cutOff[W any](t *testing.T, fresh func(t *testing.T) string, open func(t *testing.T, place string, step func(name string)) W,
	prepare func(W), look func(w W, step int, running bool)) (steps int) {
	for killed := true; killed; {
		steps++
		place := fresh(t)
		w := open(t, place, func(string) {})
		prepare(w)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), killPlace+"="+place, killStep+"="+strconv.Itoa(steps))
		end := startChild(cmd)
		for running := true; running; {
			select {
			case err := <-end:
				running = false
				if killed = wasKilled(cmd); !killed && err != nil {
					t.Fatalf("the process that writes: %v", err)
				}
			default:
			}
			look(w, steps, running)
		}
	}
	return steps
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

// killer returns a step function that kills this process at the step that its
// parent chose.
func killer(t *testing.T) func(name string) {
	left, err := strconv.Atoi(os.Getenv(killStep))
	if err != nil {
		t.Fatal(err)
	}
	return func(string) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
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
