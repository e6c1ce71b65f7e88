package registryapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/storetest"
)

// runFile runs the script named by its first argument as Python would.
const runFile = `
import runpy, sys
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
`

// TestEverything lets Feast's SDK apply a repository that has one of everything
// twice: into its own registry file, and into ours over the wire. What either
// holds is the same but for times and ids.
func TestEverything(t *testing.T) {
	address, registry := startFile(t)
	script := filepath.Join("..", "feastconv", "testdata", "repository.py")
	theirs, ours := t.TempDir(), t.TempDir()
	storetest.RunPython(t, runFile, script, theirs)
	storetest.RunPython(t, runFile, script, ours, "{registry_type: remote, path: '"+address+"'}")
	b, err := os.ReadFile(filepath.Join(theirs, "registry.db"))
	if err != nil {
		t.Fatal(err)
	}
	want := &core.Registry{}
	if err := proto.Unmarshal(b, want); err != nil {
		t.Fatal(err)
	}
	got, err := registry.Message(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	compareProject(t, "everything", want, got)
}

// compareProject holds the messages of a project in two registries against one
// another.
func compareProject(t *testing.T, project string, want, got *core.Registry) {
	t.Helper()
	objects := feastregistry.Objects(want, project)
	if len(objects) == 0 {
		t.Fatal("Feast has applied nothing")
	}
	index := feastregistry.NewIndex(got)
	for _, o := range objects {
		if o.Field == "project_metadata" { // an id that older versions gave
			continue
		}
		m := index.Object(project, o.Field, o.Name)
		if m == nil {
			t.Errorf("%s %q is missing", o.Field, o.Name)
		} else if diff := cmp.Diff(plain(o.Message), plain(m), protocmp.Transform()); diff != "" {
			t.Errorf("%s %q (-Feast's +ours):\n%s", o.Field, o.Name, diff)
		}
	}
	theirs := feastregistry.NewIndex(want)
	for _, o := range feastregistry.Objects(got, project) {
		if theirs.Object(project, o.Field, o.Name) == nil {
			t.Errorf("%s %q is in ours alone", o.Field, o.Name)
		}
	}
	versions := func(r *core.Registry) map[string]int {
		n := map[string]int{}
		for _, v := range r.GetFeatureViewVersionHistory().GetRecords() {
			n[v.FeatureViewType+" "+v.FeatureViewName]++
		}
		return n
	}
	if diff := cmp.Diff(versions(want), versions(got)); diff != "" {
		t.Errorf("versions (-Feast's +ours):\n%s", diff)
	}
}

// plain is a message without times, ids and pickles, which differ between any
// two applies; in it, absent is the same as empty.
func plain(m proto.Message) proto.Message {
	m = proto.Clone(m)
	strip(m.ProtoReflect())
	return m
}

func strip(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(f.Name())
		switch {
		case strings.HasSuffix(name, "_timestamp") && f.Message() != nil, name == "version_id", name == "body":
			m.Clear(f)
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { strip(v.Message()); return true })
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				strip(v.List().Get(i).Message())
			}
		case f.Message() != nil && !f.IsMap() && !f.IsList():
			strip(v.Message())
			if !hasAny(v.Message()) && f.Message().Name() != "Duration" {
				m.Clear(f)
			}
		}
		return true
	})
}

func hasAny(m protoreflect.Message) (any bool) {
	m.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool { any = true; return false })
	return any
}
