//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof/pit"
)

// scan reads the rows of a view over a connection of its own. DuckDB has all of
// them in memory before the first is taken, so more than there is room for are
// not read: they are pit.ErrNotInMemory.
func (o *Offline) scan(ctx context.Context, s *session, query *pit.Query, v *pit.View) (array.RecordReader, error) {
	other, err := o.beside(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := other.scan(ctx, query, v, o.budget())
	if err != nil {
		return nil, errors.Join(err, other.close())
	}
	return rows, nil
}

func (s *session) scan(ctx context.Context, query *pit.Query, v *pit.View, budget int64) (array.RecordReader, error) {
	sql := pit.Scan(pit.DuckDB, query, v)
	many, err := s.exceeds(ctx, sql, budget/v.RowBytes())
	if err == nil && many {
		return nil, fmt.Errorf("%w: feature view %s has too many", pit.ErrNotInMemory, v.View)
	}
	var rows array.RecordReader
	if err == nil {
		rows, err = s.query(ctx, sql)
	}
	if err != nil {
		return nil, s.failing(ctx, &pit.Query{Views: []*pit.View{v}}, fmt.Sprintf("feature view %q cannot be read", v.View), err)
	}
	return rows, nil
}

// estimated finds DuckDB's estimate in a plan: that of its first node counts.
var estimated = regexp.MustCompile(`"Estimated Cardinality": "(\d+)"`)

// farOff is by what DuckDB's estimate is too low where it knows nothing of a
// condition, about.
const farOff = 10

// exceeds reports whether a query answers more rows than limit. They are
// counted only where DuckDB's estimate leaves that open.
func (s *session) exceeds(ctx context.Context, sql string, limit int64) (bool, error) {
	plan, err := scalar(ctx, s.conn, "EXPLAIN (FORMAT json) "+sql)
	if err != nil {
		return false, err
	}
	if found := estimated.FindStringSubmatch(plan); found != nil {
		if n, err := strconv.ParseInt(found[1], 10, 64); err == nil && n < limit/farOff {
			return false, nil
		}
	}
	count, err := scalar(ctx, s.conn, "SELECT count(*) FROM (\n"+sql+"\n)")
	if err != nil {
		return false, err
	}
	n, err := strconv.ParseInt(count, 10, 64)
	return n > limit, err
}
