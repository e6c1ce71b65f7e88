package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

// openOffline makes a database with the team's schema, and a store over it.
func openOffline(t *testing.T) (*postgres.Offline, string) {
	t.Helper()
	d := storetest.Postgres(t).Database(t)
	run(t, d.URL(), "CREATE SCHEMA "+pgx.Identifier{warehouseSchema}.Sanitize())
	return openDatabase(t, d, warehouseSchema).Offline(), d.URL()
}

func TestOffline(t *testing.T) { offlineSuite(t, func(*postgres.Offline) {}) }

// Small tables are sorted in the server. The other ways pass the suite too.
func TestOfflineByLookup(t *testing.T) {
	offlineSuite(t, func(o *postgres.Offline) { o.Force(postgres.ByLookup) })
}

func TestOfflineInMemory(t *testing.T) {
	offlineSuite(t, func(o *postgres.Offline) { o.Force(postgres.InMemory) })
}

func offlineSuite(t *testing.T, prepare func(*postgres.Offline)) {
	open, store := openTables(t)
	prepare(store)
	storetest.Offline(t, open)
}

// openTables returns a store whose tables the suites make.
func openTables(t *testing.T) (func(t *testing.T) storetest.OfflineUnderTest, *postgres.Offline) {
	store, url := openOffline(t) // a database takes longer to make than all the cases
	return func(t *testing.T) storetest.OfflineUnderTest {
		return storetest.OfflineUnderTest{Name: "postgres", OfflineStore: store, Load: func(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
			table = table.Flat()
			var columns []string
			for _, c := range table.Columns {
				columns = append(columns, pgx.Identifier{c.Name}.Sanitize()+" "+storetest.SQLType(c))
			}
			name := pgx.Identifier{table.Name}.Sanitize()
			run(t, url, "DROP TABLE IF EXISTS "+name, fmt.Sprintf("CREATE TABLE %s (%s)", name, strings.Join(columns, ", ")),
				"INSERT INTO "+name+" "+table.Values())
			return &asof.DataSource{Name: table.Name, Kind: asof.SourcePostgres, Table: name}
		}}
	}, store
}

// latest answers the view "v" over a source: rows of key and features as text.
func latest(ctx context.Context, store *postgres.Offline, source *asof.DataSource, features ...asof.FeatureColumn) ([]string, error) {
	reader, err := store.PullLatest(ctx, &asof.Latest{To: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), View: asof.ViewQuery{
		View: "v", Source: source, Timestamp: "at", Features: features,
		Keys: []asof.KeyColumn{{Column: "k", Entity: "k", Type: asof.Scalar(asof.TypeString)}}}})
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var rows []string
	for reader.Next() {
		b := reader.RecordBatch()
		for i := range int(b.NumRows()) {
			row := []string{b.Column(0).ValueStr(i)}
			for _, c := range b.Columns()[3:] {
				row = append(row, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(row, " "))
		}
	}
	slices.Sort(rows)
	return rows, reader.Err()
}

func feature(name string, t asof.ValueType) asof.FeatureColumn {
	return asof.FeatureColumn{Column: name, Output: name, Type: asof.Scalar(t)}
}

// Types that only PostgreSQL has come out in ours, and are what Columns says.
func TestPostgresTypes(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, `CREATE TYPE mood AS ENUM ('sad', 'happy')`, `CREATE DOMAIN fee AS numeric(8,2)`,
		`CREATE TABLE kinds (k varchar(10), at timestamp(3), u uuid, m mood, f fee, j jsonb, o json, n numeric, a int[], s text[], x numeric(6,2)[], c char(5), z smallint, v bytea)`,
		`INSERT INTO kinds VALUES ('k', '2024-01-01', '00000000-0000-0000-0000-000000000001', 'happy', 12.5, '{"b": 1, "a": [1]}', '{"b":1}', 'NaN', '{1,NULL,3}', '{"a b",NULL}', '{1.50,2}', 'ab', 7, '\x00ff')`)
	source := &asof.DataSource{Name: "kinds", Kind: asof.SourcePostgres, Table: "Kinds", TimestampField: "at"}
	columns, err := store.Columns(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range columns {
		got = append(got, fmt.Sprintf("%s %s %s", c.Name, c.Native, c.Type))
	}
	want := []string{"k character varying(10) String", "at timestamp(3) without time zone UnixTimestamp", "u uuid Uuid", "m mood String", "f numeric(8,2) Float64",
		"j jsonb Map", "o json Map", "n numeric Float64", "a integer[] Array(Int32)", "s text[] Array(String)", "x numeric(6,2)[] Array(Float64)",
		"c character(5) String", "z smallint Int32", "v bytea Bytes"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("columns: -want +got\n%s", d)
	}
	rows, err := latest(t.Context(), store, source, feature("u", asof.TypeUUID), feature("m", asof.TypeString), feature("f", asof.TypeFloat32),
		feature("j", asof.TypeMap), feature("o", asof.TypeString), feature("n", asof.TypeFloat64), feature("a", asof.TypeInt64List),
		feature("s", asof.TypeStringList), feature("x", asof.TypeFloat32List), feature("c", asof.TypeString), feature("z", asof.TypeInt64), feature("v", asof.TypeBytes))
	if err != nil {
		t.Fatal(err)
	}
	if want := `k 00000000-0000-0000-0000-000000000001 happy 12.5 {"a":[1],"b":1} {"b":1} NaN [1,null,3] ["a b",null] [1.5,2] ab 7 AP8=`; len(rows) != 1 || rows[0] != want {
		t.Errorf("%v\nwant %s", rows, want)
	}
}

// Composite types, arrays of several dimensions, of enums and of JSON, and
// hstore become structs, lists and maps.
func TestPostgresNestedTypes(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, `CREATE EXTENSION hstore`, `CREATE TYPE mood AS ENUM ('sad', 'happy')`, `CREATE TYPE address AS (city text, zip int, moods mood[])`,
		`CREATE TABLE nested (k text, at date, one address, many address[], grid int[], moods mood[], h hstore, j jsonb[])`,
		`INSERT INTO nested VALUES ('k', '2024-01-01', ROW('Bern', 3000, '{happy}'), ARRAY[ROW('Bâle', NULL, NULL), NULL]::address[], '{{1,2},{3,4}}', '{sad,NULL}', 'b=>1,a=>NULL', ARRAY['{"b":1,"a":2}'::jsonb])`,
		`INSERT INTO nested SELECT k, at, ROW('Aarau', 5000, NULL)::address, many, grid, moods, h, j FROM nested`)
	source := &asof.DataSource{Name: "nested", Kind: asof.SourcePostgres, Table: "nested", TimestampField: "at"}
	place := asof.Type{Value: asof.TypeStruct, Fields: []asof.Field{{Name: "zip", Type: asof.Scalar(asof.TypeInt64)}, {Name: "moods", Type: asof.Scalar(asof.TypeStringList)}}}
	as := func(name string, typ asof.Type) asof.FeatureColumn {
		return asof.FeatureColumn{Column: name, Output: name, Type: typ}
	}
	rows, err := latest(t.Context(), store, source, as("one", place), as("many", asof.Type{Value: asof.TypeStructList, Fields: place.Fields[:1]}),
		as("grid", asof.ListOf(asof.Scalar(asof.TypeInt64List))), feature("moods", asof.TypeStringList), feature("h", asof.TypeMap), feature("j", asof.TypeMapList))
	if err != nil {
		t.Fatal(err)
	}
	if want := `k {"moods":["happy"],"zip":3000} [{"zip":null},null] [[1,2],[3,4]] ["sad",null] {"a":null,"b":"1"} ["{\"a\":2,\"b\":1}"]`; len(rows) != 1 || rows[0] != want {
		t.Errorf("%v\nwant %s", rows, want)
	}
}

// A numeric among the entity rows comes out exactly, or is an error.
func TestEntityNumerics(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, `CREATE TABLE fees (k text, at date, fee int)`)
	view := asof.ViewQuery{View: "v", Source: &asof.DataSource{Name: "fees", Kind: asof.SourcePostgres, Table: "fees"}, Timestamp: "at",
		Keys: []asof.KeyColumn{{Column: "k", Entity: "k", Type: asof.Scalar(asof.TypeString)}}, Features: []asof.FeatureColumn{feature("fee", asof.TypeInt64)}}
	for expression, want := range map[string]string{
		"(-1234567.5)::numeric(10,2)": "-1234567.5 decimal(10, 2)", "0::numeric(38,38)": "0 decimal(38, 38)", "1.25::numeric": "1.25 decimal(38, 18)",
		"12345678901234567890.000000000000000001::numeric": "12345678901234567890.000000000000000001 decimal(38, 18)",
		"NULL::numeric(4,1)": "(null) decimal(4, 1)", "'NaN'::numeric": "is NaN or infinite", "'-Infinity'::numeric": "is NaN or infinite",
		"1e20::numeric": "does not fit decimal(38, 18)", "1e-19::numeric": "does not fit decimal(38, 18)", "7::numeric(50,2)": "7 decimal(38, 18)",
	} {
		reader, err := store.Historical(t.Context(), &asof.PointInTime{Timestamp: "event_timestamp", Views: []asof.ViewQuery{view},
			Entities: asof.EntityRows{SQL: "SELECT 'a' AS k, DATE '2024-01-31' AS event_timestamp, " + expression + " AS n"}})
		got := ""
		if err == nil {
			for reader.Next() {
				column := reader.RecordBatch().Column(2)
				got = column.ValueStr(0) + " " + column.DataType().String()
			}
			err = reader.Err()
			reader.Release()
		}
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

// A row that is valid for ever says nothing of how far its table reaches.
func TestRangeOfInfiniteTimes(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, `CREATE TABLE plans (k text, at timestamptz)`, `INSERT INTO plans VALUES ('a', '-infinity'), ('a', '2024-01-31T00:00:00Z'), ('b', 'infinity'), ('c', NULL)`)
	source := &asof.DataSource{Name: "plans", Kind: asof.SourcePostgres, Table: "plans", TimestampField: "at"}
	day := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	if got, err := store.Range(t.Context(), source); err != nil || got != (asof.SourceRange{Rows: 4, Oldest: day, Newest: day}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What is wrong with a source is said in a sentence.
func TestPostgresSources(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, `CREATE TABLE fees (k text, at date, fee numeric)`, `INSERT INTO fees VALUES ('a', '2024-01-31', 1.25), ('b', '2024-01-31', 1e39)`)
	source := func(query, table string) *asof.DataSource {
		return &asof.DataSource{Name: "src", Kind: asof.SourcePostgres, Query: query, Table: table}
	}
	for _, c := range []struct {
		source *asof.DataSource
		want   string
	}{
		{source("SELECT k, at, fee FROM fees WHERE k = 'a'; ", ""), "[a 1.25]"},
		{source("SELECT k, at, fee FROM fees WHERE k = 'a' -- one", ""), "[a 1.25]"},
		{source("", `"the team's".fees`), `feature view "v": column "fee" holds "1000000000000000000000000000000000000000" where k=b, which does not fit its declared type Float32`},
		{source("SELECT 1; SELECT 2", ""), `data source "src": PostgreSQL at `},
		{source("SELECT 1; SELECT 2", ""), ` does not take it as one SELECT: syntax error at or near ";"`},
		{source("SELECT 1) AS x; DROP TABLE fees; SELECT * FROM (SELECT 2", ""), "does not take it as one SELECT"},
		{source("DELETE FROM fees", ""), `does not take it as one SELECT`},
		{source("DELETE FROM fees RETURNING k, at, fee", ""), `does not take it as one SELECT`},
		{source("WITH gone AS (DELETE FROM fees RETURNING *) SELECT * FROM gone", ""), `does not take it as one SELECT`},
		{source("SELECT * FROM fee", ""), `has no table "fee" in schema "the team's"; did you mean "fees"?`},
		{source("", "feees"), `has no table "feees" in schema "the team's"; did you mean "fees"?`},
		{source("SELECT k, at, 1 / (fee - fee)::int AS fee FROM fees", ""), `division by zero`},
		{&asof.DataSource{Name: "file", Kind: asof.SourceFile, Path: "x.parquet"}, `"file" is a file, which the postgres offline store does not read; write ` + "`offline_store: {type: duckdb}` and name this database under asof.connections"},
		{&asof.DataSource{Name: "big", Kind: asof.SourceOther, Class: "feast.BigQuerySource"}, `"big" is a feast.BigQuerySource source`},
	} {
		rows, err := latest(t.Context(), store, c.source, feature("fee", asof.TypeFloat32))
		got := fmt.Sprint(rows)
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%s: code %s", got, asof.ErrorCode(err))
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s%s: %s\nwant %s", c.source.Query, c.source.Table, got, c.want)
		}
		// apply asks for the columns alone, and has to find what is no SELECT.
		if _, err := store.Columns(t.Context(), c.source); strings.Contains(c.want, "one SELECT") && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: columns: %v\nwant %s", c.source.Query, err, c.want)
		}
	}
	rows, err := latest(t.Context(), store, source("SELECT k, at, 1 AS fee FROM fees", ""), feature("fee", asof.TypeInt64))
	if err != nil || fmt.Sprint(rows) != "[a 1 b 1]" {
		t.Errorf("the table is no longer whole: %v %v", rows, err)
	}
}

// A cancelled context ends the query in the server, and an answer that is not
// read to its end leaves neither a transaction nor a connection behind.
func TestQueriesEnd(t *testing.T) {
	store, url := openOffline(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	source := &asof.DataSource{Name: "slow", Kind: asof.SourcePostgres, TimestampField: "at",
		Query: "SELECT 'k' AS k, timestamptz '2024-01-01' AS at, pg_sleep(60)::text AS x"}
	start := time.Now()
	if _, err := latest(ctx, store, source, feature("x", asof.TypeString)); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	for range 12 { // more than the pool has connections
		reader, err := store.PullLatest(t.Context(), &asof.Latest{To: time.Now(), View: asof.ViewQuery{View: "v", Timestamp: "at",
			Source:   &asof.DataSource{Name: "long", Kind: asof.SourcePostgres, Query: "SELECT g AS k, timestamptz '2024-01-01' AS at, repeat('x', 100) AS x FROM generate_series(1, 100000) g"},
			Keys:     []asof.KeyColumn{{Column: "k", Entity: "k", Type: asof.Scalar(asof.TypeInt64)}},
			Features: []asof.FeatureColumn{feature("x", asof.TypeString)}}})
		if err != nil {
			t.Fatal(err)
		}
		if !reader.Next() {
			t.Fatal(reader.Err())
		}
		reader.Release()
	}
	conn, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	deadline := time.Now().Add(20 * time.Second)
	for {
		var busy int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'").Scan(&busy); err != nil {
			t.Fatal(err)
		}
		if busy == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still at work", busy)
		}
		time.Sleep(20 * time.Millisecond) // the server ends a cancelled query when it gets to it
	}
}
