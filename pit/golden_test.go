package pit_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

var update = flag.Bool("update", false, "write the golden files again")

// A dialect with its own names for the types of the test's columns.
var dialects = []struct {
	name    string
	dialect pit.Dialect
	types   map[string]string
}{
	{"duckdb", pit.DuckDB, map[string]string{"text": "VARCHAR", "int": "BIGINT", "day": "DATE", "time": "TIMESTAMP WITH TIME ZONE",
		"naive": "TIMESTAMP", "nanos": "TIMESTAMP_NS", "decimal": "DECIMAL(10,2)", "json": "JSON"}},
	{"postgres", pit.Postgres, map[string]string{"text": "text", "int": "bigint", "day": "date", "time": "timestamp with time zone",
		"naive": "timestamp without time zone", "nanos": "timestamp(3) with time zone", "decimal": "numeric(10,2)", "json": "jsonb"}},
}

var ours = map[string]asof.ValueType{"text": asof.TypeString, "int": asof.TypeInt64, "day": asof.TypeUnixTimestamp,
	"time": asof.TypeUnixTimestamp, "naive": asof.TypeUnixTimestamp, "nanos": asof.TypeUnixTimestamp,
	"decimal": asof.TypeFloat64, "json": asof.TypeMap}

// columns makes source columns from pairs of name and kind of type.
func columns(types map[string]string, pairs ...string) []asof.SourceColumn {
	var list []asof.SourceColumn
	for i := 0; i < len(pairs); i += 2 {
		kind := pairs[i+1]
		list = append(list, asof.SourceColumn{Name: pairs[i], Native: types[kind], Type: asof.Scalar(ours[kind]),
			IsTime: ours[kind] == asof.TypeUnixTimestamp})
	}
	return list
}

func view(t *testing.T, q asof.ViewQuery, relation string, have []asof.SourceColumn) *pit.View {
	t.Helper()
	q.Source = &asof.DataSource{Name: q.View + "_source"}
	v, err := pit.NewView(q, relation, have)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func profile() asof.ViewQuery {
	return asof.ViewQuery{View: "profile", Timestamp: "as_of",
		Keys:     []asof.KeyColumn{{Column: "user_id", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.FeatureColumn{{Column: "monthly_fee", Output: "profile__fee", Type: asof.Scalar(asof.TypeFloat32)}},
		Order:    []string{"months", "monthly_fee"}}
}

func visits() asof.ViewQuery {
	return asof.ViewQuery{View: "visits", Timestamp: "at", Created: "loaded", TTL: 36 * time.Hour,
		Keys: []asof.KeyColumn{{Column: "shop", Entity: "shop_id", Type: asof.Scalar(asof.TypeInt32)},
			{Column: "user", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
		Features: []asof.FeatureColumn{{Column: `we"ird`, Output: "visits", Type: asof.Scalar(asof.TypeString)},
			{Column: "extra", Output: "extra", Type: asof.Scalar(asof.TypeMap)}}}
}

func weather() asof.ViewQuery {
	return asof.ViewQuery{View: "weather", Timestamp: "at", Features: []asof.FeatureColumn{
		{Column: "rain", Output: "rain", Type: asof.Scalar(asof.TypeFloat64)}}}
}

func TestGolden(t *testing.T) {
	noKeys := array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, 0)
	defer noKeys.Release()
	day := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, d := range dialects {
		views := []*pit.View{
			view(t, profile(), "(SELECT * FROM profiles)", columns(d.types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal", "months", "int")),
			view(t, visits(), "visits", columns(d.types, "shop", "text", "user", "text", "at", "naive", "loaded", "nanos", `we"ird`, "text", "extra", "json")),
			view(t, weather(), "weather", columns(d.types, "at", "time", "rain", "decimal")),
		}
		selected := &pit.Select{SQL: "SELECT user_id, shop_id, seen, label FROM asked", Timestamp: "seen",
			Columns: columns(d.types, "user_id", "text", "shop_id", "int", "seen", "naive", "label", "decimal")}
		span := &pit.Query{Views: views}
		if err := pit.Events(d.dialect, span, &asof.Events{From: day, To: day.AddDate(0, 1, 0)}, "seen"); err != nil {
			t.Fatal(err)
		}
		if d.dialect == pit.Postgres {
			golden(t, filepath.Join("testdata", d.name, "lookup.sql"), pit.Historical(d.dialect, &pit.Query{Views: byIndex(t, views), Cutoff: true})+"\n")
		}
		for name, sql := range map[string]string{
			"events":      span.Select.SQL,
			"rows":        pit.Historical(d.dialect, &pit.Query{Views: views, From: day, To: day.Add(time.Microsecond)}),
			"select":      pit.Historical(d.dialect, &pit.Query{Views: views, Select: selected}),
			"cutoff":      pit.Historical(d.dialect, &pit.Query{Views: views[1:], Cutoff: true}),
			"latest":      pit.Latest(d.dialect, &asof.Latest{From: day, To: day.AddDate(0, 1, 0)}, views[1]),
			"history":     pit.History(d.dialect, &asof.RowsQuery{Latest: asof.Latest{To: day}, Limit: 10}, views[1]),
			"latest_none": pit.Latest(d.dialect, &asof.Latest{To: day}, views[2]),
			"pull":        pit.Pull(d.dialect, &asof.ScanQuery{To: day}, views[0]),
			"pull_keys":   pit.Pull(d.dialect, &asof.ScanQuery{From: day, To: day, Keys: noKeys, Settled: true}, views[1]),
			"pull_none":   pit.Pull(d.dialect, &asof.ScanQuery{Settled: true}, views[2]),
			"range":       pit.Range(d.dialect, "visits", columns(d.types, "at", "nanos")[0]),
		} {
			golden(t, filepath.Join("testdata", d.name, name+".sql"), sql+"\n")
		}
	}
}

// byIndex returns the views as they are found by an index: the first by one of
// which there is one row for each key and time.
func byIndex(t *testing.T, views []*pit.View) []*pit.View {
	t.Helper()
	var list []*pit.View
	for i, v := range views {
		found := *v
		found.Lookup = pit.IndexLookup
		if i == 0 {
			found.Lookup = pit.UniqueLookup
		}
		list = append(list, &found)
	}
	return list
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-update writes it again): -want +got\n%s", path, diff)
	}
}
