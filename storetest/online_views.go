package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
)

func unknownView(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	o.fails(asof.CodeNotFound, "apply", o.read(v, "1"))
	_, err := o.write(v, `[{"user": "1", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)
	o.fails(asof.CodeNotFound, "apply", err)
	o.update(userView("other"))
	o.fails(asof.CodeNotFound, "apply", o.read(v, "1"))
}

// onlineNames uses names that are no identifiers of any database, and names
// that only differ behind the 63 bytes that PostgreSQL keeps.
func onlineNames(t *testing.T, o *online) {
	long := strings.Repeat("long_", 30)
	names := []string{"plain", "Plain", `quo"te`, "semi;colon", "naïve ★ 表", "with space", "a_b", long + "1", long + "2"}
	projects := []string{"a", "a_b", "Ünïcode", long, long + "x"}
	if o.has(JoinedNames) {
		names, projects = []string{"plain", `quo"te`, "semi;colon", "naïve ★ 表", "with space", "a_b"}, []string{"a", "Ünïcode"}
	}
	for p, project := range projects {
		var views []*asof.FeatureView
		for _, name := range names {
			views = append(views, userView(name, feature("é feature", asof.TypeInt64)))
		}
		if err := o.store.Update(t.Context(), project, views, nil); err != nil {
			t.Fatal(err)
		}
		for n, v := range views {
			rows := fmt.Sprintf(`[{"user": "ключ", "event_timestamp": "2024-01-01T00:00:00Z", "é feature": %d}]`, 100*p+n)
			if _, err := o.store.Write(t.Context(), project, v, batch(t, v, rows)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for p, project := range projects {
		for n, name := range names {
			v := userView(name, feature("é feature", asof.TypeInt64))
			r := reading(t, v, "ключ")
			if err := o.store.Read(t.Context(), project, []*asof.Reading{r}); err != nil {
				t.Fatal(err)
			}
			if got, want := shown(r, 0), fmt.Sprint(100*p+n); got != want {
				t.Errorf("project %q, view %q holds %s, want %s", project, name, got, want)
			}
		}
	}
}

func withoutEntities(t *testing.T, o *online) {
	for _, columns := range [][]asof.Field{nil, {feature(asof.DummyJoinKey, asof.TypeString)}} {
		v := userView(fmt.Sprint("v", len(columns)), feature("x", asof.TypeInt64))
		v.Entities, v.EntityColumns = []string{asof.DummyEntity}, columns
		o.update(v)
		written := o.mustWrite(v, `[{"event_timestamp": "2024-01-01T00:00:00Z", "x": 1}, {"event_timestamp": "2024-01-02T00:00:00Z", "x": 2}]`)
		if written != 1 {
			t.Errorf("%d keys written to a view without entities", written)
		}
		o.holds(v, "", "2")
	}
}

func featuresComeAndGo(t *testing.T, o *online) {
	x, y, z := feature("x", asof.TypeInt64), feature("y", asof.TypeInt64), feature("z", asof.TypeString)
	all := userView("v", x, y, z)
	o.update(all)
	o.mustWrite(all, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1, "y": 2, "z": "three"}]`)
	for _, step := range []struct {
		view *asof.FeatureView
		want string
	}{
		{all, `1 2 "three"`},
		{userView("v", z, x, y), `"three" 1 2`},
		{userView("v", x, feature("new", asof.TypeInt64), z), `1 null "three"`},
		{all, `1 null "three"`},
		{userView("v", x, y, feature("z", asof.TypeInt64)), `1 null null`},
		{all, `1 null null`},
	} {
		o.update(step.view)
		o.holds(step.view, "a", step.want)
	}
	o.mustWrite(all, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 4, "y": 5, "z": "six"}]`)
	o.holds(all, "a", `4 5 "six"`)
}

func joinKeysChange(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	o.update(v)
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`)
	other := userView("v", feature("x", asof.TypeInt64))
	other.EntityColumns = []asof.Field{feature("item", asof.TypeString)}
	o.update(other)
	o.holds(other, "a", "-")
	o.update(v)
	o.holds(v, "a", "-")
}

func droppedViews(t *testing.T, o *online) {
	v, w := userView("v", feature("x", asof.TypeInt64)), userView("w", feature("x", asof.TypeInt64))
	rows := `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`
	o.update(v, w)
	o.mustWrite(v, rows)
	o.mustWrite(w, rows)
	for range 2 { // dropping what is gone is no error
		if err := o.store.Update(t.Context(), project, nil, []string{"v"}); err != nil {
			t.Fatal(err)
		}
	}
	o.fails(asof.CodeNotFound, `"v"`, o.read(v, "a"))
	o.holds(w, "a", "1")
	o.update(v)
	o.holds(v, "a", "-")
	if err := o.store.Teardown(t.Context(), "elsewhere", []string{"v", "w"}); err != nil {
		t.Fatal(err)
	}
	o.holds(w, "a", "1")
	for range 2 {
		if err := o.store.Teardown(t.Context(), project, []string{"v", "w"}); err != nil {
			t.Fatal(err)
		}
	}
	o.fails(asof.CodeNotFound, `"w"`, o.read(w, "a"))
}

func severalViews(t *testing.T, o *online) {
	v, w := userView("v", feature("x", asof.TypeInt64), feature("y", asof.TypeInt64)), userView("w", feature("x", asof.TypeString))
	o.update(v, w)
	o.mustWrite(v, `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1, "y": 2}]`)
	o.mustWrite(w, `[{"user": "b", "event_timestamp": "2024-01-01T00:00:00Z", "x": "w"}]`)
	first, second, third := reading(t, v, "a", "b"), reading(t, w, "c", "b", "a"), reading(t, v, "a")
	first.Features, third.Features = []string{"y", "x"}, []string{"x", "unknown"}
	for range 2 { // readings may be used again
		if err := o.store.Read(t.Context(), project, []*asof.Reading{first, second, third}); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(shown(first, 0), "; ", shown(first, 1), "; ", shown(second, 0), "; ", shown(second, 1), "; ", shown(second, 2), "; ", shown(third, 0))
		if want := `2 1; -; -; "w"; -; 1 null`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if err := o.store.Read(t.Context(), project, nil); err != nil {
		t.Errorf("reading nothing: %v", err)
	}
	missing := reading(t, userView("missing"), "a")
	o.fails(asof.CodeNotFound, `"missing"`, o.store.Read(t.Context(), project, []*asof.Reading{first, missing}))
}
