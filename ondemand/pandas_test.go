package ondemand

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.starlark.net/starlark"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/python"
	"github.com/asof-dev/asof/storetest"
)

// underPandas runs every function of a file over the rows of an Arrow stream
// and prints, as JSON, what each gives: a text for each value, its type first.
const underPandas = `
import json, math, sys, datetime
import numpy as np, pandas as pd, pyarrow as pa

def text(x):
    if x is None or x is pd.NaT or x is pd.NA: return "n"
    if isinstance(x, (bool, np.bool_)): return "b:%d" % x
    if isinstance(x, (int, np.integer)): return "i:%d" % x
    if isinstance(x, (float, np.floating)): return "n" if math.isnan(x) else "f:" + float(x).hex()
    if isinstance(x, pd.Timestamp): return "t:%d" % (x.value // 1000)
    if isinstance(x, pd.Timedelta): return "d:%d" % (x.value // 1000)
    if isinstance(x, datetime.timedelta): return "d:%d" % (x // datetime.timedelta(microseconds=1))
    return "s:" + x

names = json.loads(sys.argv[3])
scope = {"pd": pd, "np": np}
exec(open(sys.argv[1]).read(), scope)
answers = {}
np.seterr(all="ignore")
for name in names:
    table = pa.ipc.open_stream(open(sys.argv[2], "rb")).read_all()
    out = scope[name](table.to_pandas())
    answers[name] = {c: [text(x) for x in out[c]] for c in out.columns}
print(json.dumps(answers))
`

// corpus returns the functions of a file by name.
func corpus(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]string{}
	for _, f := range strings.Split(string(text), "\n\n\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(f, "def "), "(")
		functions[name] = f
	}
	return functions
}

var testSchema = []asof.Field{
	{Name: "i", Type: asof.Scalar(asof.TypeInt64)}, {Name: "k", Type: asof.Scalar(asof.TypeInt64)}, {Name: "j", Type: asof.Scalar(asof.TypeInt64)},
	{Name: "big", Type: asof.Scalar(asof.TypeInt64)}, {Name: "f", Type: asof.Scalar(asof.TypeFloat64)}, {Name: "g", Type: asof.Scalar(asof.TypeFloat64)},
	{Name: "h", Type: asof.Scalar(asof.TypeFloat64)}, {Name: "b", Type: asof.Scalar(asof.TypeBool)}, {Name: "c", Type: asof.Scalar(asof.TypeBool)},
	{Name: "s", Type: asof.Scalar(asof.TypeString)}, {Name: "t", Type: asof.Scalar(asof.TypeUnixTimestamp)}, {Name: "w", Type: asof.Scalar(asof.TypeUnixTimestamp)},
}

var (
	someFloats = []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -2.5, 1.005, 2.675, 1e300, -1e300, 5e-324, math.Inf(1), math.Inf(-1), math.MaxFloat64, 3, 1e16}
	someBigs   = []int64{math.MaxInt64, math.MinInt64, 1<<53 + 1, -(1<<53 + 1), 0, 1, -1, math.MaxInt32 + 1}
	someTexts  = []string{"", "abc", "ABC", "é", "İstanbul", "ΑΣ", "straße", "  padded\t", "12", "-7", "²", "日本語", "aab", "b", "a\u2003", "x.y", "\x1cq"}
)

// randomRows are rows of testSchema. Column j, f, g, s, t and w have nulls.
func randomRows(r *rand.Rand, n int) arrow.RecordBatch {
	var fields []arrow.Field
	var columns []arrow.Array
	for _, f := range testSchema {
		b := array.NewBuilder(memory.DefaultAllocator, f.Type.Arrow())
		for range n {
			if strings.Contains("jfgstw", f.Name) && r.IntN(5) == 0 {
				b.AppendNull()
				continue
			}
			switch b := b.(type) {
			case *array.Int64Builder:
				if f.Name == "big" {
					b.Append(someBigs[r.IntN(len(someBigs))])
				} else {
					b.Append(r.Int64N(21) - 10)
				}
			case *array.Float64Builder:
				switch {
				case f.Name == "h":
					b.Append(r.Float64()*100 + 0.01)
				case r.IntN(3) == 0:
					b.Append(r.NormFloat64() * 3)
				default:
					b.Append(someFloats[r.IntN(len(someFloats))])
				}
			case *array.BooleanBuilder:
				b.Append(r.IntN(2) == 0)
			case *array.StringBuilder:
				b.Append(someTexts[r.IntN(len(someTexts))])
			case *array.TimestampBuilder:
				b.Append(arrow.Timestamp(r.Int64N(4e15) - 1e15))
			}
		}
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
		columns = append(columns, b.NewArray())
		b.Release()
	}
	defer releaseAll(columns)
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(n))
}

func requestView(text, mode string, singleton bool, features ...asof.Field) *asof.OnDemandFeatureView {
	name, _, _ := strings.Cut(text[strings.Index(text, "def ")+4:], "(")
	return &asof.OnDemandFeatureView{Name: "v", Mode: mode, Singleton: singleton, Features: features,
		Function: &asof.Function{Name: name, Text: text, Mode: mode},
		Sources:  []asof.OnDemandSource{{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: testSchema}}}}
}

func (v *vector) token(i int) string {
	if v.isNull(i) {
		return "n"
	}
	switch x := v.value(i).(type) {
	case starlark.Bool:
		if x {
			return "b:1"
		}
		return "b:0"
	case starlark.Int:
		return "i:" + x.String()
	case starlark.Float:
		return "f:" + strconv.FormatFloat(float64(x), 'x', -1, 64)
	case starlark.String:
		return "s:" + string(x)
	case python.Datetime:
		return fmt.Sprintf("t:%d", x.Time.UnixMicro())
	case python.Timedelta:
		return fmt.Sprintf("d:%d", microseconds(x))
	}
	return v.value(i).String()
}

// same compares a value with pandas': bit by bit, but that pandas has floats
// where a whole column of integers has a null. A column whose name begins with
// near may differ in the last digits.
func same(column string, v *vector, i int, want string) bool {
	got := v.token(i)
	if strings.HasPrefix(want, "f:") {
		w, _ := strconv.ParseFloat(want[2:], 64)
		switch {
		case strings.HasPrefix(got, "i:"):
			return v.ints[i] == int64(w) && float64(v.ints[i]) == w
		case strings.HasPrefix(got, "b:"):
			return want == map[string]string{"b:1": "f:0x1.0000000000000p+0", "b:0": "f:0x0.0p+0"}[got]
		case !strings.HasPrefix(got, "f:"):
			return false
		case strings.HasPrefix(column, "near_") && !math.IsInf(w, 0) && w != 0:
			return math.Abs(v.floats[i]-w) <= 4*(math.Nextafter(math.Abs(w), math.Inf(1))-math.Abs(w))
		}
		return math.Float64bits(v.floats[i]) == math.Float64bits(w)
	}
	if strings.HasPrefix(want, "i:") && strings.HasPrefix(got, "f:") { // a whole number among floats
		return want == fmt.Sprintf("i:%.0f", v.floats[i])
	}
	return got == want
}

func TestColumnsAreComputedAsPandasDoes(t *testing.T) {
	path := filepath.Join("testdata", "pandas.py")
	functions := corpus(t, path)
	names, _ := json.Marshal(namesOf(functions))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, n := range []int{3000, 0} {
		batch := randomRows(rand.New(rand.NewPCG(seed, 1)), n)
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
		if err := json.Unmarshal(storetest.RunPython(t, underPandas, path, file, string(names)), &answers); err != nil {
			t.Fatal(err)
		}
		for _, name := range namesOf(functions) {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) { compareWithPandas(t, functions[name], batch, answers[name]) })
		}
	}
}

func compareWithPandas(t *testing.T, text string, batch arrow.RecordBatch, want map[string][]string) {
	p, err := Compile(requestView(text, "pandas", false), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.How() == Nowhere {
		t.Fatal(p.Reason())
	}
	got := vectorsOf(t, p, batch)
	if len(got) != len(want) {
		t.Errorf("columns %v, want %d", namesOf(got), len(want))
	}
	for column, values := range want {
		v := got[column]
		if v == nil || v.n != len(values) {
			t.Errorf("column %s: %+v, want %d values", column, v, len(values))
			continue
		}
		for i, w := range values {
			if !same(column, v, i, w) {
				t.Errorf("column %s, row %d: %s, pandas has %s", column, i, v.token(i), w)
				break
			}
		}
	}
	// Each row by itself has the same answer.
	for i := range min(batch.NumRows(), 60) {
		row := batch.NewSlice(i, i+1)
		for column, v := range vectorsOf(t, p, row) {
			if one, all := v.token(0), got[column].token(int(i)); one != all && !(one[0] == 'i' && same(column, v, 0, all)) {
				t.Errorf("column %s, row %d: %s alone, %s among others", column, i, one, all)
			}
		}
		row.Release()
	}
}

func vectorsOf(t *testing.T, p *Program, batch arrow.RecordBatch) map[string]*vector {
	t.Helper()
	i, err := p.instance()
	if err != nil {
		t.Fatal(err)
	}
	got, err := i.run(t.Context(), p, batch)
	if err != nil {
		t.Fatal(p.explain(err))
	}
	p.pool.Put(i)
	return got
}
