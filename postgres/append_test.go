package postgres_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
)

func TestAppend(t *testing.T) {
	open, _ := openTables(t)
	storetest.Append(t, open)
}

func TestAppendKilled(t *testing.T) {
	storetest.AppendKilled(t,
		func(t *testing.T) string {
			url := newDatabase(t)
			run(t, url, "CREATE TABLE trips AS "+storetest.AppendedTrips(t).Values())
			return url
		},
		func(t *testing.T, url string, step func(string)) (storetest.OfflineUnderTest, *asof.DataSource) {
			config, err := pgx.ParseConfig(url)
			if err != nil {
				t.Fatal(err)
			}
			store := openAs(t, config).Offline()
			store.OnAppendStep(step)
			return storetest.OfflineUnderTest{Name: "postgres", OfflineStore: store}, &asof.DataSource{Name: "trips", Kind: asof.SourcePostgres, Table: "trips"}
		},
		func(*testing.T, string) []string { return nil })
}

// texts makes a row of texts.
func texts(t *testing.T, columns ...string) array.RecordReader {
	t.Helper()
	var fields []arrow.Field
	for i := 0; i < len(columns); i += 2 {
		fields = append(fields, arrow.Field{Name: columns[i], Type: arrow.BinaryTypes.String, Nullable: true})
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for i := 1; i < len(columns); i += 2 {
		b.Field(i / 2).(*array.StringBuilder).Append(columns[i])
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	rows, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rows.Release)
	return rows
}

// Types that only PostgreSQL has take their values, and lengths, ranges and keys
// are minded.
func TestAppendToPostgresTypes(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, `CREATE TYPE mood AS ENUM ('sad', 'happy')`, `CREATE DOMAIN fee AS numeric(8,2) CHECK (VALUE >= 0)`,
		`CREATE TABLE "Kinds" (k varchar(3) PRIMARY KEY, at timestamp, day date, u uuid, m mood, f fee, j jsonb, n numeric, a int[], c char(5), z smallint, v bytea, i interval)`,
		`CREATE TABLE twice (n int, double int GENERATED ALWAYS AS (n * 2) STORED)`, `CREATE VIEW looks AS SELECT k, z FROM "Kinds"`)
	source := &asof.DataSource{Name: "kinds", Kind: asof.SourcePostgres, Table: `"Kinds"`}
	row := []string{"k", "abc", "at", "2024-01-02 03:04:05+02:00", "day", "2024-01-02", "u", "00000000-0000-0000-0000-000000000001", "m", "happy", "f", "12.5",
		"j", `{"b": [1]}`, "n", "0.1000000000000000000001", "a", "[1,null]", "c", "ab", "z", "-7", "v", "x", "i", "1 day"}
	with := func(column, value string) array.RecordReader {
		changed := append([]string(nil), row...)
		for i := 0; i < len(changed); i += 2 {
			if changed[i] == column {
				changed[i+1] = value
			}
		}
		return texts(t, changed...)
	}
	if n, err := store.Append(t.Context(), source, texts(t, row...)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	conn, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var got string
	if err := conn.QueryRow(t.Context(), `SELECT string_agg(x::text, ' ') FROM "Kinds" x`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	want := `(abc,"2024-01-02 01:04:05",2024-01-02,00000000-0000-0000-0000-000000000001,happy,12.50,"{""b"": [1]}",0.1000000000000000000001,"{1,NULL}","ab   ",-7,"\\x78","1 day")`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	for _, c := range []struct{ column, value, says string }{
		{"k", "abcd", "too long"}, {"k", "abc", "duplicate key"}, {"day", "2024-01-02 10:00", `column "day"`}, {"u", "no", "uuid"}, {"m", "glad", "mood"},
		{"f", "-1", "fee"}, {"f", "1234567.5", "numeric field overflow"}, {"j", "{", "json"}, {"a", "[x]", `column "a"`}, {"c", "abcdef", "too long"}, {"z", "40000", `column "z"`},
		{"n", "a lot", "numeric"}, {"k", "a\x00", "NUL"},
	} {
		if n, err := store.Append(t.Context(), source, with(c.column, c.value)); n != 0 || asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), `"kinds"`) {
			t.Errorf("%s = %q: %d, %v, want one that says %s", c.column, c.value, n, err, c.says)
		}
	}
	if n, err := store.Append(t.Context(), &asof.DataSource{Name: "looks", Kind: asof.SourcePostgres, Table: warehouseTable("looks")}, texts(t, "z", "1", "k", "x")); n != 1 || err != nil {
		t.Errorf("through a view: %d, %v", n, err)
	}
	_, err = store.Append(t.Context(), &asof.DataSource{Name: "twice", Kind: asof.SourcePostgres, Table: "twice"}, texts(t, "n", "1", "double", "2"))
	invalid(t, err, `"double"`)

	w := openWarehouse(t, url)
	if err := replaceBy(t, w, "training", texts(t, "k", "x")); err != nil {
		t.Fatal(err)
	}
	_, err = store.Append(t.Context(), &asof.DataSource{Name: "set", Kind: asof.SourcePostgres, Table: "training"}, texts(t, "k", "y"))
	invalid(t, err, "training set")
}

// warehouseTable names a table with its schema.
func warehouseTable(name string) string { return pgx.Identifier{warehouseSchema, name}.Sanitize() }
