package registryrest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

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

// request is one that both servers are sent.
type request struct {
	method, target string
	body           any
}

func (r request) MarshalJSON() ([]byte, error) { return json.Marshal([]any{r.method, r.target, r.body}) }

// everything is a folder with a repository of Feast's that has one of each
// object, and a second project in its registry.
func everything(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	storetest.RunPython(t, runFile, filepath.Join("..", "feastconv", "testdata", "repository.py"), dir)
	server := registryapi.New(registryapi.Options{Store: registryfile.Open(filepath.Join(dir, "registry.db"), nil)})
	defer server.Close()
	client, err := server.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Zebra", "ant", "user"} {
		_, err := client.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Project: "other", Commit: true,
			Entity: &core.Entity{Spec: &core.EntitySpecV2{Name: name, JoinKey: name, Tags: map[string]string{"k": "v"}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAnswersAreFeasts sends the same requests to Feast's own server and to
// ours, on copies of one registry.
func TestAnswersAreFeasts(t *testing.T) {
	dir := everything(t)
	ours := filepath.Join(t.TempDir(), "ours.db")
	copyFile(t, filepath.Join(dir, "registry.db"), ours)
	h := serve(t, registryapi.Options{Store: registryfile.Open(ours, nil)})
	requests := requests()
	text, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	asked := filepath.Join(t.TempDir(), "requests.json")
	if err := os.WriteFile(asked, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var theirs [][2]any
	if err := json.Unmarshal(storetest.RunPython(t, runFile, filepath.Join("testdata", "referee.py"), dir, asked), &theirs); err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		status, answer := ask(t, h, r.method, r.target, r.body)
		if want := int(theirs[i][0].(float64)); status != want {
			t.Errorf("%s %s: status %d, Feast's is %d\n%v\n%v", r.method, r.target, status, want, answer, theirs[i][1])
			continue
		}
		if diff := cmp.Diff(theirs[i][1], answer); diff != "" {
			t.Errorf("%s %s: Feast's -, ours +\n%s", r.method, r.target, diff)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func requests() []request {
	const in = "?project=everything"
	var all []request
	get := func(format string, args ...any) { all = append(all, request{"GET", fmt.Sprintf(format, args...), nil}) }
	for _, kind := range []string{"entities", "data_sources", "feature_views", "label_views", "features", "labels", "feature_services", "saved_datasets"} {
		get("/api/v1/%s%s&include_relationships=true", kind, in)
		get("/%s%s&limit=3&page=2&sort_by=name&sort_order=desc", kind, in)
		get("/%s?project=nowhere", kind)
		get("/%s/all", kind)
		get("/%s/all?limit=5&page=2&include_relationships=true", kind)
	}
	return all
}

var _ = context.Background
