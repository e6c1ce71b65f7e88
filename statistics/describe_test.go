package statistics_test

import (
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// described makes the profile of so many numbers, every tenth row NULL.
func described(t *testing.T, rows int, share float64) asof.Profile {
	t.Helper()
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range rows {
		if i%10 == 9 {
			b.AppendNull()
		} else {
			b.Append(float64(i % 1000))
		}
	}
	column := b.NewArray()
	defer column.Release()
	d := statistics.Describe("fee", asof.Scalar(asof.TypeFloat64), []float64{250, 500}, share)
	for i := range rows {
		d.Add(column, i)
	}
	return d.Profile()
}

// Of a sample, everything that needs no values in memory is that of all rows.
func TestDescribeSample(t *testing.T) {
	const rows = 200_000
	all, some := described(t, rows, 1), described(t, rows, 0.1)
	if all.Sampled != 0 || some.Sampled < rows/10-2000 || some.Sampled > rows/10+2000 || some.RankError != statistics.RankError(some.Sampled) {
		t.Errorf("sampled %d and %d rows, the rank error is %g", all.Sampled, some.Sampled, some.RankError)
	}
	if all.Nulls != rows/10 || some.Nulls != all.Nulls || *some.Min != *all.Min || *some.Max != *all.Max || !cmp.Equal(some.Bins, all.Bins) {
		t.Errorf("exact counts differ: %+v, %+v", all, some)
	}
	if math.Abs(*some.Mean-*all.Mean) > 1e-6 || math.Abs(*some.Stddev-*all.Stddev) > 1e-6 {
		t.Errorf("moments are %g ± %g, want %g ± %g", *some.Mean, *some.Stddev, *all.Mean, *all.Stddev)
	}
	for i, level := range asof.ProfileLevels {
		if off := math.Abs(some.Quantiles[i]-all.Quantiles[i]) / 1000; off > 2*some.RankError {
			t.Errorf("the quantile of %g is %g, of all rows %g", level, some.Quantiles[i], all.Quantiles[i])
		}
	}
}

// Texts outlive the columns that they came in.
func TestDescribeTexts(t *testing.T) {
	d := statistics.Describe("plan", asof.Scalar(asof.TypeString), nil, 1)
	buf := []byte("basicgold")
	column := array.NewStringData(array.NewData(arrow.BinaryTypes.String, 2, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes([]int32{0, 5, 9})), memory.NewBufferBytes(buf)}, nil, 0, 0))
	d.Add(column, 0)
	d.Add(column, 1)
	d.Add(column, 1)
	d.Null()
	copy(buf, "xxxxxxxxx")
	want := asof.Profile{Feature: "plan", Kind: asof.ProfileCategory, Rows: 4, Nulls: 1, Distinct: 2, Top: []asof.ValueCount{{Text: "gold", Count: 2}, {Text: "basic", Count: 1}}}
	if got := d.Profile(); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if empty := statistics.Describe("fee", asof.Scalar(asof.TypeFloat64), nil, 1).Profile(); empty.Rows != 0 || empty.Mean != nil || empty.Top != nil {
		t.Errorf("no rows: %+v", empty)
	}
}
