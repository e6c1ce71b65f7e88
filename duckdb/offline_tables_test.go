//go:build duckdb_arrow

package duckdb_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

// A stranger's SELECT reads the warehouse's tables, and no file.
func TestReadsTables(t *testing.T) {
	dir := t.TempDir()
	run(t, "COPY ("+storetest.AppendedTrips(t).Values()+") TO '"+filepath.Join(dir, "trips.parquet")+"' (FORMAT parquet)")
	w, err := asofduckdb.OpenWarehouse(filepath.Join(dir, "warehouse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := storetest.Replace(t.Context(), w, "asked", "", usersOf(t, []any{1, 1, "1"})); err != nil {
		t.Fatal(err)
	}
	store := offline(t, asofduckdb.Options{Dir: dir, Warehouse: w})
	ask := func(sql string) error { return store.ReadsTables(t.Context(), sql) }
	file := filepath.Join(dir, "trips.parquet")
	const columns = "SELECT 1::BIGINT AS driver, TIMESTAMP '2024-01-02' AS event_timestamp"
	for _, sql := range []string{columns, columns + " FROM Asked", "WITH q AS (" + columns + " FROM asked) SELECT * FROM q AS r", columns + " FROM range(3), unnest([1, 2])",
		columns + " WHERE EXISTS (FROM asked WHERE id = 1)"} {
		if err := ask(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, from := range []string{"'" + file + "'", "read_parquet('" + file + "')", "read_text('/etc/hostname')", "glob('/*')", "duckdb_settings()",
		"query('SELECT 1')", "asked, (SELECT * FROM read_blob('/etc/hostname'))", "(WITH q AS (FROM '" + file + "') FROM q)",
		`(WITH "` + file + `" AS (SELECT 1) FROM "` + file + `") AS a, "` + file + `"`} {
		if err := ask(columns + " FROM " + from); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "may read the warehouse's tables alone") {
			t.Errorf("%s: %v", from, err)
		}
		if err := ask(columns + " WHERE EXISTS (SELECT * FROM " + from + ")"); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "may read the warehouse's tables alone") {
			t.Errorf("in a subquery, %s: %v", from, err)
		}
	}
	for _, sql := range []string{"DROP TABLE asked", "SELECT 1; SELECT 2", "COPY asked TO '" + file + "'", "PIVOT '" + file + "' ON driver"} {
		if err := ask(sql); asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
