package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// A second view of the repository, and what it is when applied.
const totalsText = `totals = FeatureView(name="totals", entities=[user], ttl=None,
    source=FileSource(name="totals", path="orders.parquet", timestamp_field="at", created_timestamp_column="made"),
    schema=[Field(name="total", dtype=Int64)])
`

var totalsView = func() *asof.FeatureView {
	v := *ordersView
	v.Name, v.Features = "totals", v.Features[:1:1]
	return &v
}()

// leaving makes the repository ready for an apply by which a feature goes, and
// a view has another name.
func leaving(t *testing.T, f filling) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "features.py"))
	if err == nil {
		err = os.WriteFile(filepath.Join(f.dir, "features.py"), append(text, totalsText...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, "asof", "-c", f.dir, "apply")
	run(t, "asof", "-c", f.dir, "materialize-incremental", "2024-02-01")
	if got := len(f.online(t, ordersView)) + len(f.online(t, totalsView)); got != 2*f.users {
		t.Fatalf("%d keys are online, want those of %d users in two views", got, f.users)
	}
	f.edit(t, "features.py", `, Field(name="city", dtype=String)`, "")
	f.edit(t, "features.py", `name="totals", e`, `name="sums", e`)
}

// left is what can be found of the views after such an apply: of whom the
// ledger and the registry know, and what is online once all is back.
func left(t *testing.T, f filling) (lines []string) {
	t.Helper()
	for _, m := range f.ledgered(t) {
		lines = append(lines, "materialized "+m.View)
	}
	for _, v := range f.registered(t).Views() {
		lines = append(lines, "registered "+v.Name)
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	f.within(t, func(store opened) error {
		return store.Update(t.Context(), "shop", []*asof.FeatureView{ordersView, totalsView}, nil)
	})
	for _, v := range []*asof.FeatureView{ordersView, totalsView} {
		for _, line := range f.online(t, v) {
			lines = append(lines, v.Name+" "+line)
		}
	}
	return lines
}

// TestRemovedFeaturesLeaveTheStore removes a feature and renames a view: what
// they had online has gone from every store, in every layout, also when they
// come back.
func TestRemovedFeaturesLeaveTheStore(t *testing.T) {
	fillingsIn(t, 3, func(t *testing.T, f filling) {
		leaving(t, f)
		run(t, "asof", "-c", f.dir, "apply")
		got := left(t, f)
		for i, line := range got {
			if key, _, ok := strings.Cut(line, " 17"); ok { // the event time
				got[i] = key[:len("orders")] + line[strings.Index(line, " total="):]
			}
		}
		want := []string{"materialized orders", "registered orders", "registered sums",
			"orders total=2002 city=", "orders total=2066 city=", "orders total=20ca01 city="}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want, +got):\n%s", diff)
		}
	}, everywhere...)
}
