package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// streamflow makes StreamFlow's repository twice on one new database: ours for
// asof, theirs for Feast, which differs in its registry's file alone.
func streamflow(t *testing.T) (ours, theirs string) {
	t.Helper()
	db := storetest.Postgres(t).Database(t)
	for name, value := range map[string]string{"POSTGRES_HOST": db.Host, "POSTGRES_PORT": strconv.Itoa(db.Port), "POSTGRES_DB": db.Name,
		"POSTGRES_USER": db.User, "POSTGRES_PASSWORD": db.Password} {
		t.Setenv(name, value)
	}
	root := t.TempDir()
	ours, theirs = filepath.Join(root, "ours"), filepath.Join(root, "theirs")
	for _, dir := range []string{ours, theirs} {
		run(t, "asof", "init", dir, "-t", "streamflow")
		yaml, err := os.ReadFile(filepath.Join(dir, "feature_store.postgres.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(yaml), "project: "+filepath.Base(dir), "project: streamflow", 1)
		if err := os.WriteFile(filepath.Join(dir, "feature_store.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "asof", "-c", ours, "sample", "streamflow", "--out", "data/seeds", "--users", "300", "--months", "1")
	run(t, "asof", "-c", ours, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	return ours, theirs
}

// run runs this test's binary under a name of the program's, and returns what
// it printed.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name) // testscript put it on the PATH
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.Bytes())
	}
	return out.Bytes()
}

// feastAnswers are Feast's outputs for the commands that TestFeastAgrees runs.
type feastAnswers struct {
	dump   string
	lists  map[string]string
	online []string
}

var listed = []string{"entities", "feature-views", "feature-services", "on-demand-feature-views"}

var onlineReads = [][]string{
	{"-e", "user_id=3413-BMNZE", "-f", "subs_profile_fv:monthly_fee"},
	{"-e", "user_id=3413-BMNZE", "-e", "user_id=0000-NOONE", "-f", "subs_profile_fv:plan_stream_tv", "-f", "usage_agg_30d_fv:watch_hours_30d"},
	{"-e", "user_id=3413-BMNZE", "-f", "subs_profile_fv:net_service", "-f", "payments_agg_90d_fv:failed_payments_90d",
		"-f", "support_agg_90d_fv:ticket_avg_resolution_hrs_90d"},
}

// askFeast applies and materializes a repository with Feast, and asks it.
func askFeast(t *testing.T, dir string) feastAnswers {
	t.Helper()
	commands := [][]string{{"apply"}, {"registry-dump"}, {"materialize", "2024-01-01T00:00:00", "2024-02-01T00:00:00"}}
	for _, kind := range listed {
		commands = append(commands, []string{kind, "list"})
	}
	for _, read := range onlineReads {
		commands = append(commands, append([]string{"get-online-features"}, read...))
	}
	out := storetest.RunFeastCommands(t, dir, commands...)
	answers := feastAnswers{dump: out[1], lists: map[string]string{}, online: out[3+len(listed):]}
	for i, kind := range listed {
		answers.lists[kind] = out[3+i]
	}
	return answers
}

// TestFeastAgrees runs StreamFlow's commands with Feast and with asof on the
// same tables, and compares what they register and what they serve.
func TestFeastAgrees(t *testing.T) {
	ours, theirs := streamflow(t)
	run(t, "asof", "-c", ours, "apply")
	feast := askFeast(t, theirs)

	t.Run("registry", func(t *testing.T) {
		// Feast's own SDK reads both files.
		got := dump(t, storetest.RunFeastCommands(t, ours, []string{"registry-dump"})[0])
		if diff := cmp.Diff(dump(t, feast.dump), got); diff != "" {
			t.Errorf("Feast reads our registry otherwise than its own (-its own, +ours):\n%s", diff)
		}
	})
	run(t, "asof", "-c", ours, "materialize", "2024-01-01T00:00:00", "2024-02-01T00:00:00")
	t.Run("registry of Feast", func(t *testing.T) {
		got, want := dump(t, string(run(t, "asof", "-c", theirs, "registry-dump"))), dump(t, string(run(t, "asof", "-c", ours, "registry-dump")))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("we read Feast's registry otherwise than our own (-ours, +Feast's):\n%s", diff)
		}
	})
	t.Run("lists", func(t *testing.T) {
		for _, kind := range listed {
			if got, want := sortedLines(string(run(t, "asof", "-c", ours, kind, "list"))), sortedLines(feast.lists[kind]); got != want {
				t.Errorf("%s list (-Feast, +asof):\n%s", kind, cmp.Diff(want, got))
			}
		}
	})
	t.Run("online", func(t *testing.T) {
		for i, args := range onlineReads {
			got := run(t, "asof", append([]string{"-c", ours, "get-online-features"}, args...)...)
			if diff := cmp.Diff(feast.online[i], string(got)); diff != "" {
				t.Errorf("get-online-features %s (-Feast, +asof):\n%s", strings.Join(args, " "), diff)
			}
		}
	})
	t.Run("Feast's tables are noticed", func(t *testing.T) {
		path, err := exec.LookPath("asof")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(path, "-c", ours, "apply").CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("streamflow_subs_profile_fv")) {
			t.Errorf("apply beside Feast's online tables: %v\n%s", err, out)
		}
	})
}

// dump reads a registry dump without what is of its own in each registry:
// times, Feast's dummy entity, and a ttl of None, which Feast reads back as 0.
func dump(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text[strings.IndexByte(text, '{'):]), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return strip(v)
}

func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range []string{"createdTimestamp", "lastUpdatedTimestamp", "versionId"} {
			delete(v, key)
		}
		if v["ttl"] == "0s" {
			delete(v, "ttl")
		}
		for key, value := range v {
			v[key] = strip(value)
		}
	case []any:
		kept := []any{}
		for _, item := range v {
			if o, ok := item.(map[string]any); ok {
				if spec, ok := o["spec"].(map[string]any); ok && spec["name"] == "__dummy" {
					continue
				}
			}
			kept = append(kept, strip(item))
		}
		return kept
	}
	return v
}

// sortedLines returns a table with its rows in order: Feast's is that of its file.
func sortedLines(text string) string {
	header, rows, _ := strings.Cut(strings.TrimSpace(text), "\n")
	sorted := slices.Sorted(strings.SplitSeq(rows, "\n"))
	return header + "\n" + strings.Join(sorted, "\n")
}
