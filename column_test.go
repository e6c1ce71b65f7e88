package asof_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

func TestColumnTypeWritesSQLsNamesOneWay(t *testing.T) {
	for in, want := range map[string]string{
		"INT": "integer", "Timestamp  with time zone": "timestamptz", "decimal (8, 2)": "numeric(8,2)",
		"numeric(5)": "numeric(5,0)", "NUMERIC": "numeric", "varchar": "text", "double precision": "double precision",
	} {
		if got, err := asof.ColumnType(in); err != nil || got != want {
			t.Errorf("ColumnType(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"json", "numeric(39,2)", "numeric(3,4)", "", "text[]"} {
		if got, err := asof.ColumnType(in); asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("ColumnType(%q) = %q, %v; want an error", in, got, err)
		}
	}
}

func TestSnapshotColumnsPutAsOfAfterTheKey(t *testing.T) {
	table := asof.Table{Name: "labels_snapshots", Key: []string{"user_id"},
		Columns: []asof.TableColumn{{Name: "user_id", Type: "text"}, {Name: "churn_label", Type: "boolean"}}}
	columns := table.SnapshotColumns()
	if len(columns) != 3 || columns[1] != (asof.TableColumn{Name: "as_of", Type: "date"}) || columns[2].Name != "churn_label" {
		t.Errorf("columns = %v", columns)
	}
	schema, err := table.Schema()
	if err != nil || !arrow.TypeEqual(schema.Field(1).Type, arrow.FixedWidthTypes.Boolean) {
		t.Errorf("schema = %v, %v", schema, err)
	}
	decimal, err := (asof.TableColumn{Name: "fee", Type: "numeric(8,2)"}).Arrow()
	if err != nil || !arrow.TypeEqual(decimal, &arrow.Decimal128Type{Precision: 8, Scale: 2}) {
		t.Errorf("numeric(8,2) is %v, %v", decimal, err)
	}
}
