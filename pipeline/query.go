package pipeline

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// selected writes the rows of a query over the stage into a file in CSV, to be
// loaded as a file is: a stage answers and loads over one connection, and what
// it answers may be larger than memory. The caller removes the file.
func (r *run) selected(ctx context.Context, query string, table asof.Table) (path string, err error) {
	columns := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		typ := c.Type
		if typ == "numeric" { // DuckDB's has three digits behind the point
			typ = "numeric(38,18)"
		}
		columns[i] = "CAST(CAST(asof_rows." + quote(c.Name) + " AS " + typ + ") AS text)"
	}
	rows, err := r.stage.Query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM (\n"+strings.TrimRight(strings.TrimSpace(query), ";")+"\n) asof_rows")
	if err != nil {
		return "", err
	}
	defer rows.Release()
	file, err := os.CreateTemp("", "asof-query-*.csv")
	if err != nil {
		return "", asof.Errorf(asof.CodeUnavailable, "the rows of a query cannot be kept: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	out := bufio.NewWriterSize(file, 1<<16)
	header := make([]string, len(table.Columns))
	for i, name := range columnNames(table) {
		header[i] = quote(name)
	}
	_, _ = out.WriteString(strings.Join(header, ",") + "\n")
	for rows.Next() {
		writeRows(out, rows.RecordBatch())
	}
	if err := errors.Join(rows.Err(), out.Flush()); err != nil {
		return "", asof.Errorf(asof.ErrorCode(err), "the rows of the query of %s cannot be read: %w", table.Name, err)
	}
	return file.Name(), nil
}

// writeRows writes rows of text: NULL is an empty cell, all else stands in
// quotes. The writer keeps its first error for Flush.
func writeRows(out *bufio.Writer, batch arrow.RecordBatch) {
	for row := range int(batch.NumRows()) {
		for i, c := range batch.Columns() {
			if i > 0 {
				_ = out.WriteByte(',')
			}
			if !c.IsNull(row) {
				_, _ = out.WriteString(quote(c.ValueStr(row)))
			}
		}
		_ = out.WriteByte('\n')
	}
}
