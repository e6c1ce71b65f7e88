package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/storetest"
)

// TestFeastLayout moves a fleet half-way, on both stores: what Feast's own SDK
// has filled is served and filled further by us, and read by Feast again.
func TestFeastLayout(t *testing.T) {
	t.Setenv("TZ", "UTC") // Feast writes SQLite's times in the zone of its process
	fillings(t, 30, func(t *testing.T, f filling) {
		f.edit(t, "feature_store.yaml", "offline_store: duckdb", "offline_store:\n  type: dask")
		read := []string{"get-online-features", "-e", "user_id=u1", "-e", "user_id=u29", "-e", "user_id=nobody", "-f", "orders:total", "-f", "orders:city"}
		agree := func(theirs string) {
			t.Helper()
			if diff := cmp.Diff(object(t, []byte(theirs)), object(t, run(t, "asof", append([]string{"-c", f.dir}, read...)...))); diff != "" {
				t.Errorf("online features (-Feast, +asof):\n%s", diff)
			}
		}
		says := func(want string, args ...string) {
			t.Helper()
			path, err := exec.LookPath("asof")
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(path, append([]string{"-c", f.dir}, args...)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("asof %s: %v, want %q in\n%s", strings.Join(args, " "), err, want, out)
			}
		}
		out := storetest.RunFeastCommands(t, f.dir, []string{"apply"}, []string{"materialize", "2024-01-01T00:00:00", "2024-02-01T00:00:00"}, read)
		agree(out[2])
		f.verified(t)
		says("Feast's online tables shop_orders hold rows: they are read and written", "apply")
		says("2024-02-01T00:00:00Z", "materialize-incremental", "2024-02-02", "--dry-run") // Feast's interval is the watermark

		f.source(t, 4)
		says("30           30", "materialize", "2024-01-01", "2024-02-01")
		out = storetest.RunFeastCommands(t, f.dir, read)
		agree(out[0])
		if !strings.Contains(out[0], "103") || !strings.Contains(out[0], "2903") {
			t.Errorf("Feast does not read what we wrote: %s", out[0])
		}
		f.verified(t)

		// A table of our own, from then on.
		f.edit(t, "feature_store.yaml", "project: shop", "project: shop\nasof:\n  layout: asof")
		f.exec(t, f.dir, "DELETE FROM shop_orders WHERE feature_name = 'city'")
		says("No changes", "apply")
		says("30           30", "materialize", "2024-01-01", "2024-02-01")
		f.verified(t)
		f.edit(t, "feature_store.yaml", "layout: asof", "layout: feast")
		if got := f.verify(t); got != "30 keys map[type:30]" {
			t.Errorf("Feast's tables without a feature: %s", got)
		}
		f.edit(t, "feature_store.yaml", "\n  layout: feast", " {}")
		says("ours hold rows as well: ours are served", "apply")
		f.verified(t)
	})
}

func object(t *testing.T, text []byte) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}
