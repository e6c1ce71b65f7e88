package notify_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/notify"
	"github.com/asof-dev/asof/storetest"
)

// TestLineage has runs that end in each way, and holds what is told of them
// against OpenLineage's schema. Each claim of a run is a run there, begun and
// ended once.
func TestLineage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lineage.jsonl")
	columns := []asof.TableColumn{{Name: "user_id", Type: "text"}, {Name: "hours", Type: "numeric"}}
	w := watch(t, notify.Options{Namespace: "shop", Version: "v1", Targets: []notify.Target{{Name: "file", Format: notify.OpenLineage, File: path}},
		About: func(_ context.Context, _ asof.Run, _ []asof.RunStep) notify.About {
			return notify.About{Description: "Load a month.", AsOf: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC),
				Inputs: []notify.Dataset{{Namespace: "file", Name: "/seeds/usage.csv", Columns: columns, Rows: 5, Bytes: 77, Checks: []notify.Check{
					{Rule: "min", Column: "hours", Holds: true}, {Rule: "covers", Warn: true, Message: "2 users are missing"}}}},
				Outputs: []notify.Dataset{{Namespace: "postgres://db:5432", Name: "shop.public.usage", Columns: columns, Rows: 5, Bytes: -1}, {Namespace: "shop", Name: "usage_fv", Rows: -1, Bytes: -1}}}
		}})
	w.finish(t, w.claim(t, w.submit(t), time.Minute), asof.RunCompleted, "")
	failed := w.submit(t)
	w.finish(t, w.claim(t, failed, time.Minute), asof.RunFailed, "no such file")
	must[asof.Run](t)(w.Resume(t.Context(), failed.ID))
	w.finish(t, w.claim(t, failed, time.Minute), asof.RunCancelled, "")
	died := w.submit(t)
	if err := w.Break(t.Context(), w.claim(t, died, time.Minute)); err != nil {
		t.Fatal(err)
	}
	w.finish(t, w.claim(t, died, time.Minute), asof.RunPending, "")
	w.finish(t, w.claim(t, died, time.Minute), asof.RunCompleted, "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	ends := map[string][]string{}
	for line := range bytes.Lines(text) {
		event := storetest.HoldLineage(t, line)
		kind, run := event["eventType"].(string), event["run"].(map[string]any)
		types = append(types, kind)
		ends[run["runId"].(string)] = append(ends[run["runId"].(string)], kind)
		if _, says := run["facets"].(map[string]any)["errorMessage"]; says != (kind == "FAIL") {
			t.Errorf("event %d: %s", len(types), line)
		}
		job := event["job"].(map[string]any)
		if job["namespace"] != "shop" || job["name"] != "month" {
			t.Errorf("the job is %v", job)
		}
		in, out := event["inputs"].([]any), event["outputs"].([]any)
		if len(in) != 1 || len(out) != 2 || len(out[1].(map[string]any)["outputFacets"].(map[string]any)) != 0 {
			t.Errorf("%v → %v", in, out)
		}
	}
	if d := cmp.Diff([]string{"START", "COMPLETE", "START", "FAIL", "START", "ABORT", "START", "FAIL", "START", "ABORT", "START", "COMPLETE"}, types); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if len(ends) != 6 {
		t.Errorf("there are %d runs, want 6: %v", len(ends), ends)
	}
	for id, kinds := range ends {
		if len(kinds) != 2 || kinds[0] != "START" {
			t.Errorf("run %s: %v", id, kinds)
		}
	}
}
