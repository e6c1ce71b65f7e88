package feastconv_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// runFile runs the script named by its first argument as Python would: a
// decorated function has a source only if it stands in a file.
const runFile = `
import runpy, sys
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
`

var applied struct {
	sync.Once
	registry *core.Registry
}

// feastRegistry is the registry that Feast writes for testdata/repository.py.
func feastRegistry(t *testing.T) *core.Registry {
	t.Helper()
	applied.Do(func() {
		dir := t.TempDir()
		storetest.RunPython(t, runFile, "testdata/repository.py", dir)
		b, err := os.ReadFile(filepath.Join(dir, "registry.db"))
		if err != nil {
			t.Fatal(err)
		}
		var r core.Registry
		if err := proto.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		applied.registry = &r
	})
	if applied.registry == nil {
		t.Fatal("Feast did not apply testdata/repository.py")
	}
	return applied.registry
}

// messagesOf returns every object of a registry.
func messagesOf(r *core.Registry) []proto.Message {
	var out []proto.Message
	add := func(ms ...proto.Message) { out = append(out, ms...) }
	for _, m := range r.Projects {
		add(m)
	}
	for _, m := range r.Entities {
		add(m)
	}
	for _, m := range r.DataSources {
		add(m)
	}
	for _, m := range r.FeatureViews {
		add(m)
	}
	for _, m := range r.StreamFeatureViews {
		add(m)
	}
	for _, m := range r.OnDemandFeatureViews {
		add(m)
	}
	for _, m := range r.FeatureServices {
		add(m)
	}
	for _, m := range r.LabelViews {
		add(m)
	}
	for _, m := range r.Permissions {
		add(m)
	}
	for _, m := range r.SavedDatasets {
		add(m)
	}
	return out
}

// decodeAll decodes a whole registry and makes an Encoder that knows it.
func decodeAll(t *testing.T, ms []proto.Message) ([]asof.Object, *feastconv.Encoder) {
	t.Helper()
	byRef := map[asof.Ref]asof.Object{}
	var objects []asof.Object
	for _, m := range ms {
		o, err := feastconv.Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
		byRef[asof.Ref{Kind: o.ObjectKind(), Name: o.ObjectName()}] = o
	}
	return objects, &feastconv.Encoder{
		Project: "everything",
		Object:  func(k asof.Kind, name string) asof.Object { return byRef[asof.Ref{Kind: k, Name: name}] },
	}
}

func TestStoredMessagesComeBack(t *testing.T) {
	ms := messagesOf(feastRegistry(t))
	if len(ms) < 30 {
		t.Fatalf("%d objects, want one of everything", len(ms))
	}
	objects, encoder := decodeAll(t, ms)
	for i, o := range objects {
		got, err := encoder.Encode(o)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, o, got, ms[i])
	}
}

// TestNounsSayEverything writes nouns that have lost the message they came
// from: what Feast wrote must come out of the nouns alone.
func TestNounsSayEverything(t *testing.T) {
	ms := messagesOf(feastRegistry(t))
	objects, encoder := decodeAll(t, ms)
	for i, o := range objects {
		got, err := encoder.Encode(forget(o))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, o, got, ms[i])
	}
}

func compare(t *testing.T, o asof.Object, got, want proto.Message) {
	t.Helper()
	options := cmp.Options{
		protocmp.Transform(),
		// a stream view's features are in the order of a Python set
		protocmp.SortRepeatedFields(&core.StreamFeatureViewSpec{}, "features"),
	}
	if o.ObjectKind() == asof.KindLabelView || o.ObjectKind() == asof.KindService {
		// the sources within a label view have the times of the view
		options = append(options, protocmp.IgnoreMessages(&core.DataSource_SourceMeta{}))
	}
	diff := cmp.Diff(want, got, options)
	if diff != "" {
		t.Errorf("%s %q (-Feast +ours):\n%s", o.ObjectKind(), o.ObjectName(), diff)
	}
}

// forget returns a copy of o without the message it was read from.
func forget(o asof.Object) asof.Object {
	switch o := o.(type) {
	case *asof.Project:
		c := *o
		c.Meta.Stored = nil
		return &c
	case *asof.Entity:
		c := *o
		c.Meta.Stored = nil
		return &c
	case *asof.DataSource:
		return forgetSource(o)
	case *asof.FeatureView:
		c := *o
		c.Meta.Stored = nil
		c.Source, c.Stream = forgetSource(o.Source), forgetSource(o.Stream)
		return &c
	case *asof.OnDemandFeatureView:
		c := *o
		c.Meta.Stored = nil
		c.Sources = slices.Clone(o.Sources)
		for i := range c.Sources {
			c.Sources[i].Request = forgetSource(c.Sources[i].Request)
		}
		return &c
	case *asof.FeatureService:
		c := *o
		c.Meta.Stored = nil
		return &c
	}
	return o
}

func forgetSource(s *asof.DataSource) *asof.DataSource {
	if s == nil {
		return nil
	}
	c := *s
	c.Meta.Stored = nil
	c.Batch = forgetSource(s.Batch)
	return &c
}

// TestOpaqueDefinitions: an opaque definition has the same bytes before it is
// registered and when it is read back.
func TestOpaqueDefinitions(t *testing.T) {
	noMeta := &core.DataSource_SourceMeta{}
	definition := &core.LabelView{Meta: &core.LabelViewMeta{}, Spec: &core.LabelViewSpec{Name: "labels", LabelerField: "who",
		Source: &core.DataSource{Name: "push", Meta: noMeta, BatchSource: &core.DataSource{Name: "batch", Meta: noMeta}}}}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(definition)
	if err != nil {
		t.Fatal(err)
	}
	noun := &asof.Opaque{Kind: asof.KindLabelView, Name: "labels", Meta: asof.Meta{
		Stored: b, Created: time.Unix(1, 0).UTC(), Updated: time.Unix(2, 0).UTC()}}
	m, err := (&feastconv.Encoder{Project: "p"}).Encode(noun)
	if err != nil {
		t.Fatal(err)
	}
	if l := m.(*core.LabelView); l.Spec.Project != "p" || l.Meta.LastUpdatedTimestamp.GetSeconds() != 2 ||
		l.Spec.Source.BatchSource.Meta.CreatedTimestamp.GetSeconds() != 1 {
		t.Errorf("registered as %v", l)
	}
	back, err := feastconv.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asof.Object(noun), back); diff != "" {
		t.Errorf("read back (-defined +registered):\n%s", diff)
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	m := &core.Entity{Spec: &core.EntitySpecV2{Name: "user", JoinKey: "user_id"}}
	later := []byte{0xfa, 0x3f, 3, 'n', 'e', 'w'} // field 1023, a string
	m.ProtoReflect().SetUnknown(later)
	m.Spec.ProtoReflect().SetUnknown(later)
	o, err := feastconv.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	o.(*asof.Entity).Description = "changed"
	got, err := (&feastconv.Encoder{Project: "p"}).Encode(o)
	if err != nil {
		t.Fatal(err)
	}
	e := got.(*core.Entity)
	if !slices.Equal(e.ProtoReflect().GetUnknown(), later) || !slices.Equal(e.Spec.ProtoReflect().GetUnknown(), later) {
		t.Errorf("the fields of a later version are lost: %v", e)
	}
	if e.Spec.Description != "changed" || e.Spec.Project != "p" {
		t.Errorf("the noun's change is lost: %v", e)
	}
}

func TestNounsOfFeastsRegistry(t *testing.T) {
	objects, _ := decodeAll(t, messagesOf(feastRegistry(t)))
	views := map[string]*asof.FeatureView{}
	for _, o := range objects {
		if v, ok := o.(*asof.FeatureView); ok {
			views[v.Name] = v
		}
	}
	if v := views["no_ttl"]; v.TTL != nil || v.Online {
		t.Errorf("no_ttl: ttl %v, online %v; want None, false", v.TTL, v.Online)
	}
	if v := views["nobody"]; v.TTL == nil || *v.TTL != 0 || v.Enabled || len(v.Entities) != 0 || len(v.EntityColumns) != 0 {
		t.Errorf("nobody: ttl %v, enabled %v, entities %v, columns %v; want 0, false, none, none",
			v.TTL, v.Enabled, v.Entities, v.EntityColumns)
	}
	if v := views["stream"]; v.Kind != asof.ViewStream || len(v.Features) != 1 || len(v.EntityColumns) != 1 ||
		len(v.Aggregations) != 2 || !v.Tiling {
		t.Errorf("stream: %+v", v)
	}
	if v := views["plain"]; len(v.Intervals) != 1 || v.State != 4 || !v.Validate || v.Source.CreatedField != "made" {
		t.Errorf("plain: intervals %v, state %d, validate %v, source %+v", v.Intervals, v.State, v.Validate, v.Source)
	}
	want := []string{
		"Bytes", "String", "Int32", "Int64", "Float32", "Float64", "Bool", "UnixTimestamp", "ZonedTimestamp", "Map", "ScalarMap",
		"Json", "Uuid", "TimeUuid", "Decimal", "Array(Float64)", "Array(String)", "Array(UnixTimestamp)", "Array(Map)",
		"Set(Int64)", "Set(Uuid)", "Array(Array(Int64))", "Set(Array(String))", "Array(Set(Array(Float32)))",
		`Struct({"zäh": String, "a": Array(Int64), "in": Struct({"x": Bool, "y": Set(Int32)})})`,
		`Array(Struct({"b": Float64, "a": Int32}))`, `Struct({"deep": Array(Array(Struct({"q": String})))})`, "Array(Float32)",
	}
	var got []string
	for _, f := range views["types"].Features {
		got = append(got, f.Type.String())
		if len(f.Tags) != 0 {
			t.Errorf("%s has tags %v that Feast keeps for itself", f.Name, f.Tags)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}
