package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sample"
	"github.com/asof-dev/asof/storetest"
)

// StreamFlow's tables as its team keeps them: decimals are NUMERIC, as_of is a
// DATE, and features are declared otherwise.
var streamFlowTables = []struct {
	name, file, columns string // columns of the file, with their types
	features            []asof.Field
}{
	{"subscriptions_profile_snapshots", "subscriptions.csv", `user_id text, months_active int, plan_stream_tv boolean, plan_stream_movies boolean,
		contract_type text, paperless_billing boolean, monthly_fee numeric, total_paid numeric, net_service text`, []asof.Field{
		field("months_active", asof.TypeInt64), field("monthly_fee", asof.TypeFloat32), field("paperless_billing", asof.TypeBool),
		field("plan_stream_tv", asof.TypeBool), field("plan_stream_movies", asof.TypeBool), field("net_service", asof.TypeString)}},
	{"usage_agg_30d_snapshots", "usage_agg_30d.csv", `user_id text, watch_hours_30d numeric, avg_session_mins_7d numeric, unique_devices_30d int,
		skips_7d int, rebuffer_events_7d int`, []asof.Field{
		field("watch_hours_30d", asof.TypeFloat32), field("avg_session_mins_7d", asof.TypeFloat32), field("unique_devices_30d", asof.TypeInt64),
		field("skips_7d", asof.TypeInt64), field("rebuffer_events_7d", asof.TypeInt64)}},
	{"payments_agg_90d_snapshots", "payments_agg_90d.csv", `user_id text, failed_payments_90d int`, []asof.Field{field("failed_payments_90d", asof.TypeInt64)}},
	{"support_agg_90d_snapshots", "support_agg_90d.csv", `user_id text, support_tickets_90d int, ticket_avg_resolution_hrs_90d numeric`, []asof.Field{
		field("support_tickets_90d", asof.TypeInt64), field("ticket_avg_resolution_hrs_90d", asof.TypeFloat32)}},
}

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

// feastTrainingSet prints Feast's own answer, a JSON row for each line: numbers
// as Python writes them, so that no digit is lost.
const feastTrainingSet = `
import json, sys
from datetime import timedelta
from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig, ValueType, types
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource

given = json.load(open(sys.argv[1]))
store = FeatureStore(config=RepoConfig(**given["config"]))
user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
views = [FeatureView(name=table, entities=[user], ttl=timedelta(0), online=False,
    schema=[Field(name=name, dtype=getattr(types, dtype)) for name, dtype in fields],
    source=PostgreSQLSource(name=table + "_source", query=f"SELECT * FROM {table}", timestamp_field="as_of"))
    for table, fields in given["tables"].items()]
store.apply([user] + views)
features = [f"{table}:{name}" for table, fields in given["tables"].items() for name, _ in fields]
frame = store.get_historical_features(entity_df=given["entities"], features=features).to_df()
names = [f.split(":")[1] for f in features]
for row in frame[["user_id"] + names].astype(object).itertuples(index=False):
    print(json.dumps([None if v is None or v != v else str(v) for v in row]))
`

func TestJanuaryEqualsFeast(t *testing.T) {
	t.Run("sample", func(t *testing.T) {
		dir := t.TempDir()
		if _, err := sample.StreamFlow(t.Context(), dir, sample.Options{Months: 1}); err != nil {
			t.Fatal(err)
		}
		equalsFeast(t, filepath.Join(dir, "month_000"))
	})
	t.Run("real", func(t *testing.T) { equalsFeast(t, filepath.Join(storetest.StreamFlowData(t), "month_000")) })
}

func equalsFeast(t *testing.T, month string) {
	d := storetest.Postgres(t).Database(t)
	loadStreamFlow(t, d, month)
	const entities = "SELECT user_id, as_of::timestamp AS event_timestamp FROM subscriptions_profile_snapshots WHERE as_of = '2024-01-31'"

	given := map[string]any{"entities": entities, "config": map[string]any{
		"project": "streamflow", "provider": "local", "registry": filepath.Join(t.TempDir(), "registry.db"), "entity_key_serialization_version": 3,
		"offline_store": map[string]any{"type": "postgres", "host": d.Host, "port": d.Port, "database": d.Name, "db_schema": "public", "user": d.User, "password": d.Password, "sslmode": "disable"},
		"online_store":  map[string]any{"type": "sqlite", "path": filepath.Join(t.TempDir(), "online.db")}}}
	tables, views := map[string]any{}, []asof.ViewQuery{}
	user := []asof.Field{field("user_id", asof.TypeString)}
	for _, table := range streamFlowTables {
		var fields [][2]string
		for _, f := range table.features {
			fields = append(fields, [2]string{f.Name, f.Type.String()})
		}
		tables[table.name] = fields
		view := &asof.FeatureView{Name: table.name, EntityColumns: user, Features: table.features, Source: &asof.DataSource{
			Name: table.name, Kind: asof.SourcePostgres, Query: "SELECT * FROM " + table.name, TimestampField: "as_of"}}
		q, err := view.Query()
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, q)
	}
	given["tables"] = tables
	want := feastAnswer(t, given)

	// JSON objects are sorted by name when they are written, and Feast's
	// columns with them; ours have to be told.
	got := map[string][]string{}
	rows := 0
	reader, err := openDatabase(t, d, "").Offline().Historical(t.Context(), &asof.PointInTime{
		Entities: asof.EntityRows{SQL: entities}, Timestamp: "event_timestamp", Views: sortedByView(views)})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	for reader.Next() {
		b := reader.RecordBatch()
		for i := range int(b.NumRows()) {
			var values []string
			for _, c := range b.Columns()[2:] {
				values = append(values, exact(c, i))
			}
			got[b.Column(0).ValueStr(i)] = values
			rows++
		}
	}
	if reader.Err() != nil {
		t.Fatal(reader.Err())
	}
	if rows != 7043 || len(want) != rows || len(got) != rows {
		t.Fatalf("%d rows for %d users; Feast has %d", rows, len(got), len(want))
	}
	nulls, differences := 0, 0
	schema := reader.Schema()
	for id, texts := range want {
		for i, text := range texts {
			if text == nil {
				nulls++
			}
			if declared := inType(t, text, schema.Field(i+2).Type); declared != got[id][i] && differences < 10 {
				differences++
				t.Errorf("%s, %s: Feast has %s, we %s", id, schema.Field(i+2).Name, declared, got[id][i])
			}
		}
	}
	if nulls != 2*1526 {
		t.Errorf("%d NULLs, want those of plan_stream_tv and plan_stream_movies of 1526 users", nulls)
	}
}

// feastAnswer returns Feast's rows by user, each value as Python prints it.
func feastAnswer(t *testing.T, given map[string]any) map[string][]*string {
	t.Helper()
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "given.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	answer := map[string][]*string{}
	lines := json.NewDecoder(bytes.NewReader(storetest.RunPython(t, feastTrainingSet, path)))
	for lines.More() {
		var row []*string
		if err := lines.Decode(&row); err != nil {
			t.Fatal(err)
		}
		answer[*row[0]] = row[1:]
	}
	return answer
}

// loadStreamFlow makes the snapshot tables of a month's files.
func loadStreamFlow(t *testing.T, d storetest.PostgresDatabase, month string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, table := range streamFlowTables {
		file, err := os.Open(filepath.Join(month, table.file))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("CREATE TABLE %s (%s, as_of date DEFAULT '2024-01-31', PRIMARY KEY (user_id, as_of))", table.name, table.columns)); err != nil {
			t.Fatal(err)
		}
		var names []string
		for column := range strings.SplitSeq(table.columns, ",") {
			names = append(names, strings.Fields(column)[0])
		}
		sql := fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT csv, HEADER)", table.name, strings.Join(names, ", "))
		if _, err := conn.PgConn().CopyFrom(t.Context(), file, sql); err != nil {
			t.Fatal(err)
		}
	}
}

func sortedByView(views []asof.ViewQuery) []asof.ViewQuery {
	return slices.SortedFunc(slices.Values(views), func(a, b asof.ViewQuery) int { return strings.Compare(a.View, b.View) })
}

// inType writes a value that Python printed as its declared type has it.
func inType(t *testing.T, text *string, typ arrow.DataType) string {
	t.Helper()
	if text == nil {
		return "NULL"
	}
	if typ.ID() == arrow.FLOAT32 {
		v, err := strconv.ParseFloat(*text, 32)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%08x", math.Float32bits(float32(v)))
	}
	if typ.ID() == arrow.INT64 {
		v, err := strconv.ParseFloat(*text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(int64(v), 10)
	}
	if typ.ID() == arrow.BOOL {
		return strings.ToLower(*text)
	}
	return *text
}

// exact writes a value: floats by their bits.
func exact(column arrow.Array, i int) string {
	if column.IsNull(i) {
		return "NULL"
	}
	if c, ok := column.(*array.Float32); ok {
		return fmt.Sprintf("%08x", math.Float32bits(c.Value(i)))
	}
	return column.ValueStr(i)
}
