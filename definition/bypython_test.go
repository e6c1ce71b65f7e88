package definition_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/storetest"
)

func byPython(t *testing.T, files map[string]string) (*definition.Result, error) {
	t.Helper()
	dir := repository(t, files)
	config, err := definition.LoadConfig(dir, filepath.Join(dir, "feature_store.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return definition.LoadByPython(t.Context(), config)
}

// TestByPython loads what Load refuses: a class with a method.
func TestByPython(t *testing.T) {
	t.Setenv(definition.PythonVariable, storetest.FeastPython(t))
	got, err := byPython(t, map[string]string{"f.py": head + `class Names:
    def view(self): return "fv"

print("loading")
fv = FeatureView(name=Names().view(), entities=[user], schema=[Field(name="x", dtype=Int64)], source=src)
svc = FeatureService(name="svc", features=["fv:x"])
`})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"project shop", "entity user", "data source src", "feature view fv", "feature service svc"}, named(got.Objects)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestByPythonFailures(t *testing.T) {
	t.Setenv(definition.PythonVariable, storetest.FeastPython(t))
	_, err := byPython(t, map[string]string{"f.py": head + "x = 1\ny = undefined_thing\n"})
	if want := "f.py:9: NameError: name 'undefined_thing' is not defined"; asof.ErrorCode(err) != asof.CodeInvalid || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	t.Setenv(definition.PythonVariable, "/nowhere/python3")
	if _, err = byPython(t, nil); err == nil || !strings.Contains(err.Error(), "/nowhere/python3, which --python needs, cannot be run") || !strings.Contains(err.Error(), definition.PythonVariable) {
		t.Errorf("got %v", err)
	}
}
