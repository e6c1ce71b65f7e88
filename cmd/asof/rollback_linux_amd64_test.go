package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// rolled is StreamFlow's repository after three runs that were followed online:
// January, a corrected January that lacks a user and has another fee, and
// February with one more user.
type rolled struct {
	place
	dir                string
	corrected, newest  string   // the runs
	states             []string // what was online after each run
	dropped, comeLater string   // users
}

func newRolled(t *testing.T, p place) rolled {
	t.Helper()
	r := rolled{place: p, dir: filepath.Join(t.TempDir(), "shop"), comeLater: "0001-NEWER"}
	run(t, "asof", "init", r.dir, "-t", "streamflow")
	r.settle(t)
	run(t, "asof", "-c", r.dir, "sample", "streamflow", "--out", "data/seeds", "--users", "5")
	seeds := filepath.Join(r.dir, "data", "seeds")
	if err := os.CopyFS(filepath.Join(seeds, "corrected"), os.DirFS(filepath.Join(seeds, "month_000"))); err != nil {
		t.Fatal(err)
	}
	r.rewrite(t, "corrected", func(file string, lines []string) []string {
		r.dropped, _, _ = strings.Cut(lines[1], ",")
		if file == "subscriptions.csv" {
			columns := strings.Split(lines[2], ",")
			columns[6] = "99.25" // monthly_fee
			lines[2] = strings.Join(columns, ",")
		}
		return append(lines[:1:1], lines[2:]...)
	})
	r.rewrite(t, "month_001", func(_ string, lines []string) []string {
		_, rest, _ := strings.Cut(lines[1], ",")
		return append(lines, r.comeLater+","+rest)
	})
	r.month(t, "month_000", "2024-01-31")
	run(t, "asof", "-c", r.dir, "apply")
	for _, m := range []struct{ month, asOf string }{{"month_000", "2024-01-31"}, {"corrected", "2024-01-31"}, {"month_001", "2024-02-29"}} {
		r.corrected, r.newest = r.newest, r.month(t, m.month, m.asOf)
		r.states = append(r.states, r.online(t))
	}
	return r
}

// settle writes feature_store.yaml for the place.
func (r rolled) settle(t *testing.T) {
	t.Helper()
	settings := r.settings
	if !strings.HasSuffix(settings, asFeast) {
		settings += "asof:\n"
	}
	text := "project: shop\nprovider: local\nregistry: data/registry.db\noffline_store: duckdb\nentity_key_serialization_version: 3\n" +
		settings + "  warehouse:\n    path: data/warehouse\n"
	if err := os.WriteFile(filepath.Join(r.dir, "feature_store.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// rewrite changes the lines of a month's files.
func (r rolled) rewrite(t *testing.T, month string, change func(file string, lines []string) []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(r.dir, "data", "seeds", month, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if err := os.WriteFile(file, []byte(strings.Join(change(filepath.Base(file), lines), "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// month runs the pipeline, and returns the run.
func (r rolled) month(t *testing.T, month, asOf string) string {
	t.Helper()
	var report struct{ Run string }
	if err := json.Unmarshal(run(t, "asof", "-c", r.dir, "pipeline", "run", "ingest_month", "month="+month, "as_of="+asOf, "--output", "json"), &report); err != nil {
		t.Fatal(err)
	}
	return report.Run
}

// online is what is served of all users.
func (r rolled) online(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "data", "seeds", "month_001", "users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-c", r.dir, "get-online-features", "-f", "subs_profile_fv:monthly_fee", "-f", "subs_profile_fv:net_service",
		"-f", "usage_agg_30d_fv:watch_hours_30d", "-f", "support_agg_90d_fv:support_tickets_90d", "--output", "json"}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		user, _, _ := strings.Cut(line, ",")
		args = append(args, "-e", "user_id="+user)
	}
	return string(run(t, "asof", args...))
}

// back rolls a run back, and checks what is online then.
func (r rolled) back(t *testing.T, which, want string) {
	t.Helper()
	run(t, "asof", "-c", r.dir, "pipeline", "rollback", which)
	run(t, "asof", "-c", r.dir, "verify") // it fails where anything differs
	if diff := cmp.Diff(want, r.online(t)); diff != "" {
		t.Errorf("after the rollback of %s (-before the run, +after it):\n%s", which, diff)
	}
}

// TestRollback rolls a month and a correction back, with every online store in
// every layout, and loads the month once more.
func TestRollback(t *testing.T) {
	t.Parallel()
	for _, k := range everywhere {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			r := newRolled(t, k.make(t))
			if r.states[0] == r.states[1] || r.states[1] == r.states[2] {
				t.Fatalf("the runs changed nothing online: %s", r.states)
			}
			r.back(t, r.newest, r.states[1])
			r.back(t, r.corrected, r.states[0])
			r.month(t, "corrected", "2024-01-31")
			r.month(t, "month_001", "2024-02-29")
			if diff := cmp.Diff(r.states[2], r.online(t)); diff != "" {
				t.Errorf("the months once more: %s", diff)
			}
		})
	}
}

// TestRollbackKilled kills a rollback before some of its writes. Done again, tables
// and online store are what they were before the run.
func TestRollbackKilled(t *testing.T) {
	storetest.Traced()
	t.Parallel()
	for k, every := range map[*kind]int{&inSQLite: 9, &inPostgres: 31} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			r := newRolled(t, k.make(t))
			n := 1
			for write := "a write"; write != ""; n += every {
				c := r
				c.place, c.dir = r.copy(t), t.TempDir()
				if err := os.CopyFS(c.dir, os.DirFS(r.dir)); err != nil {
					t.Fatal(err)
				}
				c.settle(t)
				write = storetest.Cuts{Dir: c.dir, Sockets: r.sockets}.Kill(t, n, "asof", "-c", c.dir, "pipeline", "rollback", r.newest).Write
				c.back(t, r.newest, r.states[1])
				if t.Failed() {
					t.Fatalf("killed at write %d, %s", n, write)
				}
			}
			t.Logf("killed at writes up to %d", n-every)
			if n < 4*every {
				t.Errorf("it ended before its write %d: too few for a rollback", n)
			}
		})
	}
}
