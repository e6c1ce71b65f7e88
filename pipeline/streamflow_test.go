package pipeline_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/pipeline"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/sample"
	"github.com/asof-dev/asof/storetest"
)

const ingestMonth = "../definition/template/streamflow/pipelines/ingest_month.yaml"

// realMonth returns the folder of StreamFlow's own January: STREAMFLOW_DATA, or
// beside the module. Where it is not, made-up files stand in.
func realMonth(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("STREAMFLOW_DATA")
	if dir == "" {
		dir = "../../shared/streamflow-data"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "month_000", "users.csv")); err != nil {
		return sampleMonth(t)
	}
	return dir
}

// sampleMonth makes two months in StreamFlow's image.
func sampleMonth(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "seeds")
	if _, err := sample.StreamFlow(t.Context(), dir, sample.Options{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// warehouses are the two set-ups.
var warehouses = map[string]func(t *testing.T) asof.Warehouse{
	"embedded": func(t *testing.T) asof.Warehouse {
		w, err := duckdb.OpenWarehouse(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return w
	},
	"postgres": func(t *testing.T) asof.Warehouse {
		d := storetest.Postgres(t).Database(t)
		db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, User: d.User, Password: d.Password, Database: d.Name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db.Warehouse()
	},
}

// onBoth runs a test on both set-ups.
func onBoth(t *testing.T, test func(t *testing.T, w asof.Warehouse)) {
	for name, open := range warehouses {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func TestMain(m *testing.M) { storetest.Main(m) }

// online is a materialize step that remembers what it was asked.
type online struct {
	asOf    []string
	dropped map[string]int64
	err     error
}

func (o *online) materialize(_ context.Context, asOf time.Time, views []string, dropped map[string]arrow.RecordBatch, _ func(level, line string)) (int64, error) {
	o.asOf = append(o.asOf, asOf.Format(time.DateOnly))
	o.dropped = map[string]int64{}
	for table, keys := range dropped {
		o.dropped[table] = keys.NumRows()
	}
	return 0, o.err
}

func ingest(t *testing.T, w asof.Warehouse, seeds, month, asOf string, o *online) (monthReport, error) {
	t.Helper()
	p, err := pipeline.Load(ingestMonth)
	if err != nil {
		t.Fatal(err)
	}
	return carryOut(t.Context(), settings{Pipeline: p, Warehouse: w, Materialize: o.materialize,
		Params: map[string]string{"month": month, "as_of": asOf, "seeds": seeds}})
}

// mustIngest runs a month and returns its changes by table.
func mustIngest(t *testing.T, w asof.Warehouse, seeds, month, asOf string) map[string]asof.TableChange {
	t.Helper()
	report, err := ingest(t, w, seeds, month, asOf, new(online))
	if err != nil {
		t.Fatal(err)
	}
	return changes(report)
}

func changes(report monthReport) map[string]asof.TableChange {
	byTable := map[string]asof.TableChange{}
	for _, s := range report.Steps {
		for _, c := range s.Changes {
			byTable[c.Table] = c
		}
	}
	return byTable
}

// query returns one row of text of what is published.
func query(t *testing.T, w asof.Warehouse, sql string) string {
	t.Helper()
	stage, err := w.Stage(t.Context(), "reader")
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(t.Context())
	rows, err := stage.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	var values []string
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			for _, c := range batch.Columns() {
				values = append(values, strings.Clone(c.ValueStr(i)))
			}
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return strings.Join(values, " ")
}

func TestStreamFlowsJanuary(t *testing.T) {
	seeds := realMonth(t)
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		asked := new(online)
		report, err := ingest(t, w, seeds, "month_000", "2024-01-31", asked)
		if err != nil {
			t.Fatal(err)
		}
		for table, c := range changes(report) {
			if c.Rows != 7043 || c.Added != 7043 {
				t.Errorf("%s: %+v", table, c)
			}
		}
		if len(changes(report)) != 11 || len(asked.asOf) != 1 || asked.asOf[0] != "2024-01-31" {
			t.Errorf("%d tables, materialized at %v", len(changes(report)), asked.asOf)
		}
		for sql, want := range map[string]string{
			"SELECT CAST(count(*) AS text) FROM subscriptions_profile_snapshots WHERE plan_stream_tv IS NULL AND as_of = DATE '2024-01-31'":                                                                       "1526",
			"SELECT CAST(count(*) AS text) FROM subscriptions WHERE plan_stream_movies IS NULL AND net_service = 'No'":                                                                                            "1526",
			"SELECT CAST(months_active AS text), CAST(CAST(monthly_fee AS numeric(8,2)) AS text), CAST(paperless_billing AS text), net_service FROM subscriptions_profile_snapshots WHERE user_id = '3413-BMNZE'": "1 45.25 false DSL",
			"SELECT CAST(CAST(watch_hours_30d AS numeric(20,13)) AS text) FROM usage_agg_30d_snapshots WHERE user_id = '3413-BMNZE'":                                                                              "32.0919931169304",
			"SELECT CAST(count(*) AS text) FROM labels_snapshots WHERE as_of = DATE '2024-01-31'":                                                                                                                 "7043",
		} {
			if got := query(t, w, sql); got != want {
				t.Errorf("%s\n got %s\nwant %s", sql, got, want)
			}
		}
		again, err := ingest(t, w, seeds, "month_000", "2024-01-31", asked)
		if err != nil {
			t.Fatal(err)
		}
		for table, c := range changes(again) {
			if c.Equal != 7043 || c.Added+c.Changed+c.Removed != 0 {
				t.Errorf("again: %s: %+v", table, c)
			}
		}
		if list, err := w.Publications(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%d publications, %v", len(list), err)
		}
	})
}

// teamsTables are tables as a team like StreamFlow's has them.
const teamsTables = `
CREATE TABLE users (user_id TEXT PRIMARY KEY, signup_date DATE, user_gender TEXT, user_is_senior BOOLEAN, has_family BOOLEAN, has_dependents BOOLEAN);
CREATE TABLE subscriptions (user_id VARCHAR(20) PRIMARY KEY REFERENCES users(user_id), months_active INT, plan_stream_tv BOOLEAN, plan_stream_movies BOOLEAN,
 add_on_security BOOLEAN, add_on_backup BOOLEAN, add_on_device_protect BOOLEAN, add_on_support BOOLEAN, contract_type TEXT,
 paperless_billing BOOLEAN, monthly_fee NUMERIC(10,2), total_paid NUMERIC(12,2), net_service TEXT);
CREATE TABLE usage_agg_30d (user_id TEXT PRIMARY KEY REFERENCES users, watch_hours_30d NUMERIC, avg_session_mins_7d NUMERIC,
 unique_devices_30d INT, skips_7d INT, rebuffer_events_7d INT);
CREATE TABLE labels (user_id TEXT PRIMARY KEY REFERENCES users, churn_label BOOLEAN);
CREATE TABLE usage_agg_30d_snapshots (user_id TEXT, as_of DATE, watch_hours_30d NUMERIC, avg_session_mins_7d NUMERIC,
 unique_devices_30d INT, skips_7d INT, rebuffer_events_7d INT, PRIMARY KEY (user_id, as_of));
INSERT INTO users (user_id) VALUES ('3413-BMNZE'), ('0000-GONER');
INSERT INTO subscriptions (user_id, add_on_security) VALUES ('3413-BMNZE', true), ('0000-GONER', false);
INSERT INTO usage_agg_30d_snapshots (user_id, as_of, skips_7d) VALUES ('3413-BMNZE', '2024-01-31', 0), ('0000-GONER', '2024-01-31', 0), ('0000-GONER', '2023-12-31', 0);`

func TestAMonthGoesIntoTheTeamsOwnTables(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	conn, err := pgx.Connect(t.Context(), d.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), teamsTables); err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, User: d.User, Password: d.Password, Database: d.Name})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	got := mustIngest(t, db.Warehouse(), realMonth(t), "month_000", "2024-01-31")
	if c := got["subscriptions"]; c.Added != 7042 || c.Changed != 1 {
		t.Errorf("subscriptions: %+v", c)
	}
	if c := got["usage_agg_30d_snapshots"]; c.Added != 7042 || c.Changed != 1 || c.Removed != 1 {
		t.Errorf("usage_agg_30d_snapshots: %+v", c)
	}
	for sql, want := range map[string]string{
		"SELECT monthly_fee::text || ' ' || net_service || ' ' || add_on_security::text FROM subscriptions WHERE user_id = '3413-BMNZE'":        "45.25 DSL true",
		"SELECT count(*)::text || ' ' || count(add_on_security)::text FROM subscriptions":                                                       "7044 2",
		"SELECT watch_hours_30d::text FROM usage_agg_30d_snapshots WHERE user_id = '3413-BMNZE'":                                                "32.0919931169304",
		"SELECT string_agg(as_of::text, ' ') FROM usage_agg_30d_snapshots WHERE user_id = '0000-GONER'":                                         "2023-12-31",
		"SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE 'asof%' AND relkind = 'r' AND relpersistence <> 't'": "asof_dropped asof_history asof_loaded asof_publications asof_staged asof_stages",
	} {
		var value string
		if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil || value != want {
			t.Errorf("%s\n got %s, %v\nwant %s", sql, value, err, want)
		}
	}
}
