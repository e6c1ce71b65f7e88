package registryapi_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// applied is what testdata/templates.py prints of one template and registry.
type applied struct {
	Plan  string            // after two applies
	Again []string          // objects that the second apply has changed
	Lists map[string]string // by kind
}

// TestFeastsTemplates applies templates of Feast by its own command line: to a
// registry file of Feast's, and to each of ours over the wire. What is listed
// and registered is the same, a second apply changes nothing, and the online
// tables are made; of a project that is deleted nothing is left.
func TestFeastsTemplates(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs.db")
	yaml := map[string]string{"theirs": fmt.Sprintf("registry: %s\nonline_store: {type: sqlite, path: data/online.db}", theirs)}
	stores, online := map[string]feastregistry.Store{}, map[string]*onlineCalls{}
	for name, place := range places(t) {
		online[name], stores[name] = &onlineCalls{}, storeAt(t, place)
		address := start(t, registryapi.Options{Store: stores[name], Online: online[name].update})
		store := "{type: remote, path: 'http://127.0.0.1:1'}"
		if name == "file" {
			store = "{type: sqlite, path: data/online2.db}" // with which the SDK plans what it applies
		}
		yaml[name] = "registry: {registry_type: remote, path: '" + address + "'}\nonline_store: " + store
	}
	text, err := json.Marshal(yaml)
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]map[string]applied // by registry and template
	printed := storetest.RunPython(t, runFile, filepath.Join("testdata", "templates.py"), dir, string(text), "local", "cassandra", "milvus", "minimal")
	if err := json.Unmarshal(printed, &said); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	want, err := registryfile.Open(theirs, nil).Message(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range stores {
		got, err := store.Message(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if left := feastregistry.Objects(got, "local"); len(left) != 0 {
			t.Errorf("%s: of the project that was deleted there is still %v", name, left)
		}
		for template, a := range said[name] {
			if template != "local" {
				compareProject(t, template, want, got)
			}
			if len(a.Again) != 0 || !strings.Contains(a.Plan, "No changes to registry") {
				t.Errorf("%s: a second apply of %s changes %q, and then the plan is\n%s", name, template, a.Again, a.Plan)
			}
			for kind, list := range said["theirs"][template].Lists {
				if diff := cmp.Diff(sortedWords(list), sortedWords(a.Lists[kind])); diff != "" {
					t.Errorf("%s: %s list of %s (-Feast's +ours):\n%s", name, kind, template, diff)
				}
			}
		}
		calls := strings.Join(online[name].calls, "\n")
		for _, call := range []string{"milvus +driver_hourly_stats_fresh +driver_hourly_stats", "local -driver_hourly_stats -driver_hourly_stats_fresh"} {
			if !slices.ContainsFunc(online[name].calls, func(c string) bool { return cmp.Equal(sortedWords(c), sortedWords(call)) }) {
				t.Errorf("%s: the online store was asked for\n%s, and not for %s", name, calls, call)
			}
		}
	}
}

func sortedWords(text string) []string {
	return slices.Sorted(slices.Values(strings.Fields(text)))
}
