package apply_test

import (
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
)

func TestApplyWithoutPromotionLeavesViewsAsTheyAre(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	changed := newShop()
	changed.view.Features = append(changed.view.Features, asof.Field{Name: "city", Type: asof.Scalar(asof.TypeString)})
	changed.entity.Description = "who buys"
	plan, err := apply.Run(t.Context(), changed.desired(), s, apply.Options{Sources: src, NoPromote: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := summary(plan); got != "update entity customer [description:  -> who buys]" || plan.Empty() {
		t.Errorf("the plan is %q, empty %v", got, plan.Empty())
	}
	if len(plan.Notes) != 1 || !strings.Contains(plan.Notes[0], "feature view orders_fv stays as it is") {
		t.Errorf("notes: %q", plan.Notes)
	}
	view := func() *asof.FeatureView {
		snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		v, err := snapshot.View("orders_fv")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := view(); len(v.Features) != 1 || v.VersionNumber != 0 {
		t.Errorf("the view has %d features and is version %d; want 1, and 0", len(v.Features), v.VersionNumber)
	}
	mustRun(t, s, changed.desired(), src)
	if v := view(); len(v.Features) != 2 || v.VersionNumber != 2 {
		t.Errorf("promoted, the view has %d features and is version %d; want 2, and 2 behind the saved one", len(v.Features), v.VersionNumber)
	}
	again := newShop() // a service of a feature that is only in the saved version
	again.view.Features = changed.view.Features
	again.view.Features = append(again.view.Features, asof.Field{Name: "later", Type: asof.Scalar(asof.TypeFloat64)})
	again.service.Projections[0].Features = []asof.Field{{Name: "later"}}
	_, err = apply.Run(t.Context(), again.desired(), s, apply.Options{Sources: src, SkipSources: true, NoPromote: true})
	if err == nil || !strings.Contains(err.Error(), "orders_fv:later, which the view does not have") {
		t.Errorf("a service of a feature that nobody can read: %v", err)
	}
}
