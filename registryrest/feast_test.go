package registryrest_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// runFile runs the script named by its first argument as Python would.
const runFile = `
import runpy, sys
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
`

// everything is a folder with a repository of Feast's that has one of each
// object, and a second project in its registry. The join key that Feast has
// written among the features of the stream view, which is none for us, is taken
// out.
func everything(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	storetest.RunPython(t, runFile, filepath.Join("..", "feastconv", "testdata", "repository.py"), dir)
	store := registryfile.Open(filepath.Join(dir, "registry.db"), nil)
	err := store.Change(t.Context(), []string{"everything"}, func(r *core.Registry, _ time.Time) error {
		spec := r.StreamFeatureViews[0].Spec
		spec.Features = slices.DeleteFunc(spec.Features, func(f *core.FeatureSpecV2) bool { return f.Name == "user_id" })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	server := registryapi.New(registryapi.Options{Store: store})
	defer server.Close()
	client, err := server.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Zebra", "ant", "user"} {
		_, err = client.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Project: "other", Commit: true,
			Entity: &core.Entity{Spec: &core.EntitySpecV2{Name: name, JoinKey: name, Tags: map[string]string{"k": "v"}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAnswersAreFeasts sends the same requests to Feast's own server and to
// ours, on copies of one registry. And Feast's SDK runs the definitions that
// ours shows.
func TestAnswersAreFeasts(t *testing.T) {
	dir := everything(t)
	ours := filepath.Join(t.TempDir(), "ours.db")
	text, err := os.ReadFile(filepath.Join(dir, "registry.db"))
	if err == nil {
		err = os.WriteFile(ours, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := serve(t, registryapi.Options{Store: registryfile.Open(ours, nil)})
	definitions := definitions(t, h)
	requests := slices.Concat(reads(), mistakes(), writes())
	told := storetest.RunPython(t, runFile, filepath.Join("testdata", "referee.py"), dir, written(t, requests), written(t, definitions))
	answers, defined, _ := strings.Cut(string(told), "\n")
	var theirs [][2]any
	if err := json.Unmarshal([]byte(answers), &theirs); err != nil {
		t.Fatal(err)
	}
	h = serve(t, registryapi.Options{Store: registryfile.Open(ours, nil)}) // nothing is visited yet
	for i, r := range requests {
		status, answer := ask(t, h, r.method, r.target, r.body)
		if want := int(theirs[i][0].(float64)); status != want {
			t.Errorf("%s %s: status %d, Feast's is %d\n%v\n%v", r.method, r.target, status, want, answer, theirs[i][1])
			continue
		}
		want := theirs[i][1]
		if r.edit != nil {
			r.edit(want, answer)
		}
		if diff := cmp.Diff(plain(want, ""), plain(answer, "")); diff != "" {
			t.Errorf("%s %s: Feast's -, ours +\n%s", r.method, r.target, diff)
		}
	}
	var names []string
	if err := json.Unmarshal([]byte(defined), &names); err != nil || len(names) != len(definitions) {
		t.Errorf("%d definitions make %d objects: %v %s", len(definitions), len(names), err, defined)
	}
}

// written is a file with v as JSON.
func written(t *testing.T, v any) (path string) {
	t.Helper()
	text, err := json.Marshal(v)
	path = filepath.Join(t.TempDir(), "asked.json")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// objects are those of the repository, in the order in which definitions can
// use one another.
var objects = []string{"/entities/user", "/entities/shop", "/data_sources/stats", "/data_sources/stats.parquet", "/data_sources/push", "/data_sources/label_push",
	"/data_sources/request", "/data_sources/kafka", "/data_sources/kinesis", "/data_sources/query", "/data_sources/public.t", "/data_sources/bigquery", "/data_sources/spark",
	"/feature_views/plain", "/feature_views/no_ttl", "/feature_views/nobody", "/feature_views/types", "/feature_views/batch", "/feature_views/chained", "/feature_views/stream",
	"/feature_views/pandas_mode", "/feature_views/python_mode", "/feature_views/labels", "/feature_services/service", "/feature_services/aliased",
	"/saved_datasets/dataset", "/features/plain/visits", "/features/types/f26"}

// definitions are what the server shows of the objects.
func definitions(t *testing.T, h http.Handler) (all []string) {
	t.Helper()
	for _, target := range objects {
		_, answer := ask(t, h, "GET", target+"?project=everything", nil)
		text, _ := answer.(map[string]any)["featureDefinition"].(string)
		if text == "" {
			t.Errorf("%s has no definition", target)
		}
		all = append(all, text)
	}
	return all
}
