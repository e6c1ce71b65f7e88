package memory

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

var _ asof.Appender = (*Offline)(nil)

// Append adds rows to the table of a source.
func (o *Offline) Append(ctx context.Context, source *asof.DataSource, rows array.RecordReader) (int64, error) {
	for source.Batch != nil && source.Kind != asof.SourcePostgres && source.Kind != asof.SourceFile {
		source = source.Batch
	}
	what := fmt.Sprintf("data source %q", source.Name)
	if source.Query != "" {
		return 0, asof.Errorf(asof.CodeInvalid, "%s reads a query, to which no rows can be added; give the source a table", what)
	}
	table, err := o.source(source)
	if err != nil {
		return 0, err
	}
	arranged, err := asof.Arrange(what, rows, table.Schema(), o.mem)
	if err != nil {
		return 0, err
	}
	defer arranged.Release()
	parts, n, err := gathered(arranged)
	defer func() {
		for _, column := range parts {
			release(column)
		}
	}()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, err
	}
	return n, o.grow(source.Table+source.Path, parts, n)
}

// gathered reads rows to their end, column by column.
func gathered(rows array.RecordReader) (parts [][]arrow.Array, n int64, err error) {
	parts = make([][]arrow.Array, rows.Schema().NumFields())
	for rows.Next() {
		n += rows.RecordBatch().NumRows()
		for i, c := range rows.RecordBatch().Columns() {
			c.Retain()
			parts[i] = append(parts[i], c)
		}
	}
	return parts, n, rows.Err()
}

// grow puts rows behind those of a table.
func (o *Offline) grow(name string, parts [][]arrow.Array, n int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.tables[name]
	columns := make([]arrow.Array, len(parts))
	for i, part := range parts {
		var err error
		if columns[i], err = array.Concatenate(append([]arrow.Array{old.Column(i)}, part...), o.mem); err != nil {
			return err
		}
		defer columns[i].Release()
	}
	o.tables[name] = array.NewRecordBatch(old.Schema(), columns, old.NumRows()+n)
	old.Release()
	return nil
}
