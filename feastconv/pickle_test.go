package feastconv_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastconv"
	"github.com/asof-dev/asof/storetest"
)

// loadFunctions reads the on-demand views in the files that its arguments
// name, the way older SDKs load the function (dill, the
// body) and the way 0.67 does (from_proto), calls the function, and writes it
// again as an SDK that applies the view would.
const loadFunctions = `
import json, pickle, sys
import dill, pandas as pd
from feast import OnDemandFeatureView
from feast.protos.feast.core.OnDemandFeatureView_pb2 import OnDemandFeatureView as Message

def call(mode, f):
    if mode == "pandas":
        return f(pd.DataFrame({"x": [1.5, 2.5]}))["y"].tolist()
    return f({"x": [1.5, 2.5]})["y"]

out = {}
for path in sys.argv[1:]:
    message = Message.FromString(open(path, "rb").read())
    mode, udf = message.spec.mode, message.spec.feature_transformation.user_defined_function
    f = dill.loads(udf.body)
    again = dill.loads(dill.dumps(f, recurse=True))
    view = OnDemandFeatureView.from_proto(message)
    out[message.spec.name] = {
        "name": f.__name__, "module": f.__module__, "body": call(mode, f), "pickle": call(mode, pickle.loads(udf.body)),
        "again": call(mode, again), "view": view.feature_transformation.udf.__name__,
        "text": OnDemandFeatureView.from_proto(Message.FromString(view.to_proto().SerializeToString())).feature_transformation.udf_string,
    }
print(json.dumps(out))
`

func TestFunctionBodiesLoadInPython(t *testing.T) {
	functions := []asof.Function{
		{Name: "plain", Mode: "pandas", Imports: "import pandas as pd\n", Text: `@on_demand_feature_view(
    sources=[stats, request],
    schema=[Field(name="y", dtype=Float64)],
)
def plain(inputs: pd.DataFrame) -> pd.DataFrame:
    """Doubles. It's "quoted" \ back."""
    df = pd.DataFrame()
    df["y"] = inputs["x"] * 2  # ä
    return df
`},
		{Name: "typed", Mode: "python",
			Imports: "from typing import Any, Dict\nfrom entities import user\nfrom math import floor as down\nimport os.path\n",
			Text: `@on_demand_feature_view(sources=[stats], schema=[], mode="python")
def typed(inputs: Dict[str, Any]) -> Dict[str, Any]:
    return {"y": [down(x) for x in inputs["x"]]}
`},
		{Name: "helped", Mode: "python",
			Imports: "from __future__ import annotations\nfrom math import *\nUNUSED = undefined_name\nSCALE = 10\n" +
				"def helper(x):\n    return ceil(x) * SCALE\n",
			Text: `    @on_demand_feature_view(sources=[stats], schema=[], mode="python")
    def helped(inputs: Missing) -> Missing:
        return {"y": [helper(x) for x in inputs["x"]]}
`},
	}
	dir := t.TempDir()
	var paths []string
	for _, f := range functions {
		view := &asof.OnDemandFeatureView{
			Name: f.Name, Mode: f.Mode, Function: &f, Enabled: true,
			Features: []asof.Field{{Name: "y", Type: asof.Scalar(asof.TypeFloat64)}},
			Sources: []asof.OnDemandSource{{Name: "request", Request: &asof.DataSource{
				Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeFloat64)}}}}},
		}
		m, err := (&feastconv.Encoder{Project: "p"}).Encode(view)
		if err != nil {
			t.Fatal(err)
		}
		again, err := feastconv.Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := again.(*asof.OnDemandFeatureView).Function.Imports; got != f.Imports {
			t.Errorf("%s: the imports came back as %q, want %q", f.Name, got, f.Imports)
		}
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}

	var got map[string]struct {
		Name, Module, View, Text string
		Body, Pickle, Again      []float64
	}
	if err := json.Unmarshal(storetest.RunPython(t, loadFunctions, paths...), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string][2]float64{"plain": {3, 5}, "typed": {1, 2}, "helped": {20, 30}}
	for _, f := range functions {
		g := got[f.Name]
		if g.Name != f.Name || g.View != f.Name || g.Module != "__main__" {
			t.Errorf("%s: loaded as %s of %s, in the view as %s", f.Name, g.Name, g.Module, g.View)
		}
		if g.Text != f.Text {
			t.Errorf("%s: the text came back as %q", f.Name, g.Text)
		}
		for way, values := range map[string][]float64{"dill": g.Body, "pickle": g.Pickle, "dumped again": g.Again} {
			if w := want[f.Name]; len(values) != 2 || values[0] != w[0] || values[1] != w[1] {
				t.Errorf("%s, %s: %v, want %v", f.Name, way, values, w)
			}
		}
	}
}
