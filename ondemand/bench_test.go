package ondemand

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

func BenchmarkRun(b *testing.B) {
	for _, c := range []struct{ name, mode, text string }{
		{"columns", "pandas", "def f(df):\n    out = pd.DataFrame()\n    out['f'] = df['f'] * 2 + df['i'] / (df['k'] + 20)\n    return out\n"},
		{"lists", "python", "def f(d):\n    return {'f': [i / (k + 20.0) for i, k in zip(d['i'], d['k'])]}\n"},
		{"singly", "python", "def f(d):\n    return {'f': d['i'] / (d['k'] + 20.0)}\n"},
	} {
		view := requestView(c.text, c.mode, c.name == "singly", asof.Field{Name: "f", Type: asof.Scalar(asof.TypeFloat64)})
		view.Sources[0].Request.Schema = testSchema[:5]
		for _, n := range []int{1, 100, 100_000} {
			batch := randomRows(rand.New(rand.NewPCG(1, 1)), n)
			p, err := Compile(view, Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					out, err := p.Run(b.Context(), batch, memory.DefaultAllocator)
					if err != nil {
						b.Fatal(err)
					}
					out.Release()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
			})
			batch.Release()
		}
	}
}
