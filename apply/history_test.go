package apply_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	"github.com/asof-dev/asof/memory"
)

// TestHistory follows a view, its source and its function through a registry:
// what somebody else did and what is known to have been done, materializations
// in between, a removal and a new beginning.
func TestHistory(t *testing.T) {
	ctx, log := t.Context(), memory.NewDefinitions()
	registry := memory.NewRegistry(time.Now)
	source := &asof.DataSource{Name: "rows", Kind: asof.SourcePostgres, Table: "rows", TimestampField: "at"}
	view := &asof.FeatureView{Name: "vue_é", Kind: asof.ViewPlain, Entities: []string{"user"}, EntityColumns: []asof.Field{{Name: "user_id", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.Field{{Name: "fee", Type: asof.Scalar(asof.TypeFloat32)}}, Source: source, Online: true, Enabled: true,
		Function: &asof.Function{Name: "f", Text: "def f(x):\n    return x\n"}}
	put := func(cause string, change asof.Change) {
		t.Helper()
		s, err := registry.Apply(ctx, "p", change)
		if err == nil {
			err = apply.Note(ctx, log, "p", s, cause, "ann")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("", asof.Change{Put: []asof.Object{&asof.Project{Name: "p"}, source, view}})
	if err := registry.RecordMaterialization(ctx, "p", view.Name, asof.Interval{From: time.Unix(0, 0), To: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	moved := *source
	moved.Table = "rows_2"
	changed := *view
	ttl := time.Hour
	changed.TTL, changed.Source, changed.Function = &ttl, &moved, &asof.Function{Name: "f", Text: "def f(x):\n    return x + 1\n"}
	changed.Features = append([]asof.Field{{Name: "new", Type: asof.Scalar(asof.TypeInt64)}}, view.Features...)
	put(apply.CauseApply, asof.Change{Put: []asof.Object{&moved, &changed}})
	put(apply.CauseDelete, asof.Change{Delete: []asof.Ref{{Kind: asof.KindFeatureView, Name: view.Name}}})
	put(apply.CauseClient, asof.Change{Put: []asof.Object{view}})

	steps, err := apply.History(ctx, log, asof.DefinitionQuery{Project: "p"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range steps {
		got = append(got, fmt.Sprintf("%s %s %s", s.Name, s.Action, s.Cause))
		for _, line := range s.Diff {
			if line.Sign == "+" || line.Sign == "-" && s.Action == apply.StepChanged {
				got = append(got, line.Sign+line.Text)
			}
		}
	}
	want := `vue_é created client
vue_é removed delete
vue_é changed apply
-ttl: None
+ttl: 1h0m0s
-        return x
+        return x + 1
-features: fee
+features: new, fee
+feature new: Int64
rows changed apply
-table: rows
+table: rows_2
vue_é first seen ` + `
rows first seen `
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	some, err := apply.History(ctx, log, asof.DefinitionQuery{Name: view.Name, Before: steps[1].Seq, Limit: 1})
	if err != nil || len(some) != 1 || some[0].Action != apply.StepChanged || len(some[0].Diff) == 0 {
		t.Errorf("one step of many: %+v, %v", some, err)
	}
	if err := registry.Teardown(ctx, "p"); err != nil {
		t.Fatal(err)
	}
	gone, err := registry.Snapshot(ctx, "p")
	if err == nil {
		err = apply.Note(ctx, log, "p", gone, "", "")
	}
	if list, _ := log.Changes(ctx, asof.DefinitionQuery{}); err != nil || len(list) != len(steps) {
		t.Errorf("a project that is not there was noted as removed: %v, %v", list, err)
	}
	if err := apply.Note(ctx, log, "p", gone, apply.CauseTeardown, "ann"); err != nil {
		t.Fatal(err)
	}
	if list, _ := log.Changes(ctx, asof.DefinitionQuery{}); len(list) != len(steps)+2 || list[0].Text != "" {
		t.Errorf("after a teardown: %v", list)
	}
}

func TestDiff(t *testing.T) {
	lines := strings.Repeat("same\n", 20)
	var got []string
	for _, line := range apply.Diff("a: 1\n"+lines+"- x\n", "a: 2\n"+lines+"- y\n+ z\n") {
		got = append(got, line.Sign+line.Text)
	}
	if text, want := strings.Join(got, "|"), "-a: 1|+a: 2| same| same| same|@| same| same| same|-- x|+- y|++ z"; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	if got := apply.Diff("a\n", "a\n"); got != nil {
		t.Errorf("no difference: %v", got)
	}
}
