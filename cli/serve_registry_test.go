package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/definition"
	"github.com/asof-dev/asof/memory"
)

// Of the functions that a client applies the log names the one that does not
// run, once the registry has changed.
func TestClientApplied(t *testing.T) {
	view := func(name, body string) *asof.OnDemandFeatureView {
		return &asof.OnDemandFeatureView{Name: name, Mode: "pandas", Enabled: true,
			Sources:  []asof.OnDemandSource{{Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeFloat64)}}}}},
			Features: []asof.Field{{Name: "y", Type: asof.Scalar(asof.TypeFloat64)}},
			Function: &asof.Function{Name: "f", Mode: "pandas", Text: "def f(inputs):\n    out = pd.DataFrame()\n    out['y'] = " + body + "\n    return out\n", Imports: "import pandas as pd"}}
	}
	put := []asof.Object{view("twice", "inputs['x'] * 2"), view("smooth", "inputs['x'].rolling(3).mean()")}
	registry := memory.NewRegistry(nil)
	if _, err := registry.Apply(t.Context(), "shop", asof.Change{Put: put}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	changes := 0
	(&repository{config: &definition.Config{}}).clientApplied(registry, func() { changes++ })(t.Context(), "shop", put)
	if got := log.String(); changes != 1 || strings.Count(got, "\n") != 1 || !strings.Contains(got, "smooth") || !strings.Contains(got, "rolling") {
		t.Errorf("%d changes, and the log says\n%s", changes, got)
	}
}
