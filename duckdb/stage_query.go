//go:build duckdb_arrow

package duckdb

import (
	"context"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// texts returns the first row of a query whose columns are all VARCHAR, nil
// where there is none.
func (s *stage) texts(ctx context.Context, sql string) ([]string, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var row []string
	for row == nil && rows.Next() {
		batch := rows.RecordBatch()
		for i := 0; batch.NumRows() > 0 && i < int(batch.NumCols()); i++ {
			row = append(row, strings.Clone(batch.Column(i).ValueStr(0)))
		}
	}
	return row, fault("the query fails on the warehouse", rows.Err())
}

// count returns the only value of a query, a BIGINT.
func (s *stage) count(ctx context.Context, sql string) (int64, error) {
	counts, err := s.counts(ctx, sql)
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

// counts returns the only row of a query whose columns are all BIGINT.
func (s *stage) counts(ctx context.Context, sql string) ([]int64, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var counts []int64
	for rows.Next() {
		for _, column := range rows.RecordBatch().Columns() {
			counts = append(counts, column.(*array.Int64).Value(0))
		}
	}
	return counts, fault("the query fails on the warehouse", rows.Err())
}

// batch returns all rows of a query as one batch, which the caller releases;
// nil where there are none.
func (s *stage) batch(ctx context.Context, sql string) (arrow.RecordBatch, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	for rows.Next() {
		b := rows.RecordBatch()
		b.Retain()
		batches = append(batches, b)
	}
	if err := rows.Err(); err != nil || len(batches) == 0 {
		return nil, fault("the query fails on the warehouse", err)
	}
	columns := make([]arrow.Array, rows.Schema().NumFields())
	var n int64
	for _, b := range batches {
		n += b.NumRows()
	}
	for i := range columns {
		chunks := make([]arrow.Array, len(batches))
		for j, b := range batches {
			chunks[j] = b.Column(i)
		}
		if columns[i], err = array.Concatenate(chunks, memory.DefaultAllocator); err != nil {
			return nil, err
		}
		defer columns[i].Release()
	}
	return array.NewRecordBatch(rows.Schema(), columns, n), nil
}
