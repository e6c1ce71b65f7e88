package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
)

// Ledger is an asof.Ledger in the table asof_ledger of the database's schema.
type Ledger struct{ db *DB }

var _ asof.Ledger = (*Ledger)(nil)

// Ledger returns the ledger in the database. Closing it leaves the database
// open.
func (db *DB) Ledger() *Ledger { return &Ledger{db} }

// Close does nothing: the pool is the database's.
func (l *Ledger) Close() error { return nil }

const ledgerLayout = `CREATE TABLE IF NOT EXISTS %s (
	id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project      text NOT NULL,
	view         text NOT NULL,
	span_from    timestamptz,
	span_to      timestamptz NOT NULL,
	started      timestamptz NOT NULL,
	finished     timestamptz,
	rows_read    bigint NOT NULL DEFAULT 0,
	rows_written bigint NOT NULL DEFAULT 0,
	newest       timestamptz,
	error        text NOT NULL DEFAULT '',
	cause        text NOT NULL
);
CREATE INDEX IF NOT EXISTS asof_ledger_entry ON %[1]s (project, view, id);
CREATE INDEX IF NOT EXISTS asof_ledger_newest ON %[1]s (project, view, newest, id) WHERE finished IS NOT NULL AND error = '' AND newest IS NOT NULL;
CREATE INDEX IF NOT EXISTS asof_ledger_unfinished ON %[1]s (project) WHERE finished IS NULL`

// ledgerLeading chooses leading entries by steps in an index, three for each
// view.
const ledgerLeading = `id = ANY (ARRAY(
	WITH RECURSIVE views (view) AS (
		SELECT min(view) FROM %[1]s WHERE project = $1
		UNION ALL
		SELECT (SELECT min(view) FROM %[1]s WHERE project = $1 AND view > views.view) FROM views WHERE view IS NOT NULL)
	SELECT (SELECT id FROM %[1]s WHERE project = $1 AND view = views.view AND finished IS NOT NULL ORDER BY id DESC LIMIT 1) FROM views
	UNION ALL
	SELECT (SELECT id FROM %[1]s WHERE project = $1 AND view = views.view AND finished IS NOT NULL AND error = '' AND newest IS NOT NULL
		ORDER BY newest DESC, id DESC LIMIT 1) FROM views
	UNION ALL
	SELECT id FROM %[1]s WHERE project = $1 AND finished IS NULL))`

const recording = "recording a run in the ledger"

func (l *Ledger) table() string { return l.db.qualified("asof_ledger") }

// Begin records that a run started. The first makes the table, or what one of an
// earlier version lacks.
func (l *Ledger) Begin(ctx context.Context, m asof.Materialization) (int64, error) {
	var id int64
	insert := func() error {
		return l.db.pool.QueryRow(ctx, "INSERT INTO "+l.table()+" (project, view, span_from, span_to, started, cause) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
			m.Project, m.View, orNull(m.Span.From), m.Span.To, m.Started, m.Cause).Scan(&id)
	}
	err := insert()
	if missing(err) {
		if err = l.layOut(ctx); err == nil {
			err = insert()
		}
	} else if err == nil && !l.db.ledgerSeen.Swap(true) {
		l.index(ctx)
	}
	return id, l.db.fault(recording, err)
}

func (l *Ledger) layOut(ctx context.Context) error {
	return l.db.layOut(ctx, recording, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(ledgerLayout, l.table()))
		return err
	})
}

// index adds the indexes that are not there. A role that owns no table may not:
// then the ledger is read without them.
func (l *Ledger) index(ctx context.Context) {
	var there bool
	if err := l.db.pool.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", l.db.qualified("asof_ledger_unfinished")).Scan(&there); err == nil && !there {
		_ = l.layOut(ctx)
	}
}

// Finish completes the entry of m.ID.
func (l *Ledger) Finish(ctx context.Context, m asof.Materialization) error {
	tag, err := l.db.pool.Exec(ctx, "UPDATE "+l.table()+" SET finished = $1, rows_read = $2, rows_written = $3, newest = $4, error = $5 WHERE id = $6",
		orNull(m.Finished), m.Read, m.Written, orNull(m.Newest), m.Error, m.ID)
	if err == nil && tag.RowsAffected() == 0 {
		return asof.Errorf(asof.CodeNotFound, "the ledger in PostgreSQL at %s has no entry %d", l.db.where, m.ID)
	}
	return l.db.fault(recording, err)
}

// Materializations lists entries, newest first.
func (l *Ledger) Materializations(ctx context.Context, q asof.MaterializationQuery) ([]asof.Materialization, error) {
	const doing = "reading the ledger"
	query, args := l.query(q)
	rows, _ := l.db.pool.Query(ctx, query, args...)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (asof.Materialization, error) {
		var m asof.Materialization
		var from, finished, newest *time.Time
		err := row.Scan(&m.ID, &m.Project, &m.View, &from, &m.Span.To, &m.Started, &finished, &m.Read, &m.Written, &newest, &m.Error, &m.Cause)
		m.Span = asof.Interval{From: orZero(from), To: m.Span.To.UTC()}
		m.Started, m.Finished, m.Newest = m.Started.UTC(), orZero(finished), orZero(newest)
		return m, err
	})
	if missing(err) {
		return nil, nil
	}
	return list, l.db.fault(doing, err)
}

// query renders what q chooses.
func (l *Ledger) query(q asof.MaterializationQuery) (query string, args []any) {
	query = "SELECT id, project, view, span_from, span_to, started, finished, rows_read, rows_written, newest, error, cause FROM " + l.table() + " WHERE "
	if q.Leading {
		query += fmt.Sprintf(ledgerLeading, l.table())
	} else {
		query += "project = $1"
	}
	args = []any{q.Project}
	if len(q.Views) > 0 {
		query, args = query+" AND view = ANY ($2)", append(args, q.Views)
	}
	query += " ORDER BY id DESC"
	if q.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return query, args
}

// Forget removes the entries of the views.
func (l *Ledger) Forget(ctx context.Context, project string, views []string) error {
	_, err := l.db.pool.Exec(ctx, "DELETE FROM "+l.table()+" WHERE project = $1 AND view = ANY ($2)", project, views)
	if missing(err) {
		return nil
	}
	return l.db.fault("forgetting views in the ledger", err)
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
