package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// Offline is an asof.OfflineStore over the database's own tables. A question
// is one transaction that sees one state and writes nothing but a temporary
// table of entity rows, which goes with it.
type Offline struct {
	db      *DB
	mem     memory.Allocator
	history int64 // bytes of sources that a query may hold in memory
	ahead   int64 // bytes of entity rows that are read before a plan is made
	force   way   // set by tests

	// step is told where an append has got to. Tests stop the process there.
	step func(name string)
}

// What a point-in-time query takes of memory: for its sources, which the server
// joins where they are larger, and for the entity rows that it knows before it
// chooses how to answer.
const (
	historyInMemory = 1 << 30
	entitiesAhead   = 128 << 20
)

var _ asof.OfflineStore = (*Offline)(nil)

// Offline returns the offline store in the database. Closing it leaves the
// database open.
func (db *DB) Offline() *Offline {
	return &Offline{db: db, mem: memory.DefaultAllocator, history: historyInMemory, ahead: entitiesAhead, step: func(string) {}}
}

// Close does nothing: the pool is the database's.
func (o *Offline) Close() error { return nil }

// question is one transaction, for one question.
type question struct {
	db      *DB
	conn    *pgx.Conn
	release func() // gives the connection back
	tx      pgx.Tx
}

// opening starts a transaction that sees one state. Queries compiled to machine
// code are not for us: that takes longer than the lookups it is meant to speed
// up, which the server expects to be dearer than they are.
const opening = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL jit = off"

func (o *Offline) begin(ctx context.Context) (*question, error) {
	conn, err := o.db.pool.Acquire(ctx)
	if err != nil {
		return nil, o.db.fault("reading the offline store", err)
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: opening})
	if err != nil {
		conn.Release()
		return nil, o.db.fault("reading the offline store", err)
	}
	return &question{db: o.db, conn: conn.Conn(), release: conn.Release, tx: tx}, nil
}

// close ends the transaction; nothing of it is kept.
func (t *question) close() {
	_ = t.tx.Rollback(context.Background()) // a connection that cannot roll back is thrown away
	t.release()
}

// Historical answers a point-in-time query.
func (o *Offline) Historical(ctx context.Context, q *asof.PointInTime) (array.RecordReader, error) {
	return o.answer(ctx, func(ctx context.Context, t *question) (array.RecordReader, error) { return o.historical(ctx, t, q) })
}

func (o *Offline) historical(ctx context.Context, t *question, q *asof.PointInTime) (array.RecordReader, error) {
	query, rows, err := o.ask(ctx, t, q)
	if err != nil {
		return nil, err
	}
	reader, err := o.cheapest(ctx, t, query, rows)
	if err != nil && rows != nil {
		rows.Release()
	}
	return reader, err
}

// cheapest answers in the way that takes least.
func (o *Offline) cheapest(ctx context.Context, t *question, query *pit.Query, rows *pit.Rows) (array.RecordReader, error) {
	p, err := o.plan(ctx, t, query, rows)
	if err != nil {
		return nil, err
	}
	if p.inMemory {
		joined, err := o.join(ctx, t, p)
		if err == nil {
			t.close() // the sources are read
		}
		if !notInMemory(err) {
			return joined, err
		}
	}
	if rows != nil {
		if err := t.loadRows(ctx, rows); err != nil {
			return nil, t.fault(ctx, "the entity rows cannot be copied", err)
		}
	}
	raw, err := t.query(ctx, pit.Historical(pit.Postgres, query), arguments{}, "the point-in-time query fails")
	if err != nil {
		return nil, o.failing(ctx, query, err)
	}
	return pit.HistoricalAnswer(query, rows, raw, o.mem), nil
}

// ask resolves the views and the entity rows of q; the rows are nil where a
// SELECT makes them.
func (o *Offline) ask(ctx context.Context, t *question, q *asof.PointInTime) (*pit.Query, *pit.Rows, error) {
	query := &pit.Query{Cutoff: q.CreatedCutoff}
	for _, view := range q.Views {
		v, err := t.view(ctx, view)
		if err != nil {
			return nil, nil, err
		}
		query.Views = append(query.Views, v)
	}
	if q.Entities.Records == nil {
		return query, nil, t.entities(ctx, q, query)
	}
	rows, err := pit.ReadRows(ctx, q.Entities.Records, q.Timestamp, query.Views, o.ahead, o.mem)
	if err != nil {
		return nil, nil, err
	}
	query.From, query.To = rows.From, rows.To
	return query, rows, nil
}

// entities describes the SELECT that makes the entity rows: the one given, or
// that of the views' events.
func (t *question) entities(ctx context.Context, q *asof.PointInTime, query *pit.Query) error {
	query.Select = &pit.Select{SQL: trimmed(q.Entities.SQL), Timestamp: q.Timestamp}
	if q.Entities.Events != nil {
		if err := pit.Events(pit.Postgres, query, q.Entities.Events, q.Timestamp); err != nil {
			return err
		}
	}
	sql := query.Select.SQL
	columns, err := t.columns(ctx, "the SQL of the entity rows", sql)
	if err != nil {
		return err
	}
	query.Select.Columns = columns
	return pit.CheckEntities(columnNames(columns), q.Timestamp, query.Views)
}

// PullLatest answers with the newest row of each key.
func (o *Offline) PullLatest(ctx context.Context, q *asof.Latest) (array.RecordReader, error) {
	return o.latest(ctx, q, func(v *pit.View) string { return pit.Latest(pit.Postgres, q, v) })
}

// Rows answers with the rows among which PullLatest chooses.
func (o *Offline) Rows(ctx context.Context, q *asof.RowsQuery) (array.RecordReader, error) {
	return o.latest(ctx, &q.Latest, func(v *pit.View) string { return pit.History(pit.Postgres, q, v) })
}

// latest runs a query over the keys and the span of q.
func (o *Offline) latest(ctx context.Context, q *asof.Latest, render func(*pit.View) string) (array.RecordReader, error) {
	return o.answer(ctx, func(ctx context.Context, t *question) (array.RecordReader, error) {
		v, err := t.view(ctx, q.View)
		if err != nil {
			return nil, err
		}
		if q.Keys != nil && len(q.View.Keys) > 0 {
			if err := t.wanted(ctx, &q.View, q.Keys, o.mem); err != nil {
				return nil, err
			}
		}
		raw, err := t.query(ctx, render(v), arguments{}, fmt.Sprintf("feature view %q cannot be read", q.View.View))
		if err != nil {
			return nil, o.failing(ctx, &pit.Query{Views: []*pit.View{v}}, err)
		}
		return pit.LatestAnswer(v, raw, o.mem), nil
	})
}

// answer runs a question, which the reader then owns. The reader's end ends
// the query too, when it has not run to its own.
func (o *Offline) answer(ctx context.Context, ask func(context.Context, *question) (array.RecordReader, error)) (array.RecordReader, error) {
	t, err := o.begin(ctx)
	if err == nil {
		var reader array.RecordReader
		if reader, err = ask(ctx, t); err == nil {
			return reader, nil
		}
		t.close()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, err
}

// view resolves a view's source.
func (t *question) view(ctx context.Context, q asof.ViewQuery) (*pit.View, error) {
	relation, columns, err := t.source(ctx, q.Source)
	if err != nil {
		return nil, err
	}
	return pit.NewView(q, relation, columns)
}

// query runs SQL and hands the transaction over to the reader.
func (t *question) query(ctx context.Context, sql string, arguments arguments, doing string) (array.RecordReader, error) {
	if _, err := t.tx.Exec(ctx, "SET TRANSACTION READ ONLY"); err != nil {
		return nil, t.fault(ctx, doing, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	result := t.conn.PgConn().ExecParams(ctx, sql, arguments.values, arguments.types, arguments.formats, []int16{pgx.BinaryFormatCode})
	r := &rowReader{question: t, result: result, cancel: cancel, ctx: ctx, doing: doing}
	r.refs.Store(1)
	if err := r.start(); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// failing returns the error of a query, and names the join key where one is
// the reason. It asks anew: a transaction answers nothing after an error.
func (o *Offline) failing(ctx context.Context, query *pit.Query, err error) error {
	if asof.ErrorCode(err) != asof.CodeInvalid {
		return err
	}
	t, began := o.begin(ctx)
	if began != nil {
		return err
	}
	defer t.close()
	bad := pit.KeyFault(pit.Postgres, query, func(sql string) error {
		_, err := t.tx.Exec(ctx, sql)
		if server := (*pgconn.PgError)(nil); errors.As(err, &server) {
			return errors.New(server.Message)
		}
		return err
	})
	if bad != nil {
		return bad
	}
	return err
}

// fault gives an error its code, for a missing table the nearest names, and
// for what is no SELECT that it has to be one.
func (t *question) fault(ctx context.Context, doing string, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	var server *pgconn.PgError
	if errors.As(err, &server) && (server.Code == "42601" || server.Code == "0A000") {
		return asof.Errorf(asof.CodeInvalid, "%s: PostgreSQL at %s does not take it as one SELECT: %s", doing, t.db.where, server.Message)
	}
	if errors.As(err, &server) && server.Code == "42P01" {
		name := strings.TrimSuffix(strings.TrimPrefix(server.Message, `relation "`), `" does not exist`)
		tables := t.db.tableNames(ctx)
		if len(tables) == 0 {
			return asof.Errorf(asof.CodeInvalid, "%s: PostgreSQL at %s has no table %q: there is no schema %q, or nothing in it that this user may see; check `db_schema` in feature_store.yaml",
				doing, t.db.where, name, t.db.schema)
		}
		return asof.Errorf(asof.CodeInvalid, "%s: PostgreSQL at %s has no table %q in schema %q%s", doing, t.db.where, name, t.db.schema,
			asof.DidYouMean(name, tables))
	}
	return t.db.fault(doing, err)
}

// tableNames returns what could have been meant by a name that is not there;
// nothing where that cannot be found out.
func (db *DB) tableNames(ctx context.Context) []string {
	rows, err := db.pool.Query(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1", db.schema)
	if err != nil {
		return nil
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil
	}
	return names
}
