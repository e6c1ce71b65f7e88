package duckdb_test

import (
	"context"
	"strings"
	"testing"

	"github.com/duckdb/duckdb-go/v2"

	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

func TestWarehouse(t *testing.T) {
	storetest.Warehouse(t, func(t *testing.T) storetest.WarehouseUnderTest {
		w, err := asofduckdb.OpenWarehouse(t.TempDir() + "/a [*] folder/warehouse")
		if err != nil {
			t.Fatal(err)
		}
		return storetest.WarehouseUnderTest{Warehouse: w, Read: reader(w)}
	})
}

// reader answers SQL over a pin, in a DuckDB of its own.
func reader(w *asofduckdb.Warehouse) func(context.Context, string) ([][]string, error) {
	return func(ctx context.Context, sql string) ([][]string, error) {
		pin, err := w.Pin(ctx)
		if err != nil {
			return nil, err
		}
		defer pin.Release()
		connector, err := duckdb.NewConnector("", nil)
		if err != nil {
			return nil, err
		}
		defer connector.Close()
		conn, err := connector.Connect(ctx)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		arrow, err := duckdb.NewArrowFromConn(conn)
		if err != nil {
			return nil, err
		}
		statements := []string{"SET TimeZone = 'UTC'"}
		for _, table := range pin.Tables() {
			statements = append(statements, "CREATE TEMP VIEW "+table.Name+" AS FROM "+table.Relation)
		}
		for _, statement := range statements {
			rows, err := arrow.QueryContext(ctx, statement)
			if err != nil {
				return nil, err
			}
			rows.Release()
		}
		rows, err := arrow.QueryContext(ctx, "SELECT COLUMNS(*)::VARCHAR FROM ("+sql+")")
		if err != nil {
			return nil, err
		}
		defer rows.Release()
		var all [][]string
		for rows.Next() {
			batch := rows.RecordBatch()
			for i := range int(batch.NumRows()) {
				row := make([]string, batch.NumCols())
				for j, column := range batch.Columns() {
					row[j] = "∅"
					if !column.IsNull(i) {
						row[j] = strings.Clone(column.ValueStr(i))
					}
				}
				all = append(all, row)
			}
		}
		return all, rows.Err()
	}
}
