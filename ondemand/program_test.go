package ondemand

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func float64s(name string) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(asof.TypeFloat64)}
}

func compiled(t *testing.T, v *asof.OnDemandFeatureView, w *Workers) *Program {
	t.Helper()
	p, err := Compile(v, Options{Workers: w})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHowAFunctionRuns(t *testing.T) {
	for _, c := range []struct {
		mode, text string
		how        How
		reason     string
	}{
		{"pandas", "def f(df):\n    return df[['f']]\n", Columns, ""},
		{"pandas", "@on_demand_feature_view(\n    sources=[view],\n    schema=[Field(name='(x', dtype=Float64)],\n)\ndef f(df: pd.DataFrame) -> pd.DataFrame:\n    df['f'] = df['f'] + 1\n    return df\n", Columns, ""},
		{"pandas", "def f(df):\n    df['f'] = df['f'].apply(lambda x: x + 1)\n    return df\n", Rows, ""},
		{"python", "def f(d):\n    return {'f': d['f']}\n", Rows, ""},
		{"pandas", "def f(df):\n    df['f'] = df['f'].rolling(3)\n    return df\n", Nowhere, `on-demand feature view "v": line 2 of the function (df['f'] = df['f'].rolling(3)): .rolling() of a column takes other rows into account, which asof cannot run`},
		{"pandas", "def f(df):\n    df['f'] = df['f'] / df['f'].max()\n    return df\n", Nowhere, "line 2 of the function"},
		{"pandas", "def f(df):\n\n    import sklearn\n    df['f'] = sklearn.scale(df['f'])\n    return df\n", Nowhere, "line 4 of the function (df['f'] = sklearn.scale(df['f'])): calls sklearn.scale"},
		{"pandas", "def f(df):\n    if df['f'] > 0:\n        return df\n    return df\n", Nowhere, "a whole column is taken for true or false"},
		{"pandas", "def f(df):\n    return df[df['f'] > 0]\n", Nowhere, "rows are chosen"},
		{"python", "def f(d):\n    try:\n        return {'f': d['f']}\n    except ValueError:\n        return {'f': []}\n", Nowhere, "line 2 of the function"},
		{"pandas", "def f(df):\n    df['f'] = df['f'] / max(df['f'])\n    return df\n", Nowhere, "max() of a column takes other rows into account"},
		{"pandas", "def f(df):\n    df['f'] = [max(x, y) for x, y in zip(df['i'], df['k'])]\n    return df\n", Rows, ""},
		{"python", "def f(d):\n    yield d\n", Nowhere, "yield"},
		{"python", "def f(d:\n", Nowhere, "not valid Python"},
	} {
		p := compiled(t, requestView(c.text, c.mode, false, float64s("f")), nil)
		reason := ""
		if p.Reason() != nil {
			reason = p.Reason().Error()
		}
		if p.How() != c.how || !strings.Contains(reason, c.reason) || c.reason == "" && reason != "" {
			t.Errorf("%s\nruns %s, want %s: %s", c.text, p.How(), c.how, reason)
		}
	}
}

func TestRunGivesDeclaredTypes(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	batch := randomRows(rand.New(rand.NewPCG(1, 1)), batchRows+100)
	defer batch.Release()
	text := "def f(df):\n    return pd.DataFrame({'n': RATE * df['i'], 'single': df['h'] / 3, 'list': [[1.5, x] for x in df['i']], 'at': df['t']})\n"
	v := requestView(text, "pandas", false, asof.Field{Name: "n", Type: asof.Scalar(asof.TypeInt32)}, asof.Field{Name: "single", Type: asof.Scalar(asof.TypeFloat32)},
		asof.Field{Name: "list", Type: asof.Scalar(asof.TypeFloat64List)}, asof.Field{Name: "at", Type: asof.Scalar(asof.TypeUnixTimestamp)})
	v.Function.Imports = "import math\nRATE = 3\n"
	p := compiled(t, v, nil)
	out, err := p.Run(t.Context(), batch, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Release()
	i, h := batch.Column(0).(*array.Int64), batch.Column(6).(*array.Float64)
	last := int(batch.NumRows() - 1)
	if out.NumRows() != batch.NumRows() || out.Column(0).(*array.Int32).Value(last) != 3*int32(i.Value(last)) ||
		out.Column(1).(*array.Float32).Value(last) != float32(h.Value(last)/3) {
		t.Errorf("last row: %v, %v", out.Column(0).ValueStr(last), out.Column(1).ValueStr(last))
	}
	if got, want := out.Column(3).ValueStr(5), batch.Column(10).ValueStr(5); got != want {
		t.Errorf("time %s, want %s", got, want)
	}
}

func TestRunRefuses(t *testing.T) {
	batch := randomRows(rand.New(rand.NewPCG(1, 1)), 5)
	defer batch.Release()
	whole := asof.Field{Name: "f", Type: asof.Scalar(asof.TypeInt32)}
	for _, c := range []struct{ mode, text, want string }{
		{"pandas", "def f(df):\n    return df[['h']]\n", `does not give its feature "f"`},
		{"pandas", "def f(df):\n    return df[['h']].rename(columns={'h': 'f'}) if len(df) > 1 else df.fillna(1.0)\n", `feature "f" of on-demand feature view "v": `},
		{"pandas", "def f(df):\n    return df['nn']\n", `line 2 of the function (return df['nn']): there is no column "nn"`},
		{"pandas", "def f(df):\n    return 3\n", "returns int, not a data frame"},
		{"python", "def f(d):\n    while True:\n        pass\n", "takes too long"},
		{"python", "def f(d):\n    return {'f': [1]}\n", "1 values of \"f\" for 5 rows"},
		{"python", "def f(d):\n    global seen\n    seen = 1\n    return {'f': d['i']}\n", "changes \"seen\""},
		{"python", "def f(d):\n    return {'f': [x + 1 for x in d['s']]}\n", "line 2 of the function"},
		{"python", "def f(d):\n    x = [0]\n    for i in range(100):\n        x = x + x\n    return {'f': x}\n", "too long"},
		{"pandas", "def f(df):\n    for i in range(100):\n        df['s'] = df['s'].fillna('x') + df['s'].fillna('x')\n    return df\n", "the texts of a column would be too long"},
		{"python", "def f(d):\n    return open('/etc/passwd').read()\n", "line 2 of the function"},
	} {
		p := compiled(t, requestView(c.text, c.mode, false, whole), nil)
		_, err := p.Run(t.Context(), batch, memory.DefaultAllocator)
		if err == nil || !strings.Contains(err.Error(), c.want) || asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%s\ngives %v (%s), want %s", c.text, err, asof.ErrorCode(err), c.want)
		}
	}
	for _, v := range []*asof.OnDemandFeatureView{
		{Name: "v", Mode: "pandas"}, {Name: "v", Mode: "substrait", Function: &asof.Function{Mode: "substrait"}},
		{Name: "v", Mode: "pandas", Function: &asof.Function{Body: []byte("\x80\x02")}},
	} {
		if _, err := Compile(v, Options{}); asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%+v compiles: %v", v, err)
		}
	}
}

// A join key whose type nothing declares is there as text.
func TestKeysWithoutAType(t *testing.T) {
	v := requestView("def f(df):\n    df['f'] = df['id'].str.len() * 1.0\n    return df\n", "pandas", false, float64s("f"))
	p, err := Compile(v, Options{Keys: []asof.Field{{Name: "id"}}})
	if err != nil || p.How() != Columns || p.Reason() != nil {
		t.Errorf("%v, %s, %v", err, p.How(), p.Reason())
	}
	if last := p.Inputs()[len(p.Inputs())-1]; !last.Key || !last.Type.Equal(asof.Scalar(asof.TypeString)) {
		t.Errorf("key %+v", last)
	}
}

// TestManyRunAtOnce is for the race detector.
func TestManyRunAtOnce(t *testing.T) {
	p := compiled(t, requestView("def f(df):\n    return pd.DataFrame({'f': df['h'] * 2})\n", "pandas", false, float64s("f")), nil)
	done := make(chan error)
	for n := range 8 {
		go func() {
			batch := randomRows(rand.New(rand.NewPCG(1, uint64(n))), n+1)
			defer batch.Release()
			out, err := p.Run(context.Background(), batch, memory.DefaultAllocator)
			if err == nil {
				for i := range n + 1 {
					if out.Column(0).(*array.Float64).Value(i) != 2*batch.Column(6).(*array.Float64).Value(i) {
						err = errors.New("rows of another call")
					}
				}
				out.Release()
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestWorkers(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	w := NewWorkers(storetest.FeastPython(t), 2)
	defer func() { _ = w.Close() }() // it has no errors
	batch := randomRows(rand.New(rand.NewPCG(1, 1)), 50)
	defer batch.Release()
	run := func(mode, text string) (arrow.RecordBatch, error) {
		p := compiled(t, requestView(text, mode, strings.Contains(text, "singly"), float64s("f")), w)
		if p.How() != Worker {
			t.Fatalf("%s runs %s", text, p.How())
		}
		return p.Run(t.Context(), batch, mem)
	}
	for _, c := range []struct{ mode, text string }{
		{"pandas", "def f(df):\n    print('noise')\n    return pd.DataFrame({'f': df['h'] / df['h'].max() * df['h'].max()})\n"},
		{"python", "def f(d):\n    try:\n        return {'f': d['h']}\n    except ValueError:\n        return {}\n"},
		{"python", "def f(d):\n    # singly\n    try:\n        return {'f': d['h']}\n    except ValueError:\n        return {}\n"},
	} {
		out, err := run(c.mode, c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, want := out.Column(0).(*array.Float64), batch.Column(6).(*array.Float64)
		for i := range 50 {
			if d := got.Value(i) - want.Value(i); d > 1e-12 || d < -1e-12 {
				t.Errorf("row %d: %v, want %v", i, got.Value(i), want.Value(i))
			}
		}
		out.Release()
	}
	_, err := run("pandas", "def f(df):\n    x = df['h'].max()\n    raise KeyError('lost')\n")
	if err == nil || !strings.Contains(err.Error(), "line 3 of the function: KeyError: 'lost'") || asof.ErrorCode(err) != asof.CodeInvalid {
		t.Error(err)
	}
	if _, err = run("pandas", "def f(df):\n    df['h'].max()\n    import os\n    os._exit(3)\n"); asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("a process that ends: %v", err)
	}
	w.timeout = 2 * time.Second
	began := time.Now()
	_, err = run("pandas", "def f(df):\n    df['h'].max()\n    while True: pass\n")
	if err == nil || !strings.Contains(err.Error(), "took longer than 2s") || time.Since(began) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if _, err := NewWorkers("/nowhere/python3", 1).run(t.Context(), requestView("def f(d):\n    pass\n", "python", false), batch, mem); asof.ErrorCode(err) != asof.CodeUnavailable {
		t.Errorf("no interpreter: %v", err)
	}
}
