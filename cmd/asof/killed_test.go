package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The steps at which months are killed: programs that say that they began.
const (
	first     = "  - {command: [sh, -c, \"echo here\"], name: first}\n"
	staged    = "  - {command: [sh, -c, \"echo here; sleep 0.3\"], name: staged}\n"
	published = "  - {command: [sh, -c, \"echo here\"], name: published}\n"
)

// months is a repository whose months are run in the foreground.
type months struct {
	dir, config string
}

func newMonths(t *testing.T, config string) months {
	t.Helper()
	setDatabase(t)
	m := months{filepath.Join(t.TempDir(), "shop"), config}
	run(t, "asof", "init", m.dir, "-t", "streamflow")
	m.asof(t, "sample", "streamflow", "--out", "data/seeds", "--users", "300", "--months", "5")
	path := filepath.Join(m.dir, "pipelines/ingest_month.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "\nsteps:\n", "\nsteps:\n"+first, 1)
	for before, step := range map[string]string{"  - snapshot:": staged, "  - materialize:": published} {
		if !strings.Contains(changed, before) {
			t.Fatalf("there is no %q in the template", before)
		}
		changed = strings.Replace(changed, before, step+before, 1)
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	m.asof(t, command(0)...) // whose tables the views are held against
	m.asof(t, "apply")
	return m
}

func (m months) args(args ...string) []string {
	return append([]string{"-c", m.dir, "-f", filepath.Join(m.dir, m.config)}, args...)
}

func (m months) asof(t *testing.T, args ...string) string {
	t.Helper()
	return string(run(t, "asof", m.args(args...)...))
}

var monthDays = []string{"2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"}

func command(n int) []string {
	return []string{"pipeline", "run", "ingest_month", "month=month_00" + strconv.Itoa(n), "as_of=" + monthDays[n]}
}

// kill runs a month, and kills it with SIGKILL so long after a step began.
func (m months) kill(t *testing.T, n int, step string, after time.Duration) {
	t.Helper()
	path, err := exec.LookPath("asof")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, m.args(command(n)...)...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	said := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if lines.Text() == step+": here" {
			said = true
			time.Sleep(after)
			_ = cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !said || !ok || !status.Signaled() {
		t.Fatalf("month %d was not killed at %s: %v", n, step, err)
	}
}

type listedRun struct{ Run, State string }

func (m months) newest(t *testing.T) listedRun {
	t.Helper()
	var runs []listedRun
	if err := json.Unmarshal([]byte(m.asof(t, "pipeline", "runs", "--limit", "1", "--output", "json")), &runs); err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	return runs[0]
}

// doneOnce fails unless each step of a run was completed by one attempt.
func (m months) doneOnce(t *testing.T, id string) {
	t.Helper()
	var shown struct {
		State string
		Steps []struct{ Name, State string }
	}
	if err := json.Unmarshal([]byte(m.asof(t, "pipeline", "show", id, "--output", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	done := map[string]int{}
	for _, s := range shown.Steps {
		if s.State == "skipped" {
			continue
		}
		if done[s.Name] += 0; s.State == "completed" {
			done[s.Name]++
		}
	}
	for name, times := range done {
		if times != 1 {
			t.Errorf("run %s: %s was completed %d times", id, name, times)
		}
	}
	if shown.State != "completed" || done["load users"] != 1 || done["publish"] != 1 || done["published"] != 1 {
		t.Errorf("run %s is %s: %v", id, shown.State, done)
	}
	if log := m.asof(t, "pipeline", "logs", id); strings.Count(log, "taken over from ") != 1 {
		t.Errorf("the log does not tell of the takeover:\n%s", log)
	}
}

// holds returns the features of all months.
func (m months) holds(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "all.csv")
	m.asof(t, "get-historical-features", "--entity-sql", "SELECT user_id, as_of AS event_timestamp FROM labels_snapshots ORDER BY 1, 2",
		"-f", "usage_agg_30d_fv:watch_hours_30d", "-f", "subs_profile_fv:monthly_fee", "-o", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m.asof(t, "verify")
	return string(text)
}

// TestMonthsAreKilled kills months with kill -9 while they load, before they
// publish, and behind that; the same command, a resume or a server goes on, and
// all is as in months that nobody killed, each step done once.
func TestMonthsAreKilled(t *testing.T) {
	for _, config := range []string{"feature_store.yaml", "feature_store.postgres.yaml"} {
		t.Run(config, func(t *testing.T) {
			whole := newMonths(t, config)
			for n := range monthDays[1:] {
				whole.asof(t, command(n+1)...)
			}
			want := whole.holds(t)
			m := newMonths(t, config)
			for n, cut := range []struct {
				step  string
				after time.Duration
				how   string
			}{{"first", 20 * time.Millisecond, "command"}, {"staged", 0, "resume"}, {"published", 5 * time.Millisecond, "command"}, {"staged", 50 * time.Millisecond, "server"}} {
				m.kill(t, n+1, cut.step, cut.after)
				id := m.newest(t).Run
				switch cut.how {
				case "command":
					m.asof(t, command(n+1)...)
				case "resume":
					m.asof(t, "pipeline", "resume", id)
				case "server":
					serveBy(t, m.dir, 5, "-f", filepath.Join(m.dir, config), "serve", "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
					for end := time.Now().Add(30 * time.Second); m.newest(t).State != "completed"; time.Sleep(100 * time.Millisecond) {
						if time.Now().After(end) {
							t.Fatalf("the server does not go on with run %s", id)
						}
					}
				}
				if now := m.newest(t); now.Run != id {
					t.Errorf("%s began run %s, and did not go on with %s", cut.how, now.Run, id)
				}
				m.doneOnce(t, id)
			}
			if got := m.holds(t); got != want {
				t.Errorf("months that were killed hold %d bytes of features, others %d", len(got), len(want))
			}
		})
	}
}
