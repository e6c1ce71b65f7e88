package value_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// printed is what AppendFloat has to give, by strconv alone.
func printed(v float64, size int) string {
	if abs := math.Abs(v); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, size)
	}
	text := strconv.FormatFloat(v, 'f', -1, size)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func checkFloat(t *testing.T, v float64) {
	t.Helper()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	for _, size := range []int{64, 32} {
		if size == 32 {
			if v = float64(float32(v)); math.IsInf(v, 0) {
				return
			}
			checkSize(t, v, 64) // a float32 as a double
		}
		checkSize(t, v, size)
	}
}

func checkSize(t *testing.T, v float64, size int) {
	t.Helper()
	if got, want := string(value.AppendFloat(nil, v, size)), printed(v, size); got != want {
		t.Fatalf("%x of %d bits is printed %s, want %s", v, size, got, want)
	}
}

// TestFloatsPrintAsStrconvDoes goes along the edges of what is printed by
// another way than strconv's, and through random floats, decimals and middles
// between decimals.
func TestFloatsPrintAsStrconvDoes(t *testing.T) {
	edges := []float64{0, math.Copysign(0, -1), 1, 0.1, 0.3, 9.5, 1e-4, 1e16, 5e-324, math.MaxFloat64, math.SmallestNonzeroFloat64, 1<<53 - 1, 1<<53 + 2}
	for e := -70; e < 70; e++ {
		edges = append(edges, math.Ldexp(1, e), math.Ldexp(1.5, e), math.Ldexp(1+1.0/(1<<23), e), math.Pow10(e/3), 9*math.Pow10(e/3))
	}
	var all []float64
	check := func(v float64) {
		checkFloat(t, v)
		all = append(all, v)
	}
	for _, v := range edges {
		for _, v := range []float64{v, math.Nextafter(v, 0), math.Nextafter(v, math.Inf(1)), v + 0.5, v + 0.25} {
			check(v)
			check(-v)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		check(math.Float64frombits(random.Uint64()))
		check(random.NormFloat64() * math.Pow10(random.IntN(20)-3))
		scale := math.Pow10(random.IntN(18))
		check(float64(random.Int64N(1e15)) / scale)
		check(math.Ldexp(float64(random.Int64N(1<<53)), -random.IntN(70)))
		check(math.Round(random.NormFloat64() * math.Pow10(random.IntN(9))))
	}
	checkColumns(t, all)
}

// checkColumns prints floats side by side, as doubles and rounded to float32.
func checkColumns(t *testing.T, all []float64) {
	t.Helper()
	columns := [2]struct {
		buf   []byte
		spans []asof.Span
		want  []byte
	}{}
	var at []int32
	for i, v := range all {
		at = append(at, int32(i))
		for n := range columns {
			c := &columns[n]
			start := len(c.buf)
			if n == 0 {
				c.buf = binary.LittleEndian.AppendUint64(append(c.buf, byte(asof.TypeFloat64)<<3|1), math.Float64bits(v))
			} else {
				c.buf = value.AppendFloat32(c.buf, float32(v))
			}
			c.spans = append(c.spans, asof.Span{Start: int32(start), End: int32(len(c.buf))})
			c.want = append(value.AppendJSON(c.want, c.buf[start:], value.Served), ',')
		}
	}
	for _, c := range columns {
		if got, _ := value.AppendColumn(nil, c.buf, c.spans, at, value.Served); string(got) != string(c.want) {
			t.Error(firstDifference(string(got), string(c.want)))
		}
	}
}

func FuzzFloat(f *testing.F) {
	f.Add(uint64(0x4033333333333333))
	f.Fuzz(func(t *testing.T, word uint64) { checkFloat(t, math.Float64frombits(word)) })
}

func BenchmarkFloat(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	cases := map[string]func() float64{
		"double":  func() float64 { return random.Float64() * 1000 },
		"float32": func() float64 { return float64(float32(18 + random.Float64()*100)) },
		"cents":   func() float64 { return float64(random.IntN(10000)) / 100 },
		"whole":   func() float64 { return float64(random.IntN(10000)) },
	}
	for name, next := range cases {
		var all [1 << 16]float64 // more than a processor learns by heart
		for i := range all {
			all[i] = next()
		}
		var out []byte
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				out = value.AppendFloat(out[:0], all[i%len(all)], 64)
			}
		})
		b.Run("strconv-"+name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				out = strconv.AppendFloat(out[:0], all[i%len(all)], 'f', -1, 64)
			}
		})
	}
}
