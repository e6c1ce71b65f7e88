package arrowipc_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"

	"github.com/asof-dev/asof/arrowipc"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var (
	text   = arrow.BinaryTypes.String
	schema = arrow.NewSchema([]arrow.Field{
		{Name: "text", Type: text, Nullable: true},
		{Name: "long", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "view", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "category", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text}, Nullable: true},
		{Name: "when", Type: &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}, Nullable: true},
		{Name: "list", Type: arrow.ListOf(arrow.PrimitiveTypes.Float32), Nullable: true},
		{Name: "struct", Type: arrow.StructOf(arrow.Field{Name: "é", Type: arrow.FixedWidthTypes.Boolean, Nullable: true}), Nullable: true},
		{Name: "none", Type: arrow.Null, Nullable: true},
		{Name: "lists of none", Type: arrow.ListOf(arrow.Null), Nullable: true}}, ptr(arrow.NewMetadata([]string{"pandas"}, []string{`{"index_columns": []}`})))
)

func ptr[T any](x T) *T { return &x }

const rows = `[{"text": "a", "long": "ü", "view": "a text that is longer than a view holds", "category": "x", "when": 1706659200123000000, "list": [1, null], "lists of none": [null, null], "struct": {"é": true}},
 {}, {"text": "", "category": "y", "list": [], "struct": {}}]`

func batch(t testing.TB, schema *arrow.Schema, rows string) arrow.RecordBatch {
	t.Helper()
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Release)
	return b
}

func file(t testing.TB, options []ipc.Option, batches ...arrow.RecordBatch) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := ipc.NewFileWriter(&out, append(options, ipc.WithSchema(batches[0].Schema()))...)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadFile(t *testing.T) {
	first, none := batch(t, schema, rows), batch(t, schema, rows).NewSlice(1, 1)
	got, batches, err := arrowipc.ReadFile(file(t, nil, first, none, first))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(schema) || len(batches) != 3 {
		t.Fatalf("%d batches of %s", len(batches), got)
	}
	for i, want := range []arrow.RecordBatch{first, none, first} {
		if !array.RecordEqual(batches[i], want) {
			t.Errorf("batch %d is %v, want %v", i, batches[i], want)
		}
		batches[i].Release()
	}
}

// reads says what reading a file ends in, and fails where it takes memory.
func reads(t testing.TB, text []byte) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, batches, err := arrowipc.ReadFile(text)
	for _, b := range batches {
		b.Release()
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20+100*uint64(len(text)) {
		t.Errorf("reading %d bytes took %d", len(text), took)
	}
	return err
}

func TestWhatIsNotSo(t *testing.T) {
	honest := batch(t, arrow.NewSchema(schema.Fields()[:6], nil), `[{"text": "a", "list": [1]}, {"text": "b"}]`)
	for _, lie := range storetest.Lies(t, batch(t, arrow.NewSchema([]arrow.Field{{Name: "text", Type: text}, schema.Field(4)}, nil), `[{"text": "a"}, {"text": "b"}]`)) {
		if err := reads(t, storetest.File(lie.Messages)); err == nil {
			t.Errorf("%s: no error", lie.Name)
		}
	}
	union := arrow.SparseUnionOf([]arrow.Field{{Name: "a", Type: text}}, []arrow.UnionTypeCode{0})
	nested := arrow.StructOf(arrow.Field{Name: "in", Type: schema.Field(3).Type, Nullable: true})
	repeated := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "category", Type: schema.Field(3).Type}}, nil), []arrow.Array{often(t)}, 100_000)
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"nothing":        {nil, "does not begin and end"},
		"only the ends":  {[]byte("ARROW1\x00\x00ARROW1"), "8 bytes are announced, and 6 are there"},
		"cut":            {file(t, nil, honest)[:300], "does not begin and end"},
		"compressed":     {file(t, []ipc.Option{ipc.WithZstd()}, honest), "compressed"},
		"a union":        {file(t, nil, batch(t, arrow.NewSchema([]arrow.Field{{Name: "u", Type: union}}, nil), `[]`)), `field "u" is a union`},
		"a nested table": {file(t, nil, batch(t, arrow.NewSchema([]arrow.Field{{Name: "s", Type: nested, Nullable: true}}, nil), `[]`)), "within another"},
		"a tree of many": {storetest.File([]storetest.Message{{Header: bush(30)}}), "tells more than it holds"},
		"a deep tree":    {storetest.File([]storetest.Message{{Header: bush(40)}}), ""},
		"an echo":        {file(t, nil, repeated), `column "category" comes to 100000000000 bytes`},
	} {
		if err := reads(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// often is a column of a hundred thousand rows that all have one value of a
// million bytes.
func often(t testing.TB) arrow.Array {
	t.Helper()
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Append(strings.Repeat("x", 1_000_000))
	values := b.NewArray()
	at := array.NewInt8Builder(memory.DefaultAllocator)
	at.AppendValues(make([]int8, 100_000), nil)
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text}, at.NewArray(), values)
}

// bush is the header of a schema of a field that has the same child twice, down
// to a depth: few bytes, and 2^depth fields.
func bush(depth int) []byte {
	b := flatbuffers.NewBuilder(0)
	var child flatbuffers.UOffsetT
	for level := range depth {
		var children flatbuffers.UOffsetT
		if level > 0 {
			b.StartVector(4, 2, 4)
			b.PrependUOffsetT(child)
			b.PrependUOffsetT(child)
			children = b.EndVector(2)
		}
		b.StartObject(0)
		kind := b.EndObject()
		b.StartObject(7)
		b.PrependByteSlot(2, 13, 0) // a struct
		b.PrependUOffsetTSlot(3, kind, 0)
		if level > 0 {
			b.PrependUOffsetTSlot(5, children, 0)
		}
		child = b.EndObject()
	}
	b.StartVector(4, 1, 4)
	b.PrependUOffsetT(child)
	fields := b.EndVector(1)
	b.StartObject(4)
	b.PrependUOffsetTSlot(1, fields, 0)
	schema := b.EndObject()
	b.StartObject(5)
	b.PrependInt16Slot(0, 4, 0)
	b.PrependByteSlot(1, 1, 0)
	b.PrependUOffsetTSlot(2, schema, 0)
	b.Finish(b.EndObject())
	return b.FinishedBytes()
}

// A byte that is changed anywhere is refused or harmless.
func TestEveryByte(t *testing.T) {
	honest := file(t, nil, batch(t, schema, rows))
	refused := 0
	for at := range honest {
		for _, value := range []byte{0, 1, 0x7f, 0x80, 0xff, honest[at] + 1} {
			text := bytes.Clone(honest)
			text[at] = value
			if err := reads(t, text); err != nil {
				refused++
			}
		}
		if t.Failed() {
			t.Fatalf("at byte %d of %d", at, len(honest))
		}
	}
	if refused < len(honest)/2 {
		t.Errorf("%d changes were refused", refused)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add(file(f, nil, batch(f, schema, rows)))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, batches, err := arrowipc.ReadFile(text)
		for _, b := range batches {
			if err == nil {
				_ = fmt.Sprint(b) // which reads every value
			}
			b.Release()
		}
	})
}
