package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
)

// oneRow makes a row of one column from JSON.
func oneRow(t *testing.T, name string, typ arrow.DataType, value string) array.RecordReader {
	t.Helper()
	column, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader("["+value+"]"))
	if err != nil {
		t.Fatal(err)
	}
	batch := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: name, Type: typ, Nullable: true}}, nil), []arrow.Array{column}, 1)
	rows, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func replaceBy(t *testing.T, w asof.Warehouse, table string, rows array.RecordReader) error {
	t.Helper()
	return storetest.Replace(t.Context(), w, table, "id", rows)
}

// invalid checks that an error is the caller's, and what it says.
func invalid(t *testing.T, err error, says string) {
	t.Helper()
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), says) {
		t.Errorf("error = %v, want one that says %q", err, says)
	}
}

func TestReplacementKeepsWhatOthersMade(t *testing.T) {
	url := newDatabase(t)
	w := openWarehouse(t, url)
	number := arrow.PrimitiveTypes.Int64
	run(t, url, `CREATE TABLE teams (n int)`, `CREATE VIEW looks AS SELECT * FROM teams`, `CREATE INDEX an_index ON teams (n)`,
		`CREATE MATERIALIZED VIEW kept AS SELECT * FROM teams`, `CREATE TABLE parts (n int) PARTITION BY LIST (n)`)
	for _, name := range []string{"teams", "looks", "an_index", "kept", "parts"} {
		invalid(t, replaceBy(t, w, name, oneRow(t, "n", number, "1")), "no training set made")
	}

	// Rights are kept, and the role that has them is named with quotes.
	for range 2 {
		if err := replaceBy(t, w, "training", oneRow(t, "n", number, "1")); err != nil {
			t.Fatal(err)
		}
		run(t, url, `DO $$ BEGIN CREATE ROLE "the readers"; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
			`GRANT SELECT ON training TO "the readers" WITH GRANT OPTION`, `GRANT INSERT ON training TO PUBLIC`)
	}
	if err := replaceBy(t, w, "training", oneRow(t, "n", number, "2")); err != nil {
		t.Fatal(err)
	}
	rights, err := w.Read(t.Context(), `SELECT has_table_privilege('the readers', 'training', 'SELECT WITH GRANT OPTION'),
 has_table_privilege('the readers', 'training', 'INSERT'), has_table_privilege('the readers', 'training', 'DELETE')`)
	if err != nil || strings.Join(rights[0], " ") != "true true false" {
		t.Errorf("rights = %v, %v", rights, err)
	}
	run(t, url, `DROP OWNED BY "the readers"`, `DROP ROLE "the readers"`)

	run(t, url, `CREATE VIEW report AS SELECT n FROM training`)
	invalid(t, replaceBy(t, w, "training", oneRow(t, "n", number, "3")), `view report depends on table training; drop that first`)
	run(t, url, `DROP VIEW report`, `COMMENT ON TABLE training IS 'ours now'`)
	invalid(t, replaceBy(t, w, "training", oneRow(t, "n", number, "3")), "no training set made")
	if rows, err := w.Read(t.Context(), "SELECT n FROM training"); err != nil || rows[0][0] != "2" {
		t.Errorf("training = %v, %v", rows, err)
	}
}

func TestReplacementRefusesWhatWouldBeOther(t *testing.T) {
	w := openWarehouse(t, newDatabase(t))
	nanos := &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	for _, c := range []struct {
		name  string
		typ   arrow.DataType
		value string
		says  string
	}{
		{"at", nanos, `"2024-01-31T00:00:00.000000001Z"`, `row 1, column "at": the time 2024-01-31T00:00:00.000000001 is finer than the microsecond`},
		{"ats", arrow.ListOf(nanos), `["2024-01-31T00:00:00.000000001Z"]`, `finer than the microsecond`},
		{"at", &arrow.TimestampType{Unit: arrow.Second}, `9223372036854775807`, "beyond what PostgreSQL keeps"},
		{"note", arrow.BinaryTypes.String, `"a\u0000b"`, `row 1, column "note": the text has a NUL character`},
		{"notes", arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String}), `{"x": "a\u0000b"}`, `row 1, column "notes": the text has a NUL character`},
		{"took", arrow.FixedWidthTypes.Duration_s, "1", `column "took" holds values of type duration[s]`},
		{strings.Repeat("é", 32), arrow.PrimitiveTypes.Int64, "1", "more than the 63 bytes"},
		{"", arrow.PrimitiveTypes.Int64, "1", "zero-length"},
		{"xmin", arrow.PrimitiveTypes.Int64, "1", "system column"},
	} {
		invalid(t, replaceBy(t, w, "training", oneRow(t, c.name, c.typ, c.value)), c.says)
	}
	if list, err := w.Replaced(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("listed = %v, %v", list, err)
	}
}

// A transaction that began before a table is replaced, and reads it after,
// finds rows.
func TestReplacementIsWholeForOlderTransactions(t *testing.T) {
	url := newDatabase(t)
	w := openWarehouse(t, url)
	if err := replaceBy(t, w, "training", oneRow(t, "n", arrow.PrimitiveTypes.Int64, "1")); err != nil {
		t.Fatal(err)
	}
	conn, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	tx, err := conn.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	var n int64
	if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_class").Scan(&n); err != nil { // takes its snapshot
		t.Fatal(err)
	}
	if err := replaceBy(t, w, "training", oneRow(t, "n", arrow.PrimitiveTypes.Int64, "2")); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), "SELECT n FROM training").Scan(&n); err != nil || n != 2 {
		t.Errorf("n = %d, %v", n, err)
	}
}

func TestReplacementNeedsARight(t *testing.T) {
	url := newDatabase(t)
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	run(t, url, `CREATE ROLE looker LOGIN PASSWORD 'x'`, `GRANT USAGE ON SCHEMA "the team's" TO looker`)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), `DROP OWNED BY looker; DROP ROLE looker`); err != nil {
			t.Error(err)
		}
	})
	config.User, config.Password = "looker", "x"
	db := openAs(t, config)
	r, err := db.Warehouse().Replace(t.Context(), "training")
	if asof.ErrorCode(err) != asof.CodeForbidden || !strings.Contains(err.Error(), "GRANT CREATE ON SCHEMA") {
		t.Errorf("Replace = %v, %v", r, err)
	}
}
