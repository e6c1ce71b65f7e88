package serving_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/value"
)

// packed is a store of packed rows, all of one view, read in turn: more of them
// than a processor learns by heart. Of so many keys it has none for one.
type packed struct {
	*memory.Online
	schema  *value.Schema
	rows    []value.Row
	next    int
	without int
}

func (p *packed) Read(_ context.Context, _ string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
		numbers := p.schema.Numbers(r.Features)
		for i := range r.Keys {
			row := &p.rows[p.next%len(p.rows)]
			if p.next++; p.without > 0 && i%p.without == 0 {
				continue
			}
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
	reader, err := serving.New(serving.Options{Registry: registry, Online: pack(b, v, 0), Project: project})
	if err != nil {
		b.Fatal(err)
	}
	for _, entities := range []int{1, 100} {
		q := serving.Request{Selection: serving.Selection{Service: "wide"}, Entities: []serving.Column{{Name: "user_id"}}}
		for i := range entities {
			q.Entities[0].Values = append(q.Entities[0].Values, serving.Text(fmt.Sprint(i)))
		}
		b.Run(fmt.Sprintf("entities=%d", entities), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a, err := reader.Read(b.Context(), &q)
				if err != nil {
					b.Fatal(err)
				}
				a.SendFeast(false, func([][]byte, int) {})
				a.Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*entities*len(features)), "ns/value")
		})
	}
}

// TestAnswerInParts holds answers, however they are put together, against the
// values that they are of, and the length that is told of them against theirs.
// Their columns are of two views in turn, with nulls, rows that are not there,
// and rows too old.
func TestAnswerInParts(t *testing.T) {
	var features []asof.Field
	for i := range 40 {
		features = append(features, field(fmt.Sprintf("wide_%d", i), []asof.ValueType{asof.TypeFloat64, asof.TypeString, asof.TypeInt64}[i%3]))
	}
	one, other := userView("one", nil, features...), userView("other", nil, features...)
	ttl := time.Minute
	other.TTL = &ttl
	registry := memory.NewRegistry(nil)
	user := &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, one, other}}); err != nil {
		t.Fatal(err)
	}
	store := pack(t, one, 10)
	store.without = 7
	reader, err := serving.New(serving.Options{Registry: registry, Online: store, Project: project,
		Now: func() time.Time { return time.Date(2024, 1, 31, 0, 1, 50, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	q := serving.Request{Selection: serving.Selection{FullNames: true}, Entities: []serving.Column{{Name: "user_id"}}}
	for _, f := range features {
		q.Features = append(q.Features, "one:"+f.Name, "other:"+f.Name)
	}
	for _, c := range []struct{ rows, parts int }{{1, 1}, {31, 1}, {32, 1}, {500, 1}, {2000, 2}, {33, 1}} {
		q.Entities[0].Values = q.Entities[0].Values[:0]
		for i := range c.rows {
			q.Entities[0].Values = append(q.Entities[0].Values, serving.Text(fmt.Sprint(i)))
		}
		a, err := reader.Read(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		var whole []byte
		var lengths []int
		a.SendFeast(true, func(texts [][]byte, length int) {
			for i, text := range texts {
				whole = append(whole, text...)
				texts[i] = nil // as net.Buffers does
			}
			lengths = append(lengths, length)
		})
		if len(lengths) != c.parts || (lengths[0] == len(whole)) != (c.parts == 1) || c.parts > 1 && slices.Max(lengths) > 0 {
			t.Errorf("%d rows, %d bytes: told lengths are %v", c.rows, len(whole), lengths)
		}
		for _, status := range []string{"PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"} {
			if c.rows > 100 && !bytes.Contains(whole, []byte(status)) {
				t.Errorf("%d rows: nothing is %s", c.rows, status)
			}
		}
		sameAsAnswer(t, a, whole)
		a.Release()
	}
}

// sameAsAnswer holds an answer in Feast's form against its values.
func sameAsAnswer(t *testing.T, a *serving.Answer, text []byte) {
	t.Helper()
	var got struct {
		Results []struct {
			Values   []json.RawMessage
			Statuses []string
			Events   []time.Time `json:"event_timestamps"`
		}
	}
	if err := json.Unmarshal(text, &got); err != nil || len(got.Results) != a.Columns() {
		t.Fatalf("%d rows: %d columns, %v", a.Rows(), len(got.Results), err)
	}
	for column, r := range got.Results {
		if len(r.Values) != a.Rows() || len(r.Statuses) != a.Rows() || len(r.Events) != a.Rows() {
			t.Fatalf("%d rows, column %d: %d values, %d statuses, %d times", a.Rows(), column, len(r.Values), len(r.Statuses), len(r.Events))
		}
		for row := range a.Rows() {
			want, status := string(value.AppendJSON(nil, a.Value(column, row), value.Served)), servingpb.FieldStatus(a.Status(column, row)).String()
			if string(r.Values[row]) != want || r.Statuses[row] != status || r.Events[row].UnixMicro() != a.Event(column, row) {
				t.Fatalf("%d rows, column %d, row %d: %s, %s, %s; want %s, %s, %d", a.Rows(), column, row, r.Values[row], r.Statuses[row], r.Events[row], want, status, a.Event(column, row))
			}
		}
	}
}

// pack makes a thousand rows of random values; one of so many is null, none for 0.
func pack(b testing.TB, v *asof.FeatureView, nulls int) *packed {
	random := rand.New(rand.NewPCG(1, 2))
	fields := []arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}}
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: nulls > 0})
	}
	us := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: us}, arrow.Field{Name: asof.CreatedTimestamp, Type: us, Nullable: true})
	build := array.NewRecordBuilder(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer build.Release()
	for row := range 1000 {
		for i, c := range build.Fields() {
			if i > 0 && i <= len(v.Features) && nulls > 0 && random.IntN(nulls) == 0 {
				c.AppendNull()
				continue
			}
			switch c := c.(type) {
			case *array.StringBuilder:
				if i == 0 {
					c.Append(fmt.Sprint(row))
					continue
				}
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
