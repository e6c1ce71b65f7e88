//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet/compress"

	"github.com/asof-dev/asof"
)

// Write writes the rows as they come. It is not left to the engine: that would
// have to hold them in types of its own, and in its own memory.
func (r *replacement) Write(ctx context.Context, rows array.RecordReader) (int64, error) {
	if err := r.describe(rows.Schema()); err != nil {
		return 0, err
	}
	if err := r.create(); err != nil {
		return 0, r.fault(err)
	}
	w, err := parquetWriter(r.file, rows.Schema(), form{codec: compress.Codecs.Zstd})
	if disk := (*fs.PathError)(nil); errors.As(err, &disk) { // it writes a few bytes at once
		return 0, r.fault(err)
	}
	if err != nil {
		return 0, asof.Errorf(asof.CodeInvalid, "the table %q cannot hold these columns: %w", r.table, err)
	}
	if r.rows, err = write(ctx, w, rows, r.fault); err != nil {
		_ = w.Close() // gives its memory back; the file is thrown away
		return r.rows, err
	}
	return r.rows, r.fault(w.Close())
}

// describe notes the columns. SQL takes names that differ in case alone for
// one.
func (r *replacement) describe(schema *arrow.Schema) error {
	seen := map[string]string{}
	for i, f := range schema.Fields() {
		if f.Name == "" {
			return asof.Errorf(asof.CodeInvalid, "column %d of the table %q would have no name; give it one", i+1, r.table)
		}
		folded := strings.ToLower(f.Name)
		if twin, ok := seen[folded]; ok {
			return asof.Errorf(asof.CodeInvalid, "the table %q would have the columns %q and %q, which SQL does not tell apart; give one of them another name",
				r.table, twin, f.Name)
		}
		seen[folded] = f.Name
		r.columns = append(r.columns, column{Name: f.Name, Type: f.Type.String()})
	}
	return nil
}
