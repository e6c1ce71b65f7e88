package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// TestFromFeastPage runs the commands of docs/from-feast.md on a repository
// that Feast has made, applied and materialized; `feast` is Feast's own.
func TestFromFeastPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/from-feast.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	storetest.RunFeastCommands(t, dir, []string{"init", "-t", "local", "demo"})
	repository := filepath.Join(dir, "feature_repo")
	if err := os.Rename(filepath.Join(dir, "demo", "feature_repo"), repository); err != nil {
		t.Fatal(err)
	}
	definitions := filepath.Join(repository, "feature_definitions.py")
	text, err := os.ReadFile(definitions)
	if err == nil { // the sources' paths are where the repository was made
		err = os.WriteFile(definitions, []byte(strings.ReplaceAll(string(text), filepath.Join(dir, "demo"), dir)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "UTC") // the zone that Feast's SQLite tables have to be written in
	storetest.RunFeastCommands(t, repository, []string{"apply"}, []string{"materialize", "2020-01-01T00:00:00", time.Now().UTC().Format("2006-01-02T15:04:05")})

	t.Setenv("PATH", filepath.Dir(storetest.FeastPython(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("FEAST_USAGE", "False")
	t.Setenv("PYTHONWARNINGS", "ignore")
	reading, changing, found := strings.Cut(string(page), "## 3. ")
	if !found {
		t.Fatal("the page has no third step")
	}
	before := files(t, filepath.Join(repository, "data"))
	runPage(t, dir, reading, "")
	if diff := cmp.Diff(before, files(t, filepath.Join(repository, "data"))); diff != "" {
		t.Errorf("the doctor and the shadow have changed something:\n%s", diff)
	}
	runPage(t, dir, changing, "")

	// The way back: Feast goes on from where we have got to.
	back := storetest.RunFeastCommands(t, repository, []string{"plan"}, []string{"apply"}, []string{"materialize-incremental", time.Now().UTC().Format("2006-01-02T15:04:05")},
		[]string{"get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:avg_daily_trips"})
	// Feast's plan finds sources changed after any materialization, its own too:
	// it compares the times at which they were made.
	for _, line := range strings.Split(back[0], "\n") {
		field, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.HasPrefix(line, "Created") || strings.HasPrefix(line, "Deleted") || strings.HasPrefix(line, "\t") && field != "batch_source" && field != "stream_source" {
			t.Errorf("Feast's plan after ours: %s", line)
		}
	}
	if !strings.Contains(back[3], "avg_daily_trips") || strings.Contains(back[3], "null") {
		t.Errorf("back with Feast:\n%s", strings.Join(back, "\n"))
	}
}
