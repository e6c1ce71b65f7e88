package value_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func view(features ...asof.Field) *asof.FeatureView {
	return &asof.FeatureView{Name: "v", Features: features,
		EntityColumns: []asof.Field{{Name: "id", Type: asof.Scalar(asof.TypeInt64)}}}
}

func feature(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

// batch makes rows as asof.Latest describes them from Arrow's JSON.
func batch(t *testing.T, v *asof.FeatureView, json string) arrow.RecordBatch {
	t.Helper()
	fields := []arrow.Field{}
	for _, k := range v.EntityColumns {
		fields = append(fields, arrow.Field{Name: k.Name, Type: k.Type.Arrow(), Nullable: true})
	}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp, Nullable: true},
		arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true})
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Release)
	return b
}

func schemaOf(t *testing.T, v *asof.FeatureView) *value.Schema {
	t.Helper()
	s, err := value.ParseSchema("")
	if err != nil {
		t.Fatal(err)
	}
	s.Evolve(v)
	return s
}

func read(t *testing.T, v *asof.FeatureView, s *value.Schema, row value.Row, features ...string) *asof.Reading {
	t.Helper()
	r := &asof.Reading{View: v, Features: features, Keys: [][]byte{row.Key}}
	r.Reset()
	if err := value.Unpack(r, s.Numbers(features), 0, row.Event, row.Packed); err != nil {
		t.Fatal(err)
	}
	return r
}

func jsonOf(r *asof.Reading) string {
	var out []byte
	for c := range r.Features {
		out = append(value.AppendJSON(out, r.Value(c, 0), value.Plain), ' ')
	}
	return strings.TrimSpace(string(out))
}

func encode(t *testing.T, v *asof.FeatureView, s *value.Schema, json string) []value.Row {
	t.Helper()
	e, err := value.NewEncoder(v, 3, s)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := e.Encode(batch(t, v, json))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestEncodeKeepsTheNewestOfEachKey(t *testing.T) {
	v := view(feature("x", asof.TypeString))
	rows := encode(t, v, schemaOf(t, v), `[
		{"id": 2, "event_timestamp": "2024-01-02T00:00:00Z", "created_timestamp": "2024-01-05T00:00:00Z", "x": "late"},
		{"id": 2, "event_timestamp": "2024-01-02T00:00:00Z", "created_timestamp": null, "x": "no created"},
		{"id": 1, "event_timestamp": "2024-01-01T00:00:00Z", "created_timestamp": null, "x": "first"},
		{"id": 1, "event_timestamp": "2024-01-01T00:00:00Z", "created_timestamp": null, "x": "last"},
		{"id": 1, "event_timestamp": "2023-01-01T00:00:00Z", "created_timestamp": "2025-01-01T00:00:00Z", "x": "old"}]`)
	if len(rows) != 2 {
		t.Fatalf("%d rows for 2 keys", len(rows))
	}
	for i, want := range []string{`"last"`, `"late"`} {
		if got := jsonOf(read(t, v, schemaOf(t, v), rows[i], "x")); got != want {
			t.Errorf("row %d holds %s, want %s", i, got, want)
		}
	}
	if rows[0].Event != time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() || rows[0].Created != value.NoCreated {
		t.Errorf("row 0 has event %d and created %d", rows[0].Event, rows[0].Created)
	}
}

func TestSchemaNeverServesARemovedFeature(t *testing.T) {
	old := view(feature("a", asof.TypeInt64), feature("b", asof.TypeInt64), feature("c", asof.TypeInt64))
	s := schemaOf(t, old)
	rows := encode(t, old, s, `[{"id": 1, "event_timestamp": "2024-01-01T00:00:00Z", "created_timestamp": null, "a": 1, "b": 2, "c": 3}]`)
	if changed, rekeyed := s.Evolve(old); changed || rekeyed {
		t.Error("the same view changed the schema")
	}
	for _, step := range []struct {
		features []asof.Field
		want     string // of a, b, c
	}{
		{[]asof.Field{feature("c", asof.TypeInt64), feature("new", asof.TypeString), feature("a", asof.TypeInt64)}, "1 null 3"},
		{old.Features, "1 null 3"},
		{[]asof.Field{feature("a", asof.TypeString), feature("b", asof.TypeInt64), feature("c", asof.TypeInt64)}, "null null 3"},
	} {
		if changed, rekeyed := s.Evolve(view(step.features...)); !changed || rekeyed {
			t.Errorf("other features: changed %v, other keys %v", changed, rekeyed)
		}
		again, err := value.ParseSchema(s.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if got := jsonOf(read(t, old, again, rows[0], "a", "b", "c")); got != step.want {
			t.Errorf("with %v: got %s, want %s", step.features, got, step.want)
		}
	}
	other := view(feature("a", asof.TypeString))
	other.EntityColumns = []asof.Field{{Name: "id", Type: asof.Scalar(asof.TypeInvalid)}}
	if changed, rekeyed := s.Evolve(other); !changed || rekeyed {
		t.Errorf("an unknown type of a join key: changed %v, other keys %v", changed, rekeyed)
	}
	s.Evolve(view(feature("a", asof.TypeString)))
	other.EntityColumns = []asof.Field{{Name: "id", Type: asof.Scalar(asof.TypeInt32)}}
	if changed, rekeyed := s.Evolve(other); !changed || !rekeyed {
		t.Errorf("another type of a join key: changed %v, other keys %v", changed, rekeyed)
	}
	if _, err := value.NewEncoder(old, 3, s); asof.ErrorCode(err) != asof.CodeNotFound {
		t.Errorf("a writer with another type of a feature: got %v, want not found", err)
	}
}

func TestUnpackMakesNoGarbageAndRefusesDamage(t *testing.T) {
	v := view(feature("a", asof.TypeInt64), feature("b", asof.TypeString))
	s := schemaOf(t, v)
	row := encode(t, v, s, `[{"id": 1, "event_timestamp": "2024-01-01T00:00:00Z", "created_timestamp": null, "a": 1, "b": "text"}]`)[0]
	numbers := s.Numbers([]string{"b", "a"})
	r := &asof.Reading{View: v, Features: []string{"b", "a"}, Keys: [][]byte{row.Key}}
	if n := testing.AllocsPerRun(100, func() {
		r.Reset()
		if err := value.Unpack(r, numbers, 0, row.Event, row.Packed); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("unpacking a row allocates %v times", n)
	}
	if got := jsonOf(r); got != `"text" 1` {
		t.Errorf("got %s", got)
	}
	for cut := 1; cut < len(row.Packed); cut++ {
		r.Reset()
		err := value.Unpack(r, numbers, 0, row.Event, row.Packed[:cut])
		if whole := cut == 4; (err == nil) != whole { // the first column is 4 bytes
			t.Errorf("a row cut after %d bytes: %v", cut, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	v := view(feature("x", asof.TypeInt64List))
	e, err := value.NewEncoder(v, 3, schemaOf(t, v))
	if err != nil {
		t.Fatal(err)
	}
	for json, want := range map[string]string{
		`[{"id": null, "event_timestamp": "2024-01-01T00:00:00Z"}]`:              `row 1: join key "id" has no value`,
		`[{"id": 1, "event_timestamp": null}]`:                                   "row 1: the event timestamp is NULL",
		`[{"id": 1, "event_timestamp": "2024-01-01T00:00:00Z", "x": [1, null]}]`: `feature "x", row 1: element 2`,
	} {
		if _, err := e.Encode(batch(t, v, json)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", json, err, want)
		}
	}
	float := view()
	float.EntityColumns[0].Type = asof.Scalar(asof.TypeFloat64)
	e, err = value.NewEncoder(float, 3, schemaOf(t, float))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(batch(t, float, `[{"id": 1, "event_timestamp": "2024-01-01T00:00:00Z"}]`)); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a Float64 as join key: got %v", err)
	}
}

func BenchmarkEncode(b *testing.B) {
	v := view(feature("a", asof.TypeInt64), feature("b", asof.TypeFloat32), feature("c", asof.TypeBool))
	s, _ := value.ParseSchema("")
	s.Evolve(v)
	e, _ := value.NewEncoder(v, 3, s)
	const n = 100_000
	fields := []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: asof.EventTimestamp, Type: asof.Timestamp}, {Name: asof.CreatedTimestamp, Type: asof.Timestamp},
		{Name: "a", Type: arrow.PrimitiveTypes.Int64}, {Name: "b", Type: arrow.PrimitiveTypes.Float32}, {Name: "c", Type: arrow.FixedWidthTypes.Boolean}}
	build := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range n {
		build.Field(0).(*array.Int64Builder).Append(int64(n - i))
		build.Field(1).(*array.TimestampBuilder).Append(1)
		build.Field(2).AppendNull()
		build.Field(3).(*array.Int64Builder).Append(int64(i))
		build.Field(4).(*array.Float32Builder).Append(float32(i))
		build.Field(5).(*array.BooleanBuilder).Append(true)
	}
	batch := build.NewRecordBatch()
	for b.Loop() {
		if rows, err := e.Encode(batch); err != nil || len(rows) != n {
			b.Fatal(len(rows), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}
