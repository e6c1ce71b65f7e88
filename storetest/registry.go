package storetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
)

// Registry is the conformance suite of asof.Registry. fresh makes a new, empty
// registry each time; open opens a handle on it, as another process would.
func Registry(t *testing.T, fresh func(t *testing.T) (open func() asof.Registry)) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, open func() asof.Registry)
	}{
		{"a project never applied is empty", testRegistryEmpty},
		{"what is put comes back, everywhere", testRegistryPut},
		{"put replaces, delete removes", testRegistryReplace},
		{"times and versions are the registry's", testRegistryVersions},
		{"a change planned against another version is a conflict", testRegistryConflict},
		{"no change is no new version", testRegistryNoChange},
		{"a snapshot does not change", testRegistrySnapshotStays},
		{"materializations are joined", testRegistryMaterialization},
		{"projects are apart", testRegistryProjects},
		{"two writers lose nothing", testRegistryWriters},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, fresh(t)) })
	}
}

// oneOfEach is a project with one object of every kind that a definition file
// makes, which refer to one another.
func oneOfEach() []asof.Object {
	day := 24 * time.Hour
	source := &asof.DataSource{
		Name: "stats", Kind: asof.SourcePostgres, Query: `SELECT "ä" FROM t`, TimestampField: "as_of", CreatedField: "made",
		FieldMapping: map[string]string{"h": "hours"}, Tags: map[string]string{"a": "b"}, Owner: "me", Description: "d",
		Class: "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource",
	}
	push := &asof.DataSource{Name: "push", Kind: asof.SourcePush, Class: "feast.data_source.PushSource",
		TimestampField: "as_of", CreatedField: "made", FieldMapping: map[string]string{"h": "hours"}, Batch: source}
	request := &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Class: "feast.data_source.RequestSource",
		Schema: []asof.Field{{Name: "add", Type: asof.Scalar(asof.TypeInt64)}}}
	features := []asof.Field{
		{Name: "hours", Type: asof.Scalar(asof.TypeFloat32), Description: "watched", Tags: map[string]string{"unit": "h"}},
		{Name: "address", Type: asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{
			{Name: "street", Type: asof.Scalar(asof.TypeString)},
			{Name: "floors", Type: asof.Scalar(asof.TypeInt64List)}}}},
	}
	plain := &asof.FeatureView{
		Name: "plain", Kind: asof.ViewPlain, Entities: []string{"user"}, TTL: &day, Source: source, Stream: push, Online: true, Enabled: true,
		EntityColumns: []asof.Field{{Name: "user_id", Type: asof.Scalar(asof.TypeString)}},
		Features:      features, Description: "d", Tags: map[string]string{"owner": "x"}, Owner: "me", Org: "ads", Version: "latest", Validate: true,
	}
	nobody := &asof.FeatureView{Name: "nobody", Kind: asof.ViewPlain, Source: source, Features: features[:1], Version: "latest"}
	onDemand := &asof.OnDemandFeatureView{
		Name: "computed", Mode: "python", Version: "latest", Enabled: true,
		Sources: []asof.OnDemandSource{
			{Name: "plain", View: &asof.Projection{View: "plain", Features: features[:1]}},
			{Name: "request", Request: request}},
		Features: []asof.Field{{Name: "more", Type: asof.Scalar(asof.TypeFloat64)}},
		Function: &asof.Function{Name: "computed", Mode: "python", Text: "def computed(inputs):\n    return {}\n"},
	}
	service := &asof.FeatureService{
		Name: "service", Description: "d", Tags: map[string]string{"x": "y"}, Owner: "me",
		Projections: []asof.Projection{
			{View: "plain", Alias: "left", Features: features[1:], JoinKeyMap: map[string]string{"user_id": "left_id"}},
			{View: "plain", Alias: "right", Features: features[:1]},
			{View: "computed", Features: onDemand.Features}},
	}
	return []asof.Object{
		&asof.Project{Name: "p", Description: "all", Tags: map[string]string{"t": "u"}, Owner: "me"},
		&asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString, Description: "who", Tags: map[string]string{"k": "v"}, Owner: "o"},
		source, push, request, plain, nobody, onDemand, service,
	}
}

// definitionsOnly compares what definitions say, and leaves out what the
// registry keeps beside it.
var definitionsOnly = cmp.Options{
	cmpopts.IgnoreTypes(asof.Meta{}),
	cmpopts.IgnoreFields(asof.Function{}, "Body"),
	cmpopts.EquateEmpty(),
}

// wantObject fails the test where the snapshot's object is another.
func wantObject(t *testing.T, s *asof.Snapshot, want asof.Object) {
	t.Helper()
	got := s.Object(want.ObjectKind(), want.ObjectName())
	if got == nil {
		t.Errorf("%s %q is missing", want.ObjectKind(), want.ObjectName())
	} else if diff := cmp.Diff(want, got, definitionsOnly); diff != "" {
		t.Errorf("%s %q (-put +got):\n%s", want.ObjectKind(), want.ObjectName(), diff)
	}
}

func snapshotOf(t *testing.T, r asof.Registry, project string) *asof.Snapshot {
	t.Helper()
	s, err := r.Snapshot(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func applyTo(t *testing.T, r asof.Registry, project string, put ...asof.Object) *asof.Snapshot {
	t.Helper()
	s, err := r.Apply(t.Context(), project, asof.Change{Put: put})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testRegistryEmpty(t *testing.T, open func() asof.Registry) {
	r := open()
	s := snapshotOf(t, r, "p")
	if s.Project() != nil || len(s.Views()) != 0 || len(s.Entities()) != 0 {
		t.Errorf("a project that was never applied has %v, %v, %v", s.Project(), s.Views(), s.Entities())
	}
	if s.Version == "" || s.Version != snapshotOf(t, open(), "p").Version {
		t.Errorf("its version is %q, and then %q", s.Version, snapshotOf(t, open(), "p").Version)
	}
	if err := r.Teardown(t.Context(), "p"); err != nil {
		t.Errorf("tearing it down: %v", err)
	}
	if err := r.RecordMaterialization(t.Context(), "p", "v", asof.Interval{}); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a materialization of no view: %v, want not_found", err)
	}
}

func testRegistryPut(t *testing.T, open func() asof.Registry) {
	put := oneOfEach()
	for handle, s := range map[string]*asof.Snapshot{
		"Apply's answer": applyTo(t, open(), "p", put...),
		"a new handle":   snapshotOf(t, open(), "p"),
	} {
		t.Run(handle, func(t *testing.T) {
			for _, o := range put {
				wantObject(t, s, o)
			}
			if n := len(s.Entities()); n != 1 {
				t.Errorf("%d entities, want 1", n)
			}
		})
	}
}

func testRegistryReplace(t *testing.T, open func() asof.Registry) {
	r := open()
	applyTo(t, r, "p", oneOfEach()...)
	changed := *oneOfEach()[1].(*asof.Entity)
	changed.Description = "somebody"
	namesake := &asof.FeatureService{Name: "user"} // a service may have an entity's name
	s, err := r.Apply(t.Context(), "p", asof.Change{
		Put:    []asof.Object{&changed, namesake},
		Delete: []asof.Ref{{Kind: asof.KindFeatureView, Name: "nobody"}, {Kind: asof.KindService, Name: "service"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	wantObject(t, s, &changed)
	wantObject(t, s, namesake)
	wantObject(t, s, oneOfEach()[5])
	for _, ref := range []asof.Ref{{Kind: asof.KindFeatureView, Name: "nobody"}, {Kind: asof.KindService, Name: "service"}} {
		if s.Object(ref.Kind, ref.Name) != nil {
			t.Errorf("%s %q is still there", ref.Kind, ref.Name)
		}
	}
	if _, err := r.Apply(t.Context(), "p", asof.Change{Delete: []asof.Ref{{Kind: asof.KindEntity, Name: "nobody"}}}); err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
}

func testRegistryVersions(t *testing.T, open func() asof.Registry) {
	r := open()
	first := applyTo(t, r, "p", oneOfEach()...)
	view := func(s *asof.Snapshot) *asof.FeatureView {
		return s.Object(asof.KindFeatureView, "plain").(*asof.FeatureView)
	}
	was := view(first)
	if was.Meta.Created.IsZero() || was.VersionNumber != 0 {
		t.Fatalf("a new view: created %v, version %d", was.Meta.Created, was.VersionNumber)
	}
	time.Sleep(2 * time.Millisecond)

	moved := *oneOfEach()[5].(*asof.FeatureView)
	moved.TTL = nil
	second := applyTo(t, r, "p", &moved)
	now := view(second)
	if now.VersionNumber != 0 || now.TTL != nil {
		t.Errorf("another ttl: version %d, ttl %v; want version 0 and None", now.VersionNumber, now.TTL)
	}
	if !now.Meta.Created.Equal(was.Meta.Created) || !now.Meta.Updated.After(was.Meta.Updated) {
		t.Errorf("created %v, then %v; updated %v, then %v", was.Meta.Created, now.Meta.Created, was.Meta.Updated, now.Meta.Updated)
	}
	if first.Version == second.Version {
		t.Error("the project has changed, and its version has not")
	}

	moved.Features = moved.Features[:1]
	if v := view(applyTo(t, r, "p", &moved)); v.VersionNumber != 1 || len(v.Features) != 1 {
		t.Errorf("a feature less: version %d with %d features, want 1 with 1", v.VersionNumber, len(v.Features))
	}

	saved := moved
	saved.Features = []asof.Field{{Name: "saved", Type: asof.Scalar(asof.TypeInt64)}}
	for range 2 {
		s, err := r.Apply(t.Context(), "p", asof.Change{Save: []asof.Object{&saved}})
		if err != nil {
			t.Fatal(err)
		}
		if v := view(s); v.VersionNumber != 1 || v.Features[0].Name != moved.Features[0].Name {
			t.Errorf("after another version was saved: version %d with %s", v.VersionNumber, v.Features[0].Name)
		}
	}
	moved.Features = []asof.Field{{Name: "next", Type: asof.Scalar(asof.TypeInt64)}}
	if v := view(applyTo(t, r, "p", &moved)); v.VersionNumber != 3 {
		t.Errorf("the version after one that was saved twice is %d, want 3", v.VersionNumber)
	}
}

func testRegistryConflict(t *testing.T, open func() asof.Registry) {
	r := open()
	empty := snapshotOf(t, r, "p").Version
	base := applyTo(t, r, "p", oneOfEach()...).Version
	applyTo(t, open(), "p", &asof.Entity{Name: "other", JoinKey: "o"})
	for _, old := range []string{base, empty} {
		_, err := r.Apply(t.Context(), "p", asof.Change{Base: old, Put: []asof.Object{&asof.Entity{Name: "late", JoinKey: "l"}}})
		if asof.ErrorCode(err) != asof.CodeConflict {
			t.Errorf("a change planned against %s: %v, want a conflict", old, err)
		}
	}
	s := snapshotOf(t, r, "p")
	if s.Object(asof.KindEntity, "late") != nil || s.Object(asof.KindEntity, "other") == nil {
		t.Errorf("after the conflict: %v", s.Entities())
	}
	if _, err := r.Apply(t.Context(), "p", asof.Change{Base: s.Version, Put: []asof.Object{&asof.Entity{Name: "late", JoinKey: "l"}}}); err != nil {
		t.Errorf("planned again: %v", err)
	}
}

func testRegistryNoChange(t *testing.T, open func() asof.Registry) {
	r := open()
	was := applyTo(t, r, "p", oneOfEach()...)
	now := applyTo(t, r, "p")
	if now.Version != was.Version || !now.Updated.Equal(was.Updated) {
		t.Errorf("an empty change: version %s at %v, then %s at %v", was.Version, was.Updated, now.Version, now.Updated)
	}
}

func testRegistrySnapshotStays(t *testing.T, open func() asof.Registry) {
	r := open()
	s := applyTo(t, r, "p", oneOfEach()...)
	if _, err := r.Apply(t.Context(), "p", asof.Change{Delete: []asof.Ref{{Kind: asof.KindFeatureView, Name: "nobody"}}}); err != nil {
		t.Fatal(err)
	}
	span := asof.Interval{From: time.Unix(0, 0).UTC(), To: time.Unix(10, 0).UTC()}
	if err := r.RecordMaterialization(t.Context(), "p", "plain", span); err != nil {
		t.Fatal(err)
	}
	for _, o := range oneOfEach() {
		wantObject(t, s, o)
	}
}

func testRegistryMaterialization(t *testing.T, open func() asof.Registry) {
	r := open()
	applyTo(t, r, "p", oneOfEach()...)
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	span := func(from, to int) asof.Interval {
		return asof.Interval{From: day.AddDate(0, 0, from), To: day.AddDate(0, 0, to)}
	}
	for _, s := range []asof.Interval{span(0, 10), span(20, 30), span(10, 15)} {
		if err := r.RecordMaterialization(t.Context(), "p", "plain", s); err != nil {
			t.Fatal(err)
		}
	}
	want := []asof.Interval{span(0, 15), span(20, 30)}
	check := func(s *asof.Snapshot) {
		t.Helper()
		v, err := s.View("plain")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, v.Intervals); diff != "" || v.State != asof.StateAvailableOnline {
			t.Errorf("state %d, intervals (-want +got):\n%s", v.State, diff)
		}
	}
	check(snapshotOf(t, open(), "p"))
	check(applyTo(t, r, "p", oneOfEach()...)) // definitions do not know of intervals
	err := r.RecordMaterialization(t.Context(), "p", "plein", span(0, 1))
	if asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a view that is not there: %v, want not_found", err)
	}
}

func testRegistryProjects(t *testing.T, open func() asof.Registry) {
	r := open()
	applyTo(t, r, "p", oneOfEach()...)
	was := snapshotOf(t, r, "p")
	q := applyTo(t, r, "q", &asof.Entity{Name: "user", JoinKey: "other_id"})
	if q.Project() == nil || q.Project().Name != "q" {
		t.Errorf("project q is %v", q.Project())
	}
	if now := snapshotOf(t, r, "p"); now.Version != was.Version {
		t.Error("another project has changed this one's version")
	}
	if err := r.Teardown(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if s := snapshotOf(t, open(), "p"); s.Project() != nil || len(s.Sources()) != 0 || len(s.Views()) != 0 {
		t.Errorf("a project torn down has %v, %v", s.Project(), s.Sources())
	}
	if e, err := snapshotOf(t, open(), "q").Entity("user"); err != nil || e.JoinKey != "other_id" {
		t.Errorf("the other project's entity is %v (%v)", e, err)
	}
	applyTo(t, r, "p", oneOfEach()...) // a name can be used again
}

func testRegistryWriters(t *testing.T, open func() asof.Registry) {
	applyTo(t, open(), "p", oneOfEach()...)
	const writers, each = 4, 5
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			r := open()
			for i := range each {
				if err := addEntity(t.Context(), r, fmt.Sprintf("e%d_%d", w, i)); err != nil {
					t.Error(err)
				}
				day := time.Date(2024, 1, 2*(w*each+i), 0, 0, 0, 0, time.UTC)
				if err := r.RecordMaterialization(t.Context(), "p", "plain", asof.Interval{From: day, To: day.Add(time.Hour)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s := snapshotOf(t, open(), "p")
	for w := range writers {
		for i := range each {
			if name := "e" + strconv.Itoa(w) + "_" + strconv.Itoa(i); s.Object(asof.KindEntity, name) == nil {
				t.Errorf("entity %s is lost", name)
			}
		}
	}
	if v, err := s.View("plain"); err != nil || len(v.Intervals) != writers*each {
		t.Errorf("%d intervals (%v), want %d", len(v.Intervals), err, writers*each)
	}
}

// addEntity adds an entity the way a plan does: against a version, again where
// that was not the newest.
func addEntity(ctx context.Context, r asof.Registry, name string) error {
	for {
		s, err := r.Snapshot(ctx, "p")
		if err != nil {
			return err
		}
		_, err = r.Apply(ctx, "p", asof.Change{Base: s.Version, Put: []asof.Object{&asof.Entity{Name: name, JoinKey: name}}})
		if asof.ErrorCode(err) != asof.CodeConflict {
			return err
		}
	}
}
