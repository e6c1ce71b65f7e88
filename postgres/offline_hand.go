package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

var _ asof.Scanner = (*Offline)(nil)

// Place says where the database is.
func (o *Offline) Place() string { return "PostgreSQL at " + o.db.where }

// Scan begins a transaction that sees one state of the database.
func (o *Offline) Scan(ctx context.Context) (asof.Scan, error) {
	t, err := o.begin(ctx)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	return &handing{offline: o, question: t}, nil
}

// handing asks each question behind a savepoint of the transaction: so a query
// that fails does not end it, and the table of keys goes before the next.
type handing struct {
	offline  *Offline
	question *question // nil: closed
}

func (s *handing) Close() error {
	if s.question != nil {
		s.question.close()
		s.question = nil
	}
	return nil
}

// nested begins a question within the transaction.
func (s *handing) nested(ctx context.Context) (*question, error) {
	savepoint, err := s.question.tx.Begin(ctx)
	if err != nil {
		return nil, s.question.fault(ctx, "reading the offline store", err)
	}
	return &question{db: s.question.db, conn: s.question.conn, release: func() {}, tx: savepoint}, nil
}

func (s *handing) Columns(ctx context.Context, source *asof.DataSource) ([]asof.SourceColumn, error) {
	t, err := s.nested(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	_, columns, err := t.source(ctx, source)
	return columns, err
}

func (s *handing) Rows(ctx context.Context, q *asof.ScanQuery) (array.RecordReader, error) {
	t, err := s.nested(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := s.rows(ctx, t, q)
	if err != nil {
		t.close()
		return nil, err
	}
	return reader, nil
}

func (s *handing) rows(ctx context.Context, t *question, q *asof.ScanQuery) (array.RecordReader, error) {
	v, err := t.view(ctx, q.View)
	if err != nil {
		return nil, err
	}
	if q.Keys != nil && len(q.View.Keys) > 0 {
		if err := t.wanted(ctx, &q.View, q.Keys, s.offline.mem); err != nil {
			return nil, err
		}
	}
	reader, err := t.query(ctx, pit.Pull(pit.Postgres, q, v), arguments{}, fmt.Sprintf("feature view %q cannot be read", q.View.View))
	if err != nil {
		return nil, s.offline.failing(ctx, &pit.Query{Views: []*pit.View{v}}, err)
	}
	return reader, nil
}
