//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/asof-dev/asof/sqltext"
)

// link is one connection of a stage, which one goroutine uses at a time.
type link struct {
	stage *stage
	conn  driver.Conn
	arrow *duckdb.Arrow
}

// link takes a connection that nobody uses, or a new one.
func (s *stage) link(ctx context.Context) (*link, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		l := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return l, nil
	}
	s.mu.Unlock()
	connector, err := s.engine.open(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{stage: s}
	if l.conn, err = connector.Connect(ctx); err != nil {
		return nil, err
	}
	if l.arrow, err = duckdb.NewArrowFromConn(l.conn); err == nil {
		err = l.execute(ctx, "SET TimeZone = 'UTC'")
	}
	if err != nil {
		return nil, errors.Join(err, l.conn.Close())
	}
	return l, nil
}

// back lets others have the connection.
func (l *link) back() {
	l.stage.mu.Lock()
	defer l.stage.mu.Unlock()
	l.stage.idle = append(l.stage.idle, l)
}

func (l *link) execute(ctx context.Context, statements ...string) error {
	return execute(ctx, l.conn, statements...)
}

// copy writes the rows of a query to a new file, and counts them.
func (l *link) copy(ctx context.Context, sql, path string) (int64, error) {
	return l.count(ctx, fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd)", sql, sqltext.Text(path)))
}

// count returns the only value of a query, a BIGINT.
func (l *link) count(ctx context.Context, sql string) (int64, error) {
	rows, err := l.arrow.QueryContext(ctx, sql)
	if err != nil {
		return 0, err
	}
	defer rows.Release()
	if !rows.Next() {
		return 0, rows.Err()
	}
	return rows.RecordBatch().Column(0).(*array.Int64).Value(0), nil
}

// linkReader gives its connection back when it is released. It has one owner.
type linkReader struct {
	array.RecordReader
	link *link
	once sync.Once
}

func (r *linkReader) Release() {
	r.once.Do(func() {
		r.RecordReader.Release()
		r.link.back()
	})
}
