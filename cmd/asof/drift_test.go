package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// TestDriftIsTold compares, on PostgreSQL, February with a training set in a
// file, by thresholds that anything is over: the webhook is told once, beside what
// the pipeline found of February and January.
func TestDriftIsTold(t *testing.T) {
	var mu sync.Mutex
	var told []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		told = append(told, string(body))
	}))
	defer hook.Close()
	dir := filepath.Join(t.TempDir(), "shop")
	for name, value := range settings(storetest.Postgres(t).Database(t)) {
		t.Setenv(name, value)
	}
	run(t, "asof", "init", dir, "-t", "streamflow")
	text, err := os.ReadFile(filepath.Join(dir, "feature_store.postgres.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "\nasof:\n  monitor: {thresholds: {psi: 0, chance: 1}}\n  notify: [{url: '"+hook.URL+"', on: [drifted]}]\n"...)
	if err := os.WriteFile(filepath.Join(dir, "feature_store.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", dir, "sample", "streamflow", "--out", "data/seeds", "--users", "50", "--months", "2")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31")
	run(t, "asof", "-c", dir, "apply")
	run(t, "asof", "-c", dir, "get-historical-features", "--as-of", "2024-01-31", "-f", "usage_agg_30d_fv:watch_hours_30d", "-o", "training.parquet")
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_001", "as_of=2024-02-29")
	for range 2 {
		out, err := exec.Command("asof", "-c", dir, "monitor", "drift", "--reference", "training.parquet", "--current", "2024-02-29").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "1 of 1 feature drifted") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	trained := slices.DeleteFunc(slices.Clone(told), func(body string) bool { return !strings.Contains(body, `"name":"training.parquet"`) })
	if len(trained) != 1 || !strings.Contains(trained[0], `"type":"view.drifted"`) || !strings.Contains(trained[0], `"feature_view":"usage_agg_30d_fv"`) {
		t.Errorf("of the training set it is told %d times: %q", len(trained), trained)
	}
	if len(told) < 2 {
		t.Errorf("the pipeline's monitor step tells nothing")
	}
}
