package registryapi_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

// runFile runs the script named by its first argument as Python would.
const runFile = `
import runpy, sys
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
`

// TestEverything lets Feast's SDK apply a repository that has one of everything
// twice: into its own registry, and into ours over the wire. What either holds
// is the same but for times and ids; and the SDK reads what ours wrote.
func TestEverything(t *testing.T) {
	script := filepath.Join("..", "feastconv", "testdata", "repository.py")
	theirs := filepath.Join(t.TempDir(), "theirs.db")
	storetest.RunPython(t, runFile, script, t.TempDir(), theirs)
	want, err := registryfile.Open(theirs, nil).Message(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, registry string // as feature_store.yaml has it, with the file for %s
		open           func(path string) feastregistry.Store
	}{
		{"file", "%s", func(path string) feastregistry.Store { return registryfile.Open(path, nil) }},
		{"SQLite", "{registry_type: sql, path: 'sqlite:///%s', cache_ttl_seconds: 0}", func(path string) feastregistry.Store {
			r := sqlite.OpenRegistry(path)
			t.Cleanup(func() { r.Close() })
			return r
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours := filepath.Join(t.TempDir(), "ours.db")
			store := c.open(ours)
			address := start(t, registryapi.Options{Store: store})
			storetest.RunPython(t, runFile, script, t.TempDir(), "{registry_type: remote, path: '"+address+"'}")
			got, err := store.Message(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			compareProject(t, "everything", want, got)
			listed := storetest.RunPython(t, besideUs, t.TempDir(), address, theirs, fmt.Sprintf(c.registry, ours))
			first, second, _ := strings.Cut(string(listed), "\n")
			if strings.Count(first, " ") < 20 || strings.TrimSpace(second) != first {
				t.Errorf("Feast lists of its own registry and of ours:\n%s", listed)
			}
			client, _ := dial(t, address)
			v, err := client.GetFeatureView(t.Context(), &pb.GetFeatureViewRequest{Project: "everything", Name: "plain"})
			if n := len(v.GetMeta().GetMaterializationIntervals()); err != nil || n != 1 {
				t.Errorf("spans that touch, recorded by Feast and by the server in turns, are %d (%v), and want to be 1", n, err)
			}
			if _, err := client.GetEntity(t.Context(), &pb.GetEntityRequest{Project: "everything", Name: "beside"}); err != nil {
				t.Errorf("what Feast has put beside us: %v", err)
			}
			_, err = client.GetEntity(t.Context(), &pb.GetEntityRequest{Project: "everything", Name: "shop"})
			wantCode(t, err, codes.NotFound, "EntityNotFoundException")
		})
	}
}

// besideUs lists the objects of registries with the SDK, each on a line. It
// changes the last one, records spans of a view in it and by the server in turns,
// and looks that there are never more than two in it, nor one missing.
const besideUs = `
import os, sys
from datetime import datetime, timedelta, timezone
from feast import Entity, FeatureStore, ValueType
from feast.infra.registry.remote import RemoteRegistry, RemoteRegistryConfig
for registry in sys.argv[3:]:
    with open(os.path.join(sys.argv[1], "feature_store.yaml"), "w") as file:
        file.write("project: everything\nprovider: local\nregistry: " + registry + "\nentity_key_serialization_version: 3\n")
    store = FeatureStore(repo_path=sys.argv[1])
    kinds = ["entities", "data_sources", "all_feature_views", "feature_services", "permissions", "saved_datasets"]
    names = [o.name for kind in kinds for o in getattr(store.registry, "list_" + kind)("everything")]
    versions = [v["version"] for v in store.list_feature_view_versions("plain")]
    print(*sorted(n.replace(" ", "_") for n in names if n not in ("beside", "shop")), *versions)
store.registry.apply_entity(Entity(name="beside", join_keys=["b"], value_type=ValueType.STRING), "everything")
store.registry.delete_entity("shop", "everything")
server = RemoteRegistry(RemoteRegistryConfig(path=sys.argv[2]), "everything", None)
begin = datetime(2024, 1, 31, tzinfo=timezone.utc)
# In a file Feast's processes write again what they have read long ago.
for i in range(10):
    for writer in [store.registry, server] if registry.startswith("{") else [server]:
        view = server.get_feature_view("plain", "everything")
        end = max(e for _, e in view.materialization_intervals)
        writer.apply_materialization(view, "everything", end, end + timedelta(hours=1))
        spans = server.get_feature_view("plain", "everything").materialization_intervals
        assert len(spans) <= 2 and min(spans)[0] == begin and max(e for _, e in spans) == end + timedelta(hours=1), spans
`

// TestVersionsAreFeasts pins versions of a view by the SDK in a registry of
// Feast's own and in ours, and sees the same.
func TestVersionsAreFeasts(t *testing.T) {
	address, registry := startFile(t)
	theirs := string(storetest.RunPython(t, pinVersions, t.TempDir(), "registry.db"))
	ours := string(storetest.RunPython(t, pinVersions, t.TempDir(), "{registry_type: remote, path: '"+address+"'}"))
	if diff := cmp.Diff(theirs, ours); diff != "" || !strings.Contains(theirs, "pinned v0 0 ['hours']") {
		t.Errorf("versions (-Feast's +ours):\n%s", diff)
	}
	m, err := registry.Message(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, v := range m.GetFeatureViewVersionHistory().GetRecords() {
		numbers = append(numbers, fmt.Sprint(v.VersionNumber))
	}
	if got := strings.Join(numbers, " "); got != "0 1 7 8" {
		t.Errorf("versions that are kept: %s", got)
	}
}

const pinVersions = `
import os, sys
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float32, Int64
with open(os.path.join(sys.argv[1], "feature_store.yaml"), "w") as file:
    file.write("project: versions\nprovider: local\nregistry: " + sys.argv[2] + "\nentity_key_serialization_version: 3\n")
registry = FeatureStore(repo_path=sys.argv[1]).registry
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
registry.apply_entity(user, "versions")
source = FileSource(name="stats", path="stats.parquet", timestamp_field="at")

def apply(step, fields, **options):
    view = FeatureView(name="v", entities=[user], source=source, schema=[Field(name=f, dtype=Float32) for f in fields], **options)
    try:
        registry.apply_feature_view(view, "versions")
    except Exception as error:
        print(step, type(error).__name__)
    v = registry.get_feature_view("v", "versions")
    print(step, v.version, v.to_proto().meta.current_version_number, sorted(f.name for f in v.features))

apply("first", ["hours"])
apply("second", ["hours", "visits"])
apply("pinned", ["hours", "visits"], version="v0")
apply("conflict", ["hours", "other"], version="v1")
apply("declared", ["hours", "late"], version="v7")
apply("third", ["hours", "late", "later"])
`

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
		} else if diff := cmp.Diff(plain(o.Message), plain(m), protocmp.Transform(), asASet); diff != "" {
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
			if v.ProjectId == project {
				n[v.FeatureViewType+" "+v.FeatureViewName]++
			}
		}
		return n
	}
	if diff := cmp.Diff(versions(want), versions(got)); diff != "" {
		t.Errorf("versions (-Feast's +ours):\n%s", diff)
	}
}

// asASet are the features of a stream feature view, which Feast takes from a
// Python set: their order differs from one process to the next.
var asASet = protocmp.SortRepeatedFields(&core.StreamFeatureViewSpec{}, "features")

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
