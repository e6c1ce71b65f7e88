//go:build duckdb_arrow

package duckdb

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// checkTimes refuses Parquet files whose rows would be seen before their time:
// DuckDB reads nanoseconds with a time zone as microseconds and cuts off the
// rest, which we round up. Most such files hold whole microseconds, and pass.
func (s *session) checkTimes(ctx context.Context, what, files string, view *asof.ViewQuery, columns []asof.SourceColumn) error {
	for _, c := range columns {
		if c.Native != "TIMESTAMP WITH TIME ZONE" || c.Name != view.Timestamp && c.Name != view.Created {
			continue
		}
		rows, err := s.arrow.QueryContext(ctx, "SELECT file_name FROM parquet_schema("+sqltext.Text(files)+") WHERE name = "+sqltext.Text(c.Name)+
			" AND logical_type LIKE '%NANOS=NanoSeconds%'")
		if err != nil {
			return s.fault(what, err)
		}
		var paths []string
		for rows.Next() {
			names := rows.RecordBatch().Column(0).(*array.String)
			for i := range names.Len() {
				paths = append(paths, strings.Clone(names.Value(i)))
			}
		}
		err = rows.Err()
		rows.Release()
		for _, path := range paths {
			var finer bool
			if err == nil {
				finer, err = hasNanoseconds(ctx, path, c.Name)
			}
			if finer {
				return asof.Errorf(asof.CodeInvalid, "%s: column %q of %s holds a time finer than a microsecond with a time zone, which DuckDB cuts off, so that its row would be seen before its time; round the column up to microseconds (pandas: .dt.ceil(\"us\")), or write it in UTC without a zone",
					what, c.Name, path)
			}
		}
		if err != nil {
			return s.fault(what, err)
		}
	}
	return nil
}

// hasNanoseconds reports whether a column of a file holds times between
// microseconds.
func hasNanoseconds(ctx context.Context, path, column string) (bool, error) {
	f, err := file.OpenParquetFile(path, false)
	if err != nil {
		return false, err
	}
	defer f.Close()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1 << 16}, memory.DefaultAllocator)
	if err != nil {
		return false, err
	}
	rows, err := reader.GetRecordReader(ctx, []int{f.MetaData().Schema.ColumnIndexByName(column)}, nil)
	if err != nil {
		return false, err
	}
	defer rows.Release()
	for rows.Next() {
		times, ok := rows.RecordBatch().Column(0).(*array.Timestamp)
		if !ok || times.DataType().(*arrow.TimestampType).Unit != arrow.Nanosecond {
			return false, nil
		}
		for i, t := range times.TimestampValues() {
			if t%1000 != 0 && times.IsValid(i) {
				return true, nil
			}
		}
	}
	return false, ctx.Err()
}
