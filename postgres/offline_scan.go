package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/asof-dev/asof/pit"
)

// scan is a query that reads a source, and its arguments.
type scan struct {
	sql       string
	arguments arguments
}

// arguments are those of a query, in their binary form.
type arguments struct {
	values  [][]byte
	types   []uint32
	formats []int16
}

// keyLimit is how many keys are sent along with a scan: the server looks at
// each of them when it plans, a microsecond or so.
const keyLimit = 100_000

// sampled is how many keys are enough to estimate how many rows a key has.
const sampled = 100

// scanOf returns the scan of a view, of the rows alone that have the keys of
// the entity rows where these are few enough to be told: keys is how many, 0
// where they are not told. With sample, it is told as many of them.
func scanOf(query *pit.Query, rows *pit.Rows, v *pit.View, sample int) (s scan, keys int) {
	if rows != nil {
		for i := range v.Keys {
			switch values := rows.Distinct(query, v, i, keyLimit).(type) {
			case []string:
				return among(query, v, i, "text", pgtype.TextArrayOID, spread(values, sample)), len(values)
			case []int64:
				return among(query, v, i, "bigint", pgtype.Int8ArrayOID, spread(values, sample)), len(values)
			}
		}
	}
	return scan{sql: pit.Scan(pit.Postgres, query, v)}, 0
}

// among is the scan of the rows of which key number i is among values, a slice
// of the type that oid is an array of.
func among(query *pit.Query, v *pit.View, i int, typ string, oid uint32, values any) scan {
	value, err := pgtype.NewMap().Encode(oid, pgx.BinaryFormatCode, values, nil)
	if err != nil {
		return scan{sql: pit.Scan(pit.Postgres, query, v)}
	}
	return scan{pit.Scan(pit.Postgres, query, v, fmt.Sprintf("k%d::%s = ANY ($1)", i, typ)),
		arguments{[][]byte{value}, []uint32{oid}, []int16{pgx.BinaryFormatCode}}}
}

// spread returns so many of the values, from all over them; with 0, all.
func spread[V any](values []V, sample int) []V {
	if sample == 0 || len(values) <= sample {
		return values
	}
	some := make([]V, sample)
	for i := range some {
		some[i] = values[i*len(values)/sample]
	}
	return some
}

// schema describes what a scan gives.
func (t *question) schema(ctx context.Context, s scan, doing string) (*arrow.Schema, error) {
	described, err := t.conn.PgConn().Prepare(ctx, "", s.sql, s.arguments.types)
	if err != nil {
		return nil, t.fault(ctx, doing, err)
	}
	return schemaOf(described.Fields), nil
}

// join answers in memory. The sources are read over connections of their own,
// which see the state that t sees.
func (o *Offline) join(ctx context.Context, t *question, p *plan) (array.RecordReader, error) {
	var snapshot string
	if err := t.tx.QueryRow(ctx, "SELECT pg_export_snapshot()").Scan(&snapshot); err != nil {
		return nil, t.fault(ctx, "reading the offline store", err)
	}
	return pit.Join(ctx, p.query, p.rows, func(ctx context.Context, v *pit.View) (array.RecordReader, error) {
		beside, err := o.beside(ctx, snapshot)
		if err != nil {
			return nil, err
		}
		s, _ := scanOf(p.query, p.rows, v, 0)
		rows, err := beside.query(ctx, s.sql, s.arguments, fmt.Sprintf("feature view %q cannot be read", v.View))
		if err != nil {
			return nil, o.failing(ctx, &pit.Query{Views: []*pit.View{v}}, err)
		}
		return rows, nil
	}, o.history, o.mem)
}

// beside opens a transaction that sees the state of a snapshot, over a
// connection that is not of the pool: a question that waits for a second one of
// a pool's, while it holds one, can wait for ever. Without one the server joins.
func (o *Offline) beside(ctx context.Context, snapshot string) (*question, error) {
	conn, err := pgx.ConnectConfig(ctx, o.db.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pit.ErrNotInMemory, o.db.fault("a second connection", err))
	}
	release := func() { _ = conn.Close(context.Background()) }
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: opening + "; SET TRANSACTION SNAPSHOT '" + snapshot + "'"})
	if err != nil {
		release()
		return nil, fmt.Errorf("%w: %w", pit.ErrNotInMemory, o.db.fault("a second connection", err))
	}
	return &question{db: o.db, conn: conn, release: release, tx: tx}, nil
}

// notInMemory reports whether the server has to join instead. It does not mind
// a time that is infinite.
func notInMemory(err error) bool {
	return errors.Is(err, pit.ErrNotInMemory) || errors.Is(err, errInfinite)
}
