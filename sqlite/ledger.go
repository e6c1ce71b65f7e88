package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Ledger is an asof.Ledger in one SQLite file.
type Ledger struct{ file }

var _ asof.Ledger = (*Ledger)(nil)

// OpenLedger returns the ledger in the file of that path. The file is made by
// the first entry.
func OpenLedger(path string) (*Ledger, error) {
	return &Ledger{newFile(path, "ledger")}, nil
}

// Times are microseconds since 1970, NULL for none.
const ledgerLayout = `CREATE TABLE IF NOT EXISTS asof_ledger (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	project  TEXT NOT NULL,
	view     TEXT NOT NULL,
	from_us  INTEGER,
	to_us    INTEGER NOT NULL,
	started  INTEGER NOT NULL,
	finished INTEGER,
	rows_read    INTEGER NOT NULL DEFAULT 0,
	rows_written INTEGER NOT NULL DEFAULT 0,
	newest   INTEGER,
	error    TEXT NOT NULL DEFAULT '',
	cause    TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS asof_ledger_view ON asof_ledger (project, view);
CREATE INDEX IF NOT EXISTS asof_ledger_newest ON asof_ledger (project, view, newest) WHERE finished IS NOT NULL AND error = '' AND newest IS NOT NULL;
CREATE INDEX IF NOT EXISTS asof_ledger_unfinished ON asof_ledger (project) WHERE finished IS NULL`

// ledgerLeading chooses leading entries by steps in an index, three for each
// view.
const ledgerLeading = `id IN (
	WITH RECURSIVE views (view) AS (
		SELECT min(view) FROM asof_ledger WHERE project = ?1
		UNION ALL
		SELECT (SELECT min(view) FROM asof_ledger WHERE project = ?1 AND view > views.view) FROM views WHERE view IS NOT NULL)
	SELECT (SELECT id FROM asof_ledger WHERE project = ?1 AND view = views.view AND finished IS NOT NULL ORDER BY id DESC LIMIT 1) FROM views
	UNION ALL
	SELECT (SELECT id FROM asof_ledger WHERE project = ?1 AND view = views.view AND finished IS NOT NULL AND error = '' AND newest IS NOT NULL
		ORDER BY newest DESC, id DESC LIMIT 1) FROM views
	UNION ALL
	SELECT id FROM asof_ledger WHERE project = ?1 AND finished IS NULL)`

// Begin records that a run started.
func (l *Ledger) Begin(ctx context.Context, m asof.Materialization) (id int64, err error) {
	err = l.change(ctx, "recording a run", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, ledgerLayout); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO asof_ledger (project, view, from_us, to_us, started, cause) VALUES (?, ?, ?, ?, ?, ?)`,
			m.Project, m.View, micros(m.Span.From), m.Span.To.UnixMicro(), m.Started.UnixMicro(), m.Cause)
		if err != nil {
			return err
		}
		id, err = result.LastInsertId()
		return err
	})
	return id, err
}

// Finish completes the entry of m.ID.
func (l *Ledger) Finish(ctx context.Context, m asof.Materialization) error {
	return l.change(ctx, "recording a run", func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE asof_ledger SET finished = ?, rows_read = ?, rows_written = ?, newest = ?, error = ? WHERE id = ?`,
			micros(m.Finished), m.Read, m.Written, micros(m.Newest), m.Error, m.ID)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return asof.Errorf(asof.CodeNotFound, "the ledger %s has no entry %d", l.path, m.ID)
	})
}

// Materializations lists entries, newest first.
func (l *Ledger) Materializations(ctx context.Context, q asof.MaterializationQuery) ([]asof.Materialization, error) {
	db, err := l.reader()
	if err != nil || db == nil {
		return nil, err
	}
	query, args, err := ledgerQuery(q)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		if strings.Contains(err.Error(), "no such table: asof_ledger") {
			return nil, nil
		}
		return nil, l.fault("reading it", err)
	}
	defer rows.Close()
	var list []asof.Materialization
	for rows.Next() {
		var m asof.Materialization
		var to, started int64
		var from, finished, newest sql.NullInt64
		if err := rows.Scan(&m.ID, &m.Project, &m.View, &from, &to, &started, &finished, &m.Read, &m.Written, &newest, &m.Error, &m.Cause); err != nil {
			return nil, l.fault("reading it", err)
		}
		m.Span = asof.Interval{From: instant(from), To: time.UnixMicro(to).UTC()}
		m.Started, m.Finished, m.Newest = time.UnixMicro(started).UTC(), instant(finished), instant(newest)
		list = append(list, m)
	}
	return list, l.fault("reading it", rows.Err())
}

// ledgerQuery renders what q chooses.
func ledgerQuery(q asof.MaterializationQuery) (query string, args []any, err error) {
	query = `SELECT id, project, view, from_us, to_us, started, finished, rows_read, rows_written, newest, error, cause FROM asof_ledger WHERE `
	if q.Leading {
		query += ledgerLeading
	} else {
		query += "project = ?1"
	}
	args = []any{q.Project}
	if len(q.Views) > 0 {
		views, err := json.Marshal(q.Views)
		if err != nil {
			return "", nil, err
		}
		query, args = query+" AND view IN (SELECT value FROM json_each(?2))", append(args, string(views))
	}
	query += " ORDER BY id DESC"
	if q.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return query, args, nil
}

// Forget removes the entries of the views.
func (l *Ledger) Forget(ctx context.Context, project string, views []string) error {
	if db, err := l.reader(); err != nil || db == nil {
		return err
	}
	return l.change(ctx, "forgetting views", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, ledgerLayout); err != nil {
			return err
		}
		for _, view := range views {
			if _, err := tx.ExecContext(ctx, "DELETE FROM asof_ledger WHERE project = ? AND view = ?", project, view); err != nil {
				return err
			}
		}
		return nil
	})
}

func micros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func instant(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}
