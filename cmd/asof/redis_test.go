package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// TestFeastAndAsofShareRedis has Feast and asof work on one repository, on one
// registry and one Redis: what either loads, both serve.
func TestFeastAndAsofShareRedis(t *testing.T) {
	ours, theirs := streamflow(t)
	connection := storetest.Redis(t).Database(t).Connection()
	path := filepath.Join(theirs, "feature_store.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "online_store:\n")
	for strings.HasPrefix(rest, "  ") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	yaml := before + "online_store:\n  type: redis\n  connection_string: " + connection + "\n" + rest
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}

	feast := askFeast(t, theirs)
	run(t, "asof", "-c", theirs, "apply")
	for i, args := range onlineReads {
		got := run(t, "asof", append([]string{"-c", theirs, "get-online-features"}, args...)...)
		if diff := cmp.Diff(feast.online[i], string(got)); diff != "" {
			t.Errorf("what Feast loaded: get-online-features %s (-Feast, +asof):\n%s", strings.Join(args, " "), diff)
		}
	}
	// Feast's last interval is the first watermark.
	out := string(run(t, "asof", "-c", theirs, "materialize-incremental", "2024-02-10"))
	if !strings.Contains(out, "subs_profile_fv") || !strings.Contains(out, "2024-02-01T00:00:00Z") || strings.Contains(out, "the oldest row") {
		t.Errorf("the first incremental run after Feast's:\n%s", out)
	}

	if err := os.RemoveAll(filepath.Join(ours, "data", "seeds")); err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", ours, "sample", "streamflow", "--out", "data/seeds", "--users", "300", "--months", "2")
	run(t, "asof", "-c", ours, "pipeline", "run", "ingest_month", "month=month_001", "as_of=2024-02-29")
	run(t, "asof", "-c", theirs, "materialize-incremental", "2024-03-01")
	var commands [][]string
	for _, args := range onlineReads {
		commands = append(commands, append([]string{"get-online-features"}, args...))
	}
	changed := false
	for i, want := range storetest.RunFeastCommands(t, theirs, commands...) {
		got := string(run(t, "asof", append([]string{"-c", theirs}, commands[i]...)...))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what asof loaded: get-online-features %s (-Feast, +asof):\n%s", strings.Join(onlineReads[i], " "), diff)
		}
		changed = changed || got != feast.online[i]
	}
	if !changed {
		t.Error("another month left all values as they were: nothing is shown")
	}
}
