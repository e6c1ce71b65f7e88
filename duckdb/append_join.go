//go:build duckdb_arrow

package duckdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/asof-dev/asof"
)

// parquetMagic begins and ends a Parquet file.
const parquetMagic = "PAR1"

// joinParquet writes the rows of old and then those of added into a file, which
// reaches the disk.
//
// The bytes of old stay where they are: whoever has read where its rows lie, and
// opens the file again by its name, finds them there. DuckDB does, in the middle
// of a query. Behind them come the bytes of added, and then what says where all
// of it is.
func joinParquet(to, old, added *os.File) error {
	first, firstEnd, err := parquetParts(old)
	if err != nil {
		return err
	}
	second, secondEnd, err := parquetParts(added)
	if err != nil {
		return err
	}
	if err := sameLeaves(old.Name(), first.Schema, second.Schema); err != nil {
		return err
	}
	moved := firstEnd - int64(len(parquetMagic))
	for _, group := range second.RowGroups {
		group.FileOffset, group.Ordinal = nil, nil // neither has to be there
		for i, chunk := range group.Columns {
			m := chunk.MetaData
			m.PathInSchema = first.Schema.Column(i).ColumnPath()
			m.DataPageOffset += moved
			for _, offset := range []*int64{m.DictionaryPageOffset, m.IndexPageOffset, m.BloomFilterOffset, chunk.OffsetIndexOffset, chunk.ColumnIndexOffset} {
				if offset != nil {
					*offset += moved
				}
			}
			if chunk.FileOffset != 0 {
				chunk.FileOffset += moved
			}
		}
		first.RowGroups = append(first.RowGroups, group)
		first.NumRows += group.NumRows
	}
	for _, part := range []*io.SectionReader{io.NewSectionReader(old, 0, firstEnd), io.NewSectionReader(added, int64(len(parquetMagic)), secondEnd-int64(len(parquetMagic)))} {
		if _, err := io.Copy(to, part); err != nil {
			return err
		}
	}
	size, err := first.WriteTo(to, nil)
	if err != nil {
		return err
	}
	if _, err := to.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(size)), parquetMagic...)); err != nil {
		return err
	}
	return to.Sync()
}

// parquetParts returns what a file says of its rows, and where that begins.
func parquetParts(f *os.File) (*metadata.FileMetaData, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	r, err := file.NewParquetReader(io.NewSectionReader(f, 0, info.Size()))
	if err != nil {
		return nil, 0, asof.Errorf(asof.CodeInvalid, "%s cannot be read: %w", f.Name(), err)
	}
	return r.MetaData(), info.Size() - 8 - int64(r.MetaData().Size()), nil
}

// sameLeaves refuses files whose values have not the same bytes.
func sameLeaves(path string, old, added *schema.Schema) error {
	if old.NumColumns() != added.NumColumns() {
		return asof.Errorf(asof.CodeConflict, "%s has other columns by now; try again", path)
	}
	for i := range old.NumColumns() {
		a, b := old.Column(i), added.Column(i)
		if a.ColumnPath()[0] == b.ColumnPath()[0] && layout(a) == layout(b) {
			continue
		}
		return asof.Errorf(asof.CodeInvalid, "no rows are added to %s, whose column %q has a form that is not written here (%s); write the file anew with pandas, or make the source a folder",
			path, a.Path(), a.PhysicalType())
	}
	return nil
}

// layout is what decides how the values of a column are written.
func layout(c *schema.Column) string {
	unit := ""
	switch t := c.LogicalType().(type) {
	case schema.TimestampLogicalType:
		unit = fmt.Sprint(t.TimeUnit())
	case schema.TimeLogicalType:
		unit = fmt.Sprint(t.TimeUnit())
	case schema.DecimalLogicalType:
		unit = fmt.Sprint(t.Scale())
	}
	return fmt.Sprint(c.PhysicalType(), max(c.TypeLength(), 0), c.MaxDefinitionLevel(), c.MaxRepetitionLevel(), unit)
}
