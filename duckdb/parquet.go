//go:build duckdb_arrow

package duckdb

import (
	"context"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// rowGroup is how many rows a row group holds at most: as many are in memory
// while a file is written.
const rowGroup = 1 << 17

// form is how a file's values are written.
type form struct {
	codec    compress.Compression
	integers bool // decimals are, where they fit
}

// parquetWriter begins a file of rows of a schema. Closing the writer leaves
// the file open.
func parquetWriter(f *os.File, schema *arrow.Schema, as form) (*pqarrow.FileWriter, error) {
	options := []parquet.WriterProperty{parquet.WithCompression(as.codec), parquet.WithMaxRowGroupLength(rowGroup), parquet.WithStoreDecimalAsInteger(as.integers)}
	for _, f := range schema.Fields() {
		if arrow.IsFloating(f.Type.ID()) { // these hardly ever repeat
			options = append(options, parquet.WithDictionaryFor(f.Name, false))
		}
	}
	return pqarrow.NewFileWriter(schema, struct{ io.Writer }{f}, parquet.NewWriterProperties(options...), pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
}

// write writes rows to their end. Why a file cannot be written is what fault
// makes of it; other errors are those of the rows and of the context.
func write(ctx context.Context, w *pqarrow.FileWriter, rows array.RecordReader, fault func(error) error) (n int64, err error) {
	for ctx.Err() == nil && rows.Next() {
		n += rows.RecordBatch().NumRows()
		if err := w.WriteBuffered(rows.RecordBatch()); err != nil {
			return n, fault(err)
		}
	}
	if ctx.Err() != nil {
		return n, ctx.Err()
	}
	return n, rows.Err()
}
