//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// Columns describes a source. The types of a CSV file are those that DuckDB
// detects in it; where a view declares others, the view's are taken.
func (o *Offline) Columns(ctx context.Context, source *asof.DataSource) ([]asof.SourceColumn, error) {
	c, err := o.elsewhere(ctx, source)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return c.columns(ctx, source)
	}
	s, err := o.session(ctx, text(source))
	if err != nil {
		return nil, err
	}
	defer s.close()
	r, err := s.relation(ctx, o.dir, source, nil)
	return r.columns, err
}

// Range says how much a source holds.
func (o *Offline) Range(ctx context.Context, source *asof.DataSource) (asof.SourceRange, error) {
	c, err := o.elsewhere(ctx, source)
	if err != nil {
		return asof.SourceRange{}, err
	}
	if c != nil {
		return c.span(ctx, source)
	}
	s, err := o.session(ctx, text(source))
	if err != nil {
		return asof.SourceRange{}, err
	}
	defer s.close()
	r, err := s.relation(ctx, o.dir, source, nil)
	if err != nil {
		return asof.SourceRange{}, err
	}
	what := fmt.Sprintf("data source %q", source.Name)
	for _, c := range r.columns {
		if c.Name == source.TimestampField && c.IsTime {
			found, err := s.span(ctx, pit.Range(pit.DuckDB, r.sql, c))
			return found, s.fault(what, err)
		}
	}
	return asof.SourceRange{}, asof.Errorf(asof.CodeInvalid, "%s has no timestamp column %q%s", what, source.TimestampField,
		asof.DidYouMean(source.TimestampField, columnNames(r.columns)))
}

func (s *session) span(ctx context.Context, sql string) (asof.SourceRange, error) {
	rows, err := s.arrow.QueryContext(ctx, sql)
	if err != nil {
		return asof.SourceRange{}, err
	}
	defer rows.Release()
	var found asof.SourceRange
	for rows.Next() {
		batch := rows.RecordBatch()
		found.Rows = batch.Column(0).(*array.Int64).Value(0)
		for i, at := range []*time.Time{&found.Oldest, &found.Newest} {
			if c := batch.Column(i + 1); c.IsValid(0) {
				*at = time.UnixMicro(int64(c.(*array.Timestamp).Value(0))).UTC()
			}
		}
	}
	return found, rows.Err()
}

var types = map[string]asof.ValueType{
	"TINYINT": asof.TypeInt32, "SMALLINT": asof.TypeInt32, "INTEGER": asof.TypeInt32, "UTINYINT": asof.TypeInt32,
	"USMALLINT": asof.TypeInt32, "UINTEGER": asof.TypeInt64, "BIGINT": asof.TypeInt64, "UBIGINT": asof.TypeInt64,
	"HUGEINT": asof.TypeInt64, "UHUGEINT": asof.TypeInt64, "FLOAT": asof.TypeFloat32, "DOUBLE": asof.TypeFloat64,
	"BOOLEAN": asof.TypeBool, "VARCHAR": asof.TypeString, "BLOB": asof.TypeBytes, "UUID": asof.TypeUUID,
	"JSON": asof.TypeMap, "DATE": asof.TypeUnixTimestamp, "TIMESTAMP": asof.TypeUnixTimestamp,
	"TIMESTAMP_S": asof.TypeUnixTimestamp, "TIMESTAMP_MS": asof.TypeUnixTimestamp, "TIMESTAMP_NS": asof.TypeUnixTimestamp,
	"TIMESTAMP WITH TIME ZONE": asof.TypeUnixTimestamp,
}

// typeOf returns what a type that DuckDB prints is in ours.
func typeOf(native string) asof.Type {
	if elem, ok := strings.CutSuffix(native, "[]"); ok {
		return asof.ListOf(typeOf(elem))
	}
	name, _, parameters := strings.Cut(native, "(")
	switch name {
	case "DECIMAL":
		return asof.Scalar(asof.TypeFloat64)
	case "ENUM":
		return asof.Scalar(asof.TypeString)
	case "MAP":
		return asof.Scalar(asof.TypeMap)
	case "STRUCT":
		return asof.Scalar(asof.TypeStruct)
	}
	if parameters {
		return asof.Type{}
	}
	return asof.Scalar(types[name])
}
