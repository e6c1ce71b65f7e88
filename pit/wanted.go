package pit

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// ReadWanted makes the table WantedTable from the keys that a query is limited
// to, in the order of the view's keys.
func ReadWanted(view *asof.ViewQuery, asked arrow.RecordBatch, mem memory.Allocator) (arrow.RecordBatch, error) {
	var columns []arrow.Array
	var fields []arrow.Field
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, k := range view.Keys {
		at := asked.Schema().FieldIndices(k.Entity)
		if len(at) != 1 {
			return nil, asof.Errorf(asof.CodeInvalid, "the keys asked for have no column %q, a join key of feature view %q", k.Entity, view.View)
		}
		key, err := asof.Cast(asked.Column(at[0]), k.Type, mem)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "the keys asked for: %s: %w", k.Entity, err)
		}
		columns = append(columns, key)
		fields = append(fields, arrow.Field{Name: numbered("k", i), Type: key.DataType(), Nullable: true})
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, asked.NumRows()), nil
}
