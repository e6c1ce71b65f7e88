package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

func TestFeastOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		path := filepath.Join(t.TempDir(), "online.db")
		return func() asof.OnlineStore { return openFeastOnline(t, path) }
	}, storetest.WholeSeconds, storetest.JoinedNames)
}

func TestFeastOnlineKill(t *testing.T) {
	storetest.OnlineKill(t,
		func(t *testing.T) string { return filepath.Join(t.TempDir(), "online.db") },
		func(t *testing.T, place string) asof.OnlineStore { return openFeastOnline(t, place) })
}

func openFeastOnline(tb testing.TB, path string) *sqlite.FeastOnline {
	tb.Helper()
	o, err := sqlite.OpenFeastOnline(path, 3)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// A view whose row gains a feature is written as a whole or not at all: an older
// row brings no value of its own beside newer ones.
func TestFeastRowsMatchAndNotCells(t *testing.T) {
	o := openFeastOnline(t, filepath.Join(t.TempDir(), "online.db"))
	defer o.Close()
	if err := o.Update(t.Context(), "p", []*asof.FeatureView{view}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write(t.Context(), "p", view, rows(t, 1)); err != nil {
		t.Fatal(err)
	}
	wider := *view
	wider.Features = append(view.Features[:1:1], asof.Field{Name: "y", Type: asof.Scalar(asof.TypeString)})
	if err := o.Update(t.Context(), "p", []*asof.FeatureView{&wider}, nil); err != nil {
		t.Fatal(err)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: asof.EventTimestamp, Type: asof.Timestamp},
		{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true}, {Name: "x", Type: arrow.BinaryTypes.String}, {Name: "y", Type: arrow.BinaryTypes.String}}, nil)
	older, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"id": 0, "event_timestamp": "2023-12-31T00:00:00Z", "x": "old", "y": "old"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := o.Write(t.Context(), "p", &wider, older); err != nil || n != 0 {
		t.Errorf("an older row was written: %d keys (%v)", n, err)
	}
	same := *view
	same.Name = "V"
	fails(t, o.Update(t.Context(), "p", []*asof.FeatureView{view, &same}, nil), asof.CodeInvalid, "would have one table")
}
