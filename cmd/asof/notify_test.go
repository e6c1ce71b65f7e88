package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// collect has Feast's own collector of OpenLineage events take those of a file,
// and prints what it knows then.
const collect = `
import json, sys
from feast.openlineage.processor import OpenLineageProcessor
from feast.openlineage.store import OpenLineageStore
store = OpenLineageStore(connection_string="sqlite:///" + sys.argv[2])
store.initialize()
result = OpenLineageProcessor(store).process_batch([json.loads(line) for line in open(sys.argv[1])])
print(json.dumps({"failed": result["failed"], "jobs": [j["job_name"] for j in store.get_jobs()],
    "datasets": sorted(d["dataset_name"] for d in store.get_datasets()), "states": sorted(r["state"] for r in store.get_runs())}, default=str))`

// TestRunsAreTold has a server run two months, one of them wrong, and holds what
// it tells a webhook and a file of OpenLineage events, which Feast's collector
// takes.
func TestRunsAreTold(t *testing.T) {
	dir := shop(t)
	hooks := make(chan []byte, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("webhook-signature") == "" {
			t.Error("a webhook is not signed")
		}
		hooks <- body
	}))
	defer hook.Close()
	settings := "  notify: [{url: '" + hook.URL + "', secret: whsec_c2VjcmV0, on: [running, completed, failed]}]\nopenlineage: {enabled: true, transport_type: file, namespace: team}\n"
	config := filepath.Join(dir, "feature_store.yaml")
	text, err := os.ReadFile(config)
	if err == nil {
		err = os.WriteFile(config, append(text, settings...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", dir, "pipeline", "run", "ingest_month", "month=month_000", "as_of=2024-01-31", "--key", "by hand")
	if len(hooks) != 2 { // a command ends when they are told
		t.Fatalf("a run by hand tells %d times", len(hooks))
	}
	<-hooks
	<-hooks
	where := serve(t, dir, 6, "--all", "-p", "0", "--grpc-port", "0", "--registry-port", "0", "--rest-port", "0", "--offline-port", "0", "--ui-port", "0")
	var told []string
	for _, params := range []string{`{"month": "month_000", "as_of": "2024-01-31", "seeds": "data/../data/seeds"}`, `{"month": "month_009", "as_of": "2024-02-29"}`} {
		response, err := http.Post("http://"+where["http"]+"/pipelines/ingest_month/runs", "application/json", strings.NewReader(`{"parameters": `+params+`}`))
		if err != nil || response.StatusCode != http.StatusAccepted {
			t.Fatal(response, err)
		}
		response.Body.Close()
		for range 2 {
			select {
			case body := <-hooks:
				var e struct {
					Type string
					Data struct{ Error *string }
				}
				if err := json.Unmarshal(body, &e); err != nil {
					t.Fatal(err)
				}
				told = append(told, e.Type)
				if failed := e.Type == "run.failed"; failed != (e.Data.Error != nil) || failed && !strings.Contains(*e.Data.Error, "month_009") {
					t.Errorf("%s", body)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("told so far: %v", told)
			}
		}
	}
	if d := cmp.Diff([]string{"run.running", "run.completed", "run.running", "run.failed"}, told); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	path := filepath.Join(dir, "openlineage_events.json")
	var lines [][]byte
	for deadline := time.Now().Add(10 * time.Second); len(lines) < 6 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		events, _ := os.ReadFile(path)
		lines = slices.Collect(bytes.Lines(events))
	}
	var kinds []string
	for _, line := range lines {
		kinds = append(kinds, storetest.HoldLineage(t, line)["eventType"].(string))
	}
	if d := cmp.Diff([]string{"START", "COMPLETE", "START", "COMPLETE", "START", "FAIL"}, kinds); d != "" {
		t.Fatalf("-want +got\n%s", d)
	}
	holdMonth(t, dir, lines[3])
	var collected struct {
		Failed                 int
		Jobs, Datasets, States []string
	}
	if err := json.Unmarshal(storetest.RunPython(t, collect, path, filepath.Join(t.TempDir(), "lineage.db")), &collected); err != nil {
		t.Fatal(err)
	}
	if collected.Failed > 0 || !slices.Equal(collected.Jobs, []string{"ingest_month"}) || !slices.Equal(collected.States, []string{"COMPLETE", "COMPLETE", "FAIL"}) ||
		!slices.Contains(collected.Datasets, "online_store_usage_agg_30d_fv") || !slices.Contains(collected.Datasets, filepath.Join(dir, "data/seeds/month_000/usage_agg_30d.csv")) {
		t.Errorf("Feast's collector knows %+v", collected)
	}
}

// holdMonth holds the event of January's end against its files.
func holdMonth(t *testing.T, dir string, line []byte) {
	t.Helper()
	type dataset struct {
		Namespace, Name string
		Facets          struct {
			Schema struct{ Fields []struct{ Name, Type string } }
		}
		InputFacets struct {
			InputStatistics       struct{ RowCount, Size int64 }
			DataQualityAssertions struct {
				Assertions []struct{ Assertion, Column string }
			}
		}
		OutputFacets struct{ OutputStatistics struct{ RowCount *int64 } }
	}
	var event struct {
		Job             struct{ Namespace, Name string }
		Inputs, Outputs []dataset
	}
	if err := json.Unmarshal(line, &event); err != nil {
		t.Fatal(err)
	}
	if event.Job.Namespace != "team/shop" || event.Job.Name != "ingest_month" || len(event.Inputs) != 6 || len(event.Outputs) != 6+5+4 {
		t.Errorf("job %+v, %d inputs, %d outputs", event.Job, len(event.Inputs), len(event.Outputs))
	}
	for _, in := range event.Inputs {
		info, err := os.Stat(in.Name)
		if err != nil || in.Namespace != "file" || in.InputFacets.InputStatistics.RowCount != 50 || in.InputFacets.InputStatistics.Size != info.Size() ||
			len(in.Facets.Schema.Fields) < 2 || len(in.InputFacets.DataQualityAssertions.Assertions) == 0 {
			t.Errorf("%v: %+v", err, in)
		}
	}
	table := func(d dataset) bool { return d.Name == filepath.Join(dir, "data/warehouse/usage_agg_30d_snapshots") }
	at := slices.IndexFunc(event.Outputs, table)
	if at < 0 || event.Outputs[at].OutputFacets.OutputStatistics.RowCount == nil || *event.Outputs[at].OutputFacets.OutputStatistics.RowCount != 0 || !slices.ContainsFunc(event.Outputs[at].Facets.Schema.Fields, func(f struct{ Name, Type string }) bool { return f.Name == "as_of" }) {
		t.Errorf("the snapshot: %s", line)
	}
}
