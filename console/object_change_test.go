package console

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/memory"
)

// TestChangesOverTime: an object's page has what led to each of its states, the
// console sees what nobody has told, and a log that is away is told.
func TestChangesOverTime(t *testing.T) {
	log, down := memory.NewDefinitions(), false
	var registry asof.Registry
	c := opened(t, 1, func(o *Options) {
		registry = o.Registry
		o.History = func(context.Context) (asof.DefinitionLog, error) {
			if down {
				return nil, asof.Errorf(asof.CodeUnavailable, "the log is away")
			}
			return log, nil
		}
	})
	change := func(edit func(*asof.FeatureView)) *asof.Snapshot {
		t.Helper()
		s, err := registry.Snapshot(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		v := *s.Views()[0]
		edit(&v)
		if s, err = registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&v}}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	get(c, "/catalog") // any page sees a new state
	known := change(func(v *asof.FeatureView) { v.Owner = "ben " + evil })
	get(c, "/catalog")
	if err := apply.Note(t.Context(), log, "p", known, apply.CauseApply, "ann"); err != nil {
		t.Fatal(err)
	}
	change(func(v *asof.FeatureView) { ttl := time.Hour; v.TTL, v.Owner = &ttl, "carl" })
	status, text := get(c, "/catalog/view/view_0", "Accept", "application/json")
	var page struct{ History changesPart }
	if err := json.Unmarshal([]byte(text), &page); err != nil || status != 200 || len(page.History.List) != 3 {
		t.Fatalf("%d %v %s", status, err, text)
	}
	for i, want := range []struct{ action, cause, who, added string }{{"changed", "unknown", "", "ttl: 1h0m0s"}, {"changed", "apply", "ann", "owner: ben " + evil}, {"first-seen", "unknown", "", ""}} {
		got := page.History.List[i]
		added := want.added == ""
		for _, line := range got.Diff {
			added = added || line == apply.DiffLine{Sign: "+", Text: want.added}
		}
		if got.Action != want.action || got.Cause != want.cause || got.Who != want.who || !added {
			t.Errorf("change %d: %+v, want %+v", i, got, want)
		}
	}
	_, html := get(c, "/catalog/view/view_0", "Accept-Language", "fr")
	for _, want := range []string{"modification, par apply (ann)", `<span class="good">&#43;ttl: 1h0m0s</span>`, `<span class="bad">-ttl: None</span>`, "première observation"} {
		if !strings.Contains(html, want) || strings.Contains(html, "<script>") {
			t.Errorf("no %s in\n%s", want, html)
		}
	}
	if _, html := get(c, "/catalog/feature/view_0:monthly_fee"); strings.Contains(html, "Changes over time") {
		t.Error("a feature has a history of its own")
	}
	down = true
	change(func(v *asof.FeatureView) { v.Owner = "dora" })
	if status, html := get(c, "/catalog/view/view_0"); status != 200 || !strings.Contains(html, "the log is away") || !strings.Contains(html, "dora") {
		t.Errorf("without the log: %d %s", status, html)
	}
	down = false
	if _, html := get(c, "/catalog/view/view_0"); !strings.Contains(html, "&#43;owner: dora") || strings.Contains(html, "the log is away") {
		t.Errorf("when the log is back: %s", html)
	}
}
