package apply_test

import (
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
)

func TestRemoveTakesOneObject(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	for _, step := range []struct{ name, kind, refused string }{
		{"customer", "", `entity "customer" is used by feature view "orders_fv"`},
		{"orders", "", `data source "orders" is used by feature view "orders_fv"`},
		{"orders_fv", "", `feature view "orders_fv" is used by feature service "churn": take it out there first`},
		{"churn", "feature service", ""},
		{"orders_fv", "feature view", ""},
		{"orders_fv", "", ""},
		{"customer", "entity", ""},
	} {
		if step.name == "orders_fv" && step.kind != "" {
			if _, err := s.Ledger.Begin(t.Context(), asof.Materialization{Project: "shop", View: "orders_fv"}); err != nil {
				t.Fatal(err)
			}
		}
		o, err := apply.Remove(t.Context(), "shop", step.name, s)
		switch {
		case step.refused != "":
			if err == nil || !strings.Contains(err.Error(), step.refused) {
				t.Errorf("remove %s: %v, want %q", step.name, err, step.refused)
			}
		case err != nil:
			t.Errorf("remove %s: %v", step.name, err)
		case (o == nil) != (step.kind == "") || o != nil && string(o.ObjectKind()) != step.kind:
			t.Errorf("remove %s removed %v, want %q", step.name, o, step.kind)
		}
	}
	left, err := s.Ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "shop"})
	if err != nil || len(left) != 0 {
		t.Errorf("the ledger has %v of a view that was removed (%v)", left, err)
	}
	snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
	if err != nil || len(snapshot.Views()) != 0 || len(snapshot.Sources()) != 1 {
		t.Errorf("registered are views %v and sources %v (%v)", snapshot.Views(), snapshot.Sources(), err)
	}
}
