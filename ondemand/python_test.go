package ondemand

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof/storetest"
)

// underPython runs functions of python mode, whose name is one for each row by
// itself, as Python does.
const underPython = `
import json, sys
import pyarrow as pa

def text(x):
    if x is None: return "n"
    if isinstance(x, bool): return "b:%d" % x
    if isinstance(x, int): return "i:%d" % x
    if isinstance(x, float): return "n" if x != x else "f:" + x.hex()
    return "s:" + x

scope = {}
exec(open(sys.argv[1]).read(), scope)
given = pa.ipc.open_stream(open(sys.argv[2], "rb")).read_all().to_pydict()
answers = {}
for name in json.loads(sys.argv[3]):
    f = scope[name]
    if name == "one":
        rows = [f(dict(zip(given, row))) for row in zip(*given.values())]
        out = {c: [r[c] for r in rows] for c in rows[0]}
    else:
        out = f(given)
    answers[name] = {c: [text(x) for x in values] for c, values in out.items()}
print(json.dumps(answers))
`

func TestRowsAreComputedAsPythonDoes(t *testing.T) {
	path := filepath.Join("testdata", "python.py")
	functions := corpus(t, path)
	names, _ := json.Marshal(namesOf(functions))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	batch := randomRows(rand.New(rand.NewPCG(seed, 1)), 500)
	defer batch.Release()
	batch.Retain() // streamed lets go of it
	stream, err := streamed(batch)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rows.arrow")
	if err := os.WriteFile(file, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	var answers map[string]map[string][]string
	if err := json.Unmarshal(storetest.RunPython(t, underPython, path, file, string(names)), &answers); err != nil {
		t.Fatal(err)
	}
	for name, text := range functions {
		t.Run(name, func(t *testing.T) {
			p, err := Compile(requestView(text, "python", name == "one"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if p.How() != Rows || p.Reason() != nil {
				t.Fatal(p.How(), p.Reason())
			}
			got := vectorsOf(t, p, batch)
			for column, values := range answers[name] {
				for i, w := range values {
					if v := got[column]; v == nil || !same(column, v, i, w) {
						t.Errorf("column %s, row %d: %s, Python has %s", column, i, v.token(i), w)
						break
					}
				}
			}
		})
	}
}
