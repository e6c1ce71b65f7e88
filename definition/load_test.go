package definition_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// load reads a repository with nothing on the PATH, so that no Python can run.
func load(t *testing.T, dir string) (*definition.Result, error) {
	t.Helper()
	config, err := definition.LoadConfig(dir, filepath.Join(dir, "feature_store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	return definition.Load(t.Context(), config)
}

// repository writes files, and a feature_store.yaml where there is none.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "feature_repo")
	if _, ok := files["feature_store.yaml"]; !ok {
		write(t, filepath.Join(dir, "feature_store.yaml"), "project: shop\nregistry: registry.db\n")
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func named(objects []asof.Object) []string {
	var names []string
	for _, o := range objects {
		names = append(names, string(o.ObjectKind())+" "+o.ObjectName())
	}
	return names
}

func TestStreamFlow(t *testing.T) {
	got, err := load(t, "testdata/streamflow")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"project streamflow", "entity user",
		"data source payments_agg_90d_source", "data source subs_profile_source", "data source support_agg_90d_source", "data source usage_agg_30d_source",
		"feature view payments_agg_90d_fv", "feature view subs_profile_fv", "feature view support_agg_90d_fv", "feature view usage_agg_30d_fv"}
	if diff := cmp.Diff(want, named(got.Objects)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]definition.Skipped{{File: "debug_online_features.py", Reason: "it opens a FeatureStore (line 3) and defines nothing"}}, got.Skipped); diff != "" {
		t.Errorf("skipped (-want +got)\n%s", diff)
	}
	if len(got.Warnings) > 0 {
		t.Errorf("warnings: %v", got.Warnings)
	}
	i := slices.IndexFunc(got.Objects, func(o asof.Object) bool { return o.ObjectName() == "subs_profile_fv" })
	view := got.Objects[i].(*asof.FeatureView)
	var fields []string
	for _, f := range view.Features {
		fields = append(fields, f.Name+" "+f.Type.String())
	}
	wantFields := []string{"months_active Int64", "monthly_fee Float32", "paperless_billing Bool", "plan_stream_tv Bool", "plan_stream_movies Bool", "net_service String"}
	if diff := cmp.Diff(wantFields, fields); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if view.TTL != nil || !view.Online || view.Tags["owner"] != "mlops-course" || view.Entities[0] != "user" || view.Source.TimestampField != "as_of" {
		t.Errorf("got %+v", view)
	}
	if view.Meta.Place != (asof.Place{File: "feature_views.py", Line: 12}) {
		t.Errorf("place %v", view.Meta.Place)
	}
}

func BenchmarkStreamFlow(b *testing.B) {
	config, err := definition.LoadConfig("testdata/streamflow", "testdata/streamflow/feature_store.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := definition.Load(b.Context(), config); err != nil {
			b.Fatal(err)
		}
	}
}

// inFeast has Feast load repositories, all in one process that imports it once,
// and returns what each defines, or its error.
func inFeast(t *testing.T, dirs []string) []string {
	t.Helper()
	work := t.TempDir()
	write(t, filepath.Join(work, "bypython.py"), definition.ByPython)
	storetest.RunPython(t, `
import os, runpy, sys, traceback
import feast.repo_operations, feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source
work = sys.argv[1]
for i, repository in enumerate(sys.argv[2:]):
    if os.fork() == 0:
        out = open(f"{work}/{i}", "w")
        sys.stdout, sys.argv = out, ["bypython.py", repository, "shop"]
        try:
            runpy.run_path(f"{work}/bypython.py", run_name="__main__")
        except BaseException:
            out.write("!" + traceback.format_exc())
        out.flush()
        os._exit(0)
    os.wait()
`, append([]string{work}, dirs...)...)
	var outputs []string
	for i := range dirs {
		text, err := os.ReadFile(filepath.Join(work, strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, string(text))
	}
	return outputs
}

// asFeast compares what Load reads from a repository with Feast's output.
func asFeast(t *testing.T, dir, output string) {
	t.Helper()
	if strings.HasPrefix(output, "!") {
		t.Fatalf("Feast does not load it: %s", output)
	}
	config, err := definition.LoadConfig(dir, filepath.Join(dir, "feature_store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := definition.ReadMessages(config, []byte(output))
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	byName := func(a, b asof.Object) bool {
		return string(a.ObjectKind())+a.ObjectName() < string(b.ObjectKind())+b.ObjectName()
	}
	// Feast runs a module again that is imported under two names.
	want.Objects = slices.CompactFunc(want.Objects, func(a, b asof.Object) bool {
		return a.ObjectKind() == asof.KindEntity && a.ObjectKind() == b.ObjectKind() && a.ObjectName() == b.ObjectName()
	})
	// Feast leaves the text of a function that is given by udf= out.
	for _, o := range slices.Concat(want.Objects, got.Objects) {
		if v, ok := o.(*asof.FeatureView); ok && v.Function != nil {
			v.Function.Text, v.Function.Mode = "", ""
		}
	}
	if diff := cmp.Diff(opaque(t, want.Objects), opaque(t, got.Objects), protocmp.Transform()); diff != "" {
		t.Errorf("(-Feast +Asof)\n%s", diff)
	}
	diff := cmp.Diff(want.Objects, got.Objects, cmpopts.SortSlices(byName), cmpopts.EquateEmpty(),
		cmpopts.IgnoreTypes(asof.Meta{}), cmpopts.IgnoreFields(asof.Function{}, "Body", "Imports"), cmpopts.IgnoreFields(asof.DataSource{}, "Class"))
	if diff != "" {
		t.Errorf("(-Feast +Asof)\n%s", diff)
	}
}

// opaque returns the messages of the objects that are kept as they are, without
// the times at which they were made.
func opaque(t *testing.T, objects []asof.Object) map[string]proto.Message {
	t.Helper()
	messages := map[string]proto.Message{}
	for _, o := range objects {
		kept, ok := o.(*asof.Opaque)
		if !ok {
			continue
		}
		var m proto.Message = &core.Permission{}
		if kept.Kind == asof.KindLabelView {
			m = &core.LabelView{}
		}
		if err := proto.Unmarshal(kept.Meta.Stored, m); err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *core.LabelView:
			m.Meta = nil
			for s := m.Spec.GetSource(); s != nil; s = s.BatchSource {
				s.Meta = nil
			}
		case *core.Permission:
			m.Meta = nil
		}
		messages[kept.Name] = m
	}
	return messages
}

// template copies a template of the installed Feast, with the placeholders
// filled as `feast init` fills them.
func template(t *testing.T, name string) string {
	t.Helper()
	python := storetest.FeastPython(t)
	found, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(python)), "lib", "python3*", "site-packages", "feast", "templates", name, "feature_repo"))
	if err != nil || len(found) != 1 {
		t.Fatal("no template", name, err)
	}
	dir := filepath.Join(t.TempDir(), "feature_repo")
	if err := os.CopyFS(dir, os.DirFS(found[0])); err != nil {
		t.Fatal(err)
	}
	placeholder := regexp.MustCompile(`%([A-Z_]+)%`)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if ext := filepath.Ext(file); ext != ".py" && ext != ".yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, placeholder.ReplaceAllStringFunc(string(text), func(p string) string {
			if p == "%PROJECT_NAME%" {
				return "my_project"
			}
			return "data/" + strings.ToLower(strings.Trim(p, "%")) + ".parquet"
		}))
	}
	return dir
}

// TestAsFeast compares what Load reads with what Feast loads: of Feast's own
// templates, whose files use no classes with methods, and of the repositories in
// testdata/variants, written as several people would write them.
func TestAsFeast(t *testing.T) {
	names := []string{"local", "minimal", "postgres", "aws", "cassandra", "couchbase", "gcp", "hazelcast", "hbase", "milvus", "pytorch_nlp", "rag", "ray", "snowflake", "spark", "athena"}
	required := 3 // the first ones; Feast cannot load all others without more packages
	var dirs []string
	for _, name := range names {
		dirs = append(dirs, template(t, name))
	}
	variants, err := filepath.Glob("testdata/variants/*.txtar")
	if err != nil || len(variants) < 30 {
		t.Fatal(len(variants), err)
	}
	for _, file := range variants {
		names = append(names, "variant_"+strings.TrimSuffix(filepath.Base(file), ".txtar"))
		dirs = append(dirs, unpack(t, file))
	}
	outputs := inFeast(t, dirs)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			if i >= required && i < len(names)-len(variants) && strings.Contains(outputs[i], "ModuleNotFoundError") {
				got, err := load(t, dirs[i])
				if err != nil || len(got.Objects) < 4 {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			asFeast(t, dirs[i], outputs[i])
		})
	}
}

// unpack writes the repository of a txtar file.
func unpack(t *testing.T, file string) string {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	return repository(t, files)
}
