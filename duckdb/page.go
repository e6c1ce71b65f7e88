//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// pageRows is how many rows of a paged answer are in memory at once.
const pageRows = 1 << 17

// paged is query for an answer of any size: DuckDB would hold all of it in
// memory outside of its limit, so it becomes a temporary table, which counts
// and can go to the disk, and is read a page after the other.
func (s *session) paged(ctx context.Context, sql string, rows int64) (array.RecordReader, error) {
	if err := execute(ctx, s.conn, "CREATE TEMP TABLE asof_answer AS\n"+sql); err != nil {
		return nil, err
	}
	r := &pageReader{ctx: ctx, session: s, size: rows}
	if err := r.turn(); err != nil {
		return nil, err
	}
	return &sessionReader{RecordReader: r, session: s}, nil
}

// pageReader reads asof_answer. Its session is closed by its owner.
type pageReader struct {
	ctx     context.Context
	session *session
	page    array.RecordReader
	size    int64 // of a page, in rows
	from    int64 // the first row of the next page
	rows    int64 // that this page has given
	err     error
}

// turn begins the next page.
func (r *pageReader) turn() error {
	if r.page != nil {
		r.page.Release()
		r.page = nil
	}
	page, err := r.session.arrow.QueryContext(r.ctx, fmt.Sprintf("SELECT * FROM asof_answer WHERE rowid >= %d AND rowid < %d", r.from, r.from+r.size))
	if err != nil {
		return err
	}
	r.page, r.from, r.rows = page, r.from+r.size, 0
	return nil
}

// Next takes the next batch; a page that is not full is the last.
func (r *pageReader) Next() bool {
	for r.err == nil {
		if r.page.Next() {
			r.rows += r.page.RecordBatch().NumRows()
			return true
		}
		if r.err = r.page.Err(); r.err != nil || r.rows < r.size {
			return false
		}
		r.err = r.turn()
	}
	return false
}

func (r *pageReader) Schema() *arrow.Schema          { return r.page.Schema() }
func (r *pageReader) RecordBatch() arrow.RecordBatch { return r.page.RecordBatch() }
func (r *pageReader) Record() arrow.RecordBatch      { return r.page.RecordBatch() }
func (r *pageReader) Err() error                     { return r.err }
func (r *pageReader) Retain()                        {} // it has one owner
func (r *pageReader) Release() {
	if r.page != nil {
		r.page.Release()
	}
}
