package storetest

import (
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// OnlineBenchmark measures an asof.OnlineStore: writing 300,000 rows of six
// features into an empty view, writing them again, and reading 1, 100 and
// 1,000 keys of two views among them.
func OnlineBenchmark(b *testing.B, open func(b *testing.B) asof.OnlineStore) {
	const rows = 300_000
	views := []*asof.FeatureView{}
	for i := range 2 {
		views = append(views, userView(fmt.Sprint("v", i), feature("a", asof.TypeInt64), feature("b", asof.TypeFloat32), feature("c", asof.TypeBool),
			feature("d", asof.TypeString), feature("e", asof.TypeFloat64), feature("f", asof.TypeInt64)))
	}
	data := benchmarkRows(rows)
	defer data.Release()
	write := func(b *testing.B, store asof.OnlineStore, v *asof.FeatureView) {
		if n, err := store.Write(b.Context(), project, v, data); err != nil || n != rows {
			b.Fatalf("%d rows written: %v", n, err)
		}
	}
	update := func(b *testing.B, store asof.OnlineStore, drop []string) {
		if err := store.Update(b.Context(), project, nil, drop); err != nil {
			b.Fatal(err)
		}
		if err := store.Update(b.Context(), project, views, nil); err != nil {
			b.Fatal(err)
		}
	}
	store := open(b)
	b.Cleanup(func() { store.Close() })
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			update(b, store, []string{"v0"})
			b.StartTimer()
			write(b, store, views[0])
		}
		b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	update(b, store, nil)
	write(b, store, views[0])
	write(b, store, views[1])
	b.Run("write again", func(b *testing.B) {
		for b.Loop() {
			write(b, store, views[0])
		}
		b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	for _, keys := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("read %d", keys), func(b *testing.B) {
			names := make([]string, keys)
			for i := range names {
				names[i] = benchmarkUser(i * 7919 % rows)
			}
			readings := []*asof.Reading{reading(b, views[0], names...), reading(b, views[1], names...)}
			b.ReportAllocs()
			for b.Loop() {
				if err := store.Read(b.Context(), project, readings); err != nil || !readings[1].Found[keys-1] {
					b.Fatal("a key was not found: ", err)
				}
			}
		})
	}
}

func benchmarkUser(i int) string { return fmt.Sprintf("%04d-%05X", i%10_000, i) }

func benchmarkRows(rows int) arrow.RecordBatch {
	fields := []arrow.Field{{Name: "user", Type: arrow.BinaryTypes.String}, {Name: asof.EventTimestamp, Type: asof.Timestamp},
		{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}, {Name: "a", Type: arrow.PrimitiveTypes.Int64},
		{Name: "b", Type: arrow.PrimitiveTypes.Float32}, {Name: "c", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "d", Type: arrow.BinaryTypes.String}, {Name: "e", Type: arrow.PrimitiveTypes.Float64}, {Name: "f", Type: arrow.PrimitiveTypes.Int64}}
	build := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer build.Release()
	for i := range rows {
		build.Field(0).(*array.StringBuilder).Append(benchmarkUser(i))
		build.Field(1).(*array.TimestampBuilder).Append(1_706_659_200_000_000)
		build.Field(2).AppendNull()
		build.Field(3).(*array.Int64Builder).Append(int64(i % 72))
		build.Field(4).(*array.Float32Builder).Append(float32(i%10_000) / 100)
		build.Field(5).(*array.BooleanBuilder).Append(i%2 == 0)
		build.Field(6).(*array.StringBuilder).Append([]string{"DSL", "Fiber optic", "No"}[i%3])
		build.Field(7).(*array.Float64Builder).Append(float64(i) / 3)
		build.Field(8).(*array.Int64Builder).Append(int64(i))
	}
	return build.NewRecordBatch()
}
