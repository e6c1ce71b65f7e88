package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

func view(name, table string, keys []asof.Field, features ...asof.Field) *asof.FeatureView {
	return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Enabled: true, EntityColumns: keys, Features: features,
		Source: &asof.DataSource{Name: table, Kind: asof.SourcePostgres, Query: table, TimestampField: "as_of"}}
}

var userKey = []asof.Field{field("user_id", asof.TypeString)}

// project is StreamFlow's definitions, with some things that it does not have.
func project(more ...asof.Object) *asof.Snapshot {
	objects := []asof.Object{
		&asof.Project{Name: "streamflow"},
		view("subs", "subscriptions", userKey, field("months_active", asof.TypeInt64), field("monthly_fee", asof.TypeFloat32),
			field("paperless_billing", asof.TypeBool), field("net_service", asof.TypeString)),
		view("usage", "usage_30d", userKey, field("watch_hours_30d", asof.TypeFloat32), field("avg_session_mins_7d", asof.TypeFloat32),
			field("monthly_fee", asof.TypeFloat32)),
		view("payments", "payments_90d", userKey, field("failed_payments_90d", asof.TypeInt64)),
		view("global", "rates", nil, field("rate", asof.TypeFloat64)),
		&asof.FeatureService{Name: "churn", Projections: []asof.Projection{
			{View: "usage", Features: []asof.Field{field("watch_hours_30d", asof.TypeFloat32)}},
			{View: "subs", Features: []asof.Field{field("monthly_fee", asof.TypeFloat32), field("months_active", asof.TypeInt64)}},
		}},
	}
	return asof.NewSnapshot("1", time.Unix(0, 0), append(objects, more...))
}

// tables is the data of January and February of two users.
var tables = map[string]struct {
	schema []arrow.Field
	rows   string
}{
	"subscriptions": {columns("user_id", arrow.BinaryTypes.String, "as_of", arrow.FixedWidthTypes.Date32,
		"months_active", arrow.PrimitiveTypes.Int32, "monthly_fee", &arrow.Decimal128Type{Precision: 8, Scale: 2},
		"paperless_billing", arrow.FixedWidthTypes.Boolean, "net_service", arrow.BinaryTypes.String),
		`[{"user_id": "3413-BMNZE", "as_of": "2024-01-31", "months_active": 1, "monthly_fee": "45.25", "paperless_billing": false, "net_service": "DSL"},
		  {"user_id": "3413-BMNZE", "as_of": "2024-02-29", "months_active": 2, "monthly_fee": "45.25", "paperless_billing": false, "net_service": "DSL"},
		  {"user_id": "7590-VHVEG", "as_of": "2024-01-31", "months_active": null, "monthly_fee": "29.85", "paperless_billing": true, "net_service": "Fiber, optic"}]`},
	"usage_30d": {columns("user_id", arrow.BinaryTypes.String, "as_of", arrow.FixedWidthTypes.Date32,
		"watch_hours_30d", arrow.PrimitiveTypes.Float64, "avg_session_mins_7d", arrow.PrimitiveTypes.Float64, "monthly_fee", arrow.PrimitiveTypes.Float64),
		`[{"user_id": "3413-BMNZE", "as_of": "2024-01-31", "watch_hours_30d": 32.0919931169304, "avg_session_mins_7d": 29.14104464084511, "monthly_fee": 1},
		  {"user_id": "7590-VHVEG", "as_of": "2024-01-31", "watch_hours_30d": 24.483650766787413, "avg_session_mins_7d": 29.14104464084511, "monthly_fee": 2}]`},
	"payments_90d": {columns("user_id", arrow.BinaryTypes.String, "as_of", arrow.FixedWidthTypes.Date32, "failed_payments_90d", arrow.PrimitiveTypes.Int32),
		`[{"user_id": "3413-BMNZE", "as_of": "2024-01-31", "failed_payments_90d": 0}, {"user_id": "7590-VHVEG", "as_of": "2024-01-31", "failed_payments_90d": 1}]`},
	"rates": {columns("as_of", arrow.FixedWidthTypes.Date32, "rate", arrow.PrimitiveTypes.Float64),
		`[{"as_of": "2024-01-01", "rate": 0.5}]`},
	"SELECT labels": {columns("user_id", arrow.BinaryTypes.String, "churn_label", arrow.FixedWidthTypes.Boolean, "event_timestamp", arrow.FixedWidthTypes.Date32),
		`[{"user_id": "7590-VHVEG", "churn_label": true, "event_timestamp": "2024-01-31"}, {"user_id": "3413-BMNZE", "churn_label": false, "event_timestamp": "2024-01-31"}]`},
}

func columns(pairs ...any) []arrow.Field {
	var fields []arrow.Field
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, arrow.Field{Name: pairs[i].(string), Type: pairs[i+1].(arrow.DataType), Nullable: true})
	}
	return fields
}

func batch(t *testing.T, fields []arrow.Field, json string) arrow.RecordBatch {
	t.Helper()
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// request asks the project; its allocator fails the test where memory is lost.
func request(t *testing.T, r historical.Request) historical.Request {
	t.Helper()
	store := memory.NewOffline()
	t.Cleanup(func() { store.Close() })
	for name, table := range tables {
		rows := batch(t, table.schema, table.rows)
		store.Put(name, rows)
		rows.Release()
	}
	if r.Store == nil {
		r.Store = store
	}
	if r.Snapshot == nil {
		r.Snapshot = project()
	}
	mem := arrowmemory.NewCheckedAllocator(arrowmemory.DefaultAllocator)
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return r.WithAllocator(mem)
}

// file writes a file into a folder of the test's own.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a request into a CSV file and returns what it wrote.
func run(t *testing.T, r historical.Request) (historical.Result, string) {
	t.Helper()
	if r.Output == "" {
		r.Output = filepath.Join(t.TempDir(), "out.csv")
	}
	result, err := historical.Run(context.Background(), request(t, r))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.Output)
	if err != nil {
		t.Fatal(err)
	}
	return result, string(text)
}
