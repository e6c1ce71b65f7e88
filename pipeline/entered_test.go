package pipeline_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/pipeline"
)

// TestPipelinesOfOneTable: of pipelines that write the same table one goes on at
// a time, also where it is one's snapshot and the other's load; those of other
// tables, and those that say otherwise, go on beside.
func TestPipelinesOfOneTable(t *testing.T) {
	const params = "params:\n  as_of: {type: date}\n"
	const load = "  - {load: users, file: u.csv, key: id, columns: {id: integer}}\n"
	store, folder := memory.NewRuns(), t.TempDir()
	enter := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name+".yaml")
		if err := os.WriteFile(path, []byte("name: "+name+"\n"+params+text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := pipeline.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		values, err := p.Values(map[string]string{"as_of": "2024-01-31"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		run, _, err := store.Submit(t.Context(), p.NewRun("shop", values), asof.AgainAlways)
		if err != nil {
			t.Fatal(err)
		}
		return run.ID
	}
	claim := func(id string) *asof.Run {
		t.Helper()
		run, err := store.Claim(t.Context(), asof.RunClaim{Project: "shop", Run: id, Worker: "w", TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	first, second := enter("first", "steps:\n"+load), enter("second", "steps:\n"+load)
	frozen := enter("frozen", "steps:\n  - {load: people, file: u.csv, key: id, columns: {id: integer}}\n  - {snapshot: users, from: people}\n")
	other := enter("other", "steps:\n  - {load: plans, file: u.csv, key: id, columns: {id: integer}}\n")
	free := enter("free", "steps:\n"+load+"concurrency: {runs: 2}\n")
	held := claim(first)
	if held == nil || claim(second) != nil || claim(frozen) != nil || claim(other) == nil || claim(free) == nil {
		t.Error("not one at a time, or others wait too")
	}
	if err := store.Finish(t.Context(), asof.RunLease{Run: first, Epoch: held.Epoch}, asof.RunCompleted, "", nil); err != nil {
		t.Fatal(err)
	}
	if claim(second) != nil {
		t.Error("goes on beside a run of its table that says otherwise")
	}
}
