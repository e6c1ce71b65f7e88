package apply_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/apply"
	inmemory "github.com/asof-dev/asof/memory"
)

// at places a definition, as the reader of a repository does.
func at(line int) asof.Meta {
	return asof.Meta{Place: asof.Place{File: "features.py", Line: line}}
}

// shop is a repository with one entity, one view and one service.
type shop struct {
	entity  *asof.Entity
	source  *asof.DataSource
	view    *asof.FeatureView
	service *asof.FeatureService
}

func newShop() shop {
	s := shop{
		entity: &asof.Entity{Name: "customer", JoinKey: "customer_id", Meta: at(1)},
		source: &asof.DataSource{Name: "orders", Kind: asof.SourceFile, Path: "orders", TimestampField: "as_of", Meta: at(2)},
	}
	s.view = &asof.FeatureView{Name: "orders_fv", Kind: asof.ViewPlain, Entities: []string{"customer"}, Source: s.source, Online: true, Enabled: true,
		Features: []asof.Field{{Name: "total", Type: asof.Scalar(asof.TypeFloat32)}}, Meta: at(3)}
	s.service = &asof.FeatureService{Name: "churn", Projections: []asof.Projection{{View: "orders_fv"}}, Meta: at(9)}
	return s
}

func (s shop) desired() apply.Desired {
	return apply.Desired{Project: "shop", Objects: []asof.Object{s.entity, s.source, s.view, s.service}}
}

// sources is an offline store whose table orders has these columns.
func sources(t *testing.T, fields ...arrow.Field) *inmemory.Offline {
	t.Helper()
	if len(fields) == 0 {
		fields = []arrow.Field{{Name: "customer_id", Type: arrow.BinaryTypes.String}, {Name: "as_of", Type: arrow.FixedWidthTypes.Date32},
			{Name: "total", Type: arrow.PrimitiveTypes.Float64}, {Name: "city", Type: arrow.BinaryTypes.String}}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	store := inmemory.NewOffline()
	store.Put("orders", b.NewRecordBatch())
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func stores() apply.Stores {
	return apply.Stores{Registry: inmemory.NewRegistry(nil), Online: inmemory.NewOnline(3), Ledger: inmemory.NewLedger()}
}

func mustRun(t *testing.T, s apply.Stores, d apply.Desired, src asof.Sources) *apply.Plan {
	t.Helper()
	plan, err := apply.Run(t.Context(), d, s, apply.Options{Sources: src})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// summary is a plan's changes, one a line.
func summary(p *apply.Plan) string {
	var lines []string
	for _, c := range p.Changes {
		line := string(c.Action) + " " + string(c.Kind) + " " + c.Name
		for _, f := range c.Fields {
			line += " [" + f.Field + ": " + f.Old + " -> " + f.New + "]"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestApplyCreatesThenChangesNothing(t *testing.T) {
	s, src := stores(), sources(t)
	got := summary(mustRun(t, s, newShop().desired(), src))
	want := "create project shop\ncreate data source orders\ncreate entity customer\ncreate feature view orders_fv\ncreate feature service churn"
	if got != want {
		t.Errorf("first apply:\n%s", cmp.Diff(want, got))
	}
	if again := mustRun(t, s, newShop().desired(), src); !again.Empty() {
		t.Errorf("second apply changes:\n%s", summary(again))
	}
	snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	view, err := snapshot.View("orders_fv")
	if err != nil {
		t.Fatal(err)
	}
	if len(view.EntityColumns) != 1 || view.EntityColumns[0].Type.Value != asof.TypeString {
		t.Errorf("the key's type was not inferred: %+v", view.EntityColumns)
	}
	service, err := snapshot.Service("churn")
	if err != nil {
		t.Fatal(err)
	}
	if len(service.Projections[0].Features) != 1 {
		t.Errorf("the service's projection was not filled: %+v", service.Projections)
	}
}

func TestApplyShowsAnUpdateFieldByField(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	changed := newShop()
	ttl := 48 * time.Hour
	changed.view.TTL = &ttl
	changed.view.Tags = map[string]string{"owner": "ml"}
	changed.service.Logging = []byte("\x0d\x00\x00\x80\x3f\x12\x06\x0a\x04logs")
	changed.view.Features = append(changed.view.Features, asof.Field{Name: "city", Type: asof.Scalar(asof.TypeString)})
	plan := mustRun(t, s, changed.desired(), src)
	if notes := strings.Join(plan.Notes, "\n"); notes != "city of orders_fv: null online until `materialize START END -v orders_fv` fills it again" {
		t.Errorf("notes: %s", notes)
	}
	got := summary(plan)
	want := "update feature view orders_fv [ttl: None -> 48h0m0s] [tags:  -> owner=ml] [features: total -> total, city] [feature city:  -> String]\n" +
		"update feature service churn [logging:  -> logs (874bbf74)] [features of orders_fv: orders_fv[total Float32] -> orders_fv[total Float32, city String]]"
	if got != want {
		t.Errorf("update:\n%s", cmp.Diff(want, got))
	}
}

// The registry keeps copies: of its source in a view, of its features in a
// service. They follow when what they are copies of changes.
func TestApplyUpdatesTheCopies(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	d := newShop()
	d.source.Description = "all orders"
	d.view.Features[0].Type = asof.Scalar(asof.TypeFloat64)
	got := summary(mustRun(t, s, d.desired(), src))
	want := "update data source orders [description:  -> all orders]\n" +
		"update feature view orders_fv [source description:  -> all orders] [feature total: Float32 -> Float64]\n" +
		"update feature service churn [features of orders_fv: orders_fv[total Float32] -> orders_fv[total Float64]]"
	if got != want {
		t.Errorf("plan:\n%s", cmp.Diff(want, got))
	}
	snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	view, err := snapshot.View("orders_fv")
	if err != nil {
		t.Fatal(err)
	}
	service, err := snapshot.Service("churn")
	if err != nil {
		t.Fatal(err)
	}
	if view.Source.Description != "all orders" || service.Projections[0].Features[0].Type.Value != asof.TypeFloat64 {
		t.Errorf("registered: source %+v, service %+v", view.Source, service.Projections[0])
	}
	if again := mustRun(t, s, d.desired(), src); !again.Empty() {
		t.Errorf("the next apply changes:\n%s", summary(again))
	}
}

// No ttl and a ttl of zero mean the same, and Feast turns one into the other.
func TestApplyTakesNoTTLForZero(t *testing.T) {
	s, src := stores(), sources(t)
	none, zero := newShop(), newShop()
	zero.view.TTL = new(time.Duration)
	mustRun(t, s, zero.desired(), src)
	if again := mustRun(t, s, none.desired(), src); !again.Empty() {
		t.Errorf("no ttl instead of zero changes:\n%s", summary(again))
	}
}

func TestApplyInfersWhatIsLeftOut(t *testing.T) {
	repo := newShop()
	repo.view.Features = nil
	repo.source.TimestampField = ""
	s := stores()
	mustRun(t, s, repo.desired(), sources(t))
	snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	view, err := snapshot.View("orders_fv")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(view.FeatureNames(), " "); got != "total city" || view.Source.TimestampField != "as_of" {
		t.Errorf("inferred features %q, timestamp %q", got, view.Source.TimestampField)
	}
	if repo.view.Features != nil || repo.source.TimestampField != "" {
		t.Error("the caller's objects were changed")
	}
}

// TestApplyCompletesChosenFeatures has a service that chooses from a view whose
// features are inferred.
func TestApplyCompletesChosenFeatures(t *testing.T) {
	repo := newShop()
	repo.view.Features = nil
	repo.service.Projections = []asof.Projection{{View: "orders_fv", Features: []asof.Field{{Name: "city"}}}}
	s := stores()
	mustRun(t, s, repo.desired(), sources(t))
	snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	service, err := snapshot.Service("churn")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]asof.Field{{Name: "city", Type: asof.Scalar(asof.TypeString)}}, service.Projections[0].Features); diff != "" {
		t.Errorf("the service's feature (-want +got)\n%s", diff)
	}

	repo.service.Projections = []asof.Projection{{View: "orders_fv", Features: []asof.Field{{Name: "cityy"}}}}
	_, err = apply.Run(t.Context(), repo.desired(), s, apply.Options{Sources: sources(t)})
	want := `features.py:9: feature service "churn" uses feature orders_fv:cityy, which the view does not have; did you mean "city"?`
	if errText(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestApplyReportsAllMistakesAtOnce(t *testing.T) {
	repo := newShop()
	repo.view.Entities = []string{"custmer"}
	repo.service.Projections = []asof.Projection{{View: "order_fv"}, {View: "orders_fv", Features: []asof.Field{{Name: "totl"}}}}
	d := repo.desired()
	d.Objects = append(d.Objects, &asof.Entity{Name: "CUSTOMER", JoinKey: "x", Meta: at(12)})
	_, err := apply.Run(t.Context(), d, stores(), apply.Options{Sources: sources(t)})
	want := `features.py:3: feature view "orders_fv" uses entity "custmer", which no file defines; did you mean "customer" or "CUSTOMER"?
features.py:9: feature service "churn" uses view "order_fv", which no file defines; did you mean "orders_fv"?
features.py:9: feature service "churn" uses feature orders_fv:totl, which the view does not have; did you mean "total"?
features.py:12: entity "CUSTOMER" is defined twice (first at features.py:1, and letter case does not count); rename one of them`
	if err == nil || err.Error() != want {
		t.Errorf("mistakes:\n%s", cmp.Diff(want, errText(err)))
	}
}

func TestApplyHoldsSourcesAgainstReality(t *testing.T) {
	text, number := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64
	day := arrow.FixedWidthTypes.Date32
	for name, c := range map[string]struct {
		fields []arrow.Field
		want   string
	}{
		"no timestamp": {[]arrow.Field{{Name: "customer_id", Type: text}, {Name: "asof", Type: day}, {Name: "total", Type: number}},
			`has no column "as_of", its timestamp_field; did you mean "asof"?`},
		"timestamp is text": {[]arrow.Field{{Name: "customer_id", Type: text}, {Name: "as_of", Type: text}, {Name: "total", Type: number}},
			`has timestamp_field "as_of" of type`},
		"no key": {[]arrow.Field{{Name: "customer", Type: text}, {Name: "as_of", Type: day}, {Name: "total", Type: number}},
			`has no column "customer_id", the join key of the view; did you mean "customer"?`},
		"key is a number with a fraction": {[]arrow.Field{{Name: "customer_id", Type: number}, {Name: "as_of", Type: day}, {Name: "total", Type: number}},
			`has join key "customer_id" of type`},
		"no feature": {[]arrow.Field{{Name: "customer_id", Type: text}, {Name: "as_of", Type: day}, {Name: "totals", Type: number}},
			`has no column "total", a feature of the view; did you mean "totals"?`},
		"feature is text": {[]arrow.Field{{Name: "customer_id", Type: text}, {Name: "as_of", Type: day}, {Name: "total", Type: text}},
			`which can't be read as the declared Float32 of feature "total"`},
	} {
		s := stores()
		_, err := apply.Run(t.Context(), newShop().desired(), s, apply.Options{Sources: sources(t, c.fields...)})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), `features.py:3: feature view "orders_fv": source "orders"`) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
		if snapshot, err := s.Registry.Snapshot(t.Context(), "shop"); err != nil || snapshot.Project() != nil {
			t.Errorf("%s: a failed apply left something in the registry (%v)", name, err)
		}
	}
	missing := newShop()
	missing.source.Path = "order"
	_, err := apply.Run(t.Context(), missing.desired(), stores(), apply.Options{Sources: sources(t)})
	if err == nil || !strings.Contains(err.Error(), `features.py:3: feature view "orders_fv": data source "orders"`) {
		t.Errorf("missing table: got %v", err)
	}
	// Without the check only what is left out is looked at.
	if _, err := apply.Run(t.Context(), newShop().desired(), stores(), apply.Options{Sources: sources(t, arrow.Field{Name: "customer_id", Type: text},
		arrow.Field{Name: "as_of", Type: day}), SkipSources: true}); err != nil {
		t.Errorf("--skip-source-validation: %v", err)
	}
}

func TestApplyRefusesToRemoveWhatIsUsed(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	repo := newShop()
	without := apply.Desired{Project: "shop", Objects: []asof.Object{repo.entity, repo.source, repo.service}}
	_, err := apply.Run(t.Context(), without, s, apply.Options{Sources: src})
	if err == nil || !strings.Contains(err.Error(), `feature service "churn" uses view "orders_fv", which is registered and no longer defined`) {
		t.Errorf("got %v", err)
	}
	without.Objects = without.Objects[:2]
	if got, want := summary(mustRun(t, s, without, src)), "delete feature view orders_fv\ndelete feature service churn"; got != want {
		t.Errorf("removal:\n%s", cmp.Diff(want, got))
	}
	err = s.Online.Read(t.Context(), "shop", []*asof.Reading{{View: repo.view, Features: []string{"total"}}})
	if asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a removed view is still served: %v", err)
	}
}

func TestApplyForgetsTheLedgerOfAViewWithOtherKeys(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	if _, err := s.Ledger.Begin(t.Context(), asof.Materialization{Project: "shop", View: "orders_fv", Cause: "test"}); err != nil {
		t.Fatal(err)
	}
	changed := newShop()
	changed.entity.JoinKey = "city"
	mustRun(t, s, changed.desired(), src)
	entries, err := s.Ledger.Materializations(t.Context(), asof.MaterializationQuery{Project: "shop", Views: []string{"orders_fv"}})
	if err != nil || len(entries) > 0 {
		t.Errorf("the ledger still has %v (%v)", entries, err)
	}
}

func TestTeardownRemovesEverything(t *testing.T) {
	s, src := stores(), sources(t)
	mustRun(t, s, newShop().desired(), src)
	for range 2 {
		if _, err := apply.Teardown(t.Context(), "shop", s); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := s.Registry.Snapshot(t.Context(), "shop")
	if err != nil || snapshot.Project() != nil {
		t.Errorf("after teardown: %v, %v", snapshot.Project(), err)
	}
}

func errText(err error) string {
	var ps asof.Problems
	if errors.As(err, &ps) {
		return ps.Error()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
