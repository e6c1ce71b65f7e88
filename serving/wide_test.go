package serving_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// packed is a store of packed rows, all of one view, read in turn: more of them
// than a processor learns by heart.
type packed struct {
	*memory.Online
	schema *value.Schema
	rows   []value.Row
	next   int
}

func (p *packed) Read(_ context.Context, _ string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
		numbers := p.schema.Numbers(r.Features)
		for i := range r.Keys {
			row := &p.rows[p.next%len(p.rows)]
			p.next++
			if err := value.Unpack(r, numbers, i, row.Event, row.Packed); err != nil {
				return err
			}
		}
	}
	return nil
}

// BenchmarkWide is all that is done with the packed rows of a view of 250
// features, from the store's bytes to the answer's.
func BenchmarkWide(b *testing.B) {
	types := []asof.ValueType{asof.TypeFloat32, asof.TypeInt64, asof.TypeString, asof.TypeBool, asof.TypeFloat64}
	var features []asof.Field
	for i := range 250 {
		features = append(features, field(fmt.Sprintf("wide_%d", i), types[i%5]))
	}
	v := userView("wide", nil, features...)
	user := &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString}
	service := &asof.FeatureService{Name: "wide", Projections: []asof.Projection{{View: "wide", Features: features}}}
	registry := memory.NewRegistry(nil)
	if _, err := registry.Apply(b.Context(), project, asof.Change{Put: []asof.Object{user, v, service}}); err != nil {
		b.Fatal(err)
	}
	reader, err := serving.New(serving.Options{Registry: registry, Online: pack(b, v), Project: project})
	if err != nil {
		b.Fatal(err)
	}
	for _, entities := range []int{1, 100} {
		q := serving.Request{Selection: serving.Selection{Service: "wide"}, Entities: []serving.Column{{Name: "user_id"}}}
		for i := range entities {
			q.Entities[0].Values = append(q.Entities[0].Values, serving.Text(fmt.Sprint(i)))
		}
		b.Run(fmt.Sprintf("entities=%d", entities), func(b *testing.B) {
			var out []byte
			sent := func(piece []byte) []byte { // as the server does
				if len(piece) < 512<<10 {
					return piece
				}
				return piece[:0]
			}
			b.ReportAllocs()
			for b.Loop() {
				a, err := reader.Read(b.Context(), &q)
				if err != nil {
					b.Fatal(err)
				}
				out = a.AppendFeast(out[:0], false, sent)
				a.Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*entities*len(features)), "ns/value")
		})
	}
}

// pack makes a thousand rows of random values.
func pack(b *testing.B, v *asof.FeatureView) *packed {
	random := rand.New(rand.NewPCG(1, 2))
	fields := []arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}}
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow()})
	}
	us := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: us}, arrow.Field{Name: asof.CreatedTimestamp, Type: us, Nullable: true})
	build := array.NewRecordBuilder(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer build.Release()
	for row := range 1000 {
		for _, c := range build.Fields() {
			switch c := c.(type) {
			case *array.StringBuilder:
				c.Append([]string{"DSL", "Fiber optic", "No"}[random.IntN(3)])
			case *array.Float32Builder:
				c.Append(float32(18 + random.Float64()*100))
			case *array.Int64Builder:
				c.Append(random.Int64N(72))
			case *array.BooleanBuilder:
				c.Append(random.IntN(2) == 0)
			case *array.Float64Builder:
				c.Append(random.Float64() * 1000)
			case *array.TimestampBuilder:
				c.Append(arrow.Timestamp(time.Date(2024, 1, 31, 0, 0, row%100, 0, time.UTC).UnixMicro()))
			}
		}
	}
	batch := build.NewRecordBatch()
	defer batch.Release()
	p := &packed{Online: memory.NewOnline(3)}
	var err error
	if p.schema, err = value.ParseSchema(""); err != nil {
		b.Fatal(err)
	}
	p.schema.Evolve(v)
	encoder, err := value.NewEncoder(v, 3, p.schema)
	if err != nil {
		b.Fatal(err)
	}
	if p.rows, err = encoder.Encode(batch); err != nil {
		b.Fatal(err)
	}
	return p
}
