package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
)

// Lock takes an advisory lock in a transaction that stays open on a connection
// of its own: the pool's are for the work, and the server gives the lock back
// when the connection ends, however the process does. The transaction holds no
// snapshot, so it keeps nothing from being cleaned up, and as the lock is its
// and not the session's, it works behind a pooler of transactions too.
func (l *Ledger) Lock(ctx context.Context, project, view string, wait bool) (unlock func(), err error) {
	const doing = "locking a view"
	conn, err := pgx.ConnectConfig(ctx, l.db.pool.Config().ConnConfig)
	if err != nil {
		return nil, l.db.fault(doing, err)
	}
	unlock = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx) // ends the transaction, and with it the lock
	}
	held, err := l.lock(ctx, conn, project+"\x01"+view, wait)
	switch {
	case err != nil:
		unlock()
		return nil, l.db.fault(doing, err)
	case !held:
		unlock()
		return nil, asof.Errorf(asof.CodeConflict, "another run materializes feature view %q", view)
	}
	return unlock, nil
}

func (l *Ledger) lock(ctx context.Context, conn *pgx.Conn, name string, wait bool) (held bool, err error) {
	for _, statement := range []string{"BEGIN", "SET LOCAL idle_in_transaction_session_timeout = 0", "SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return false, err
		}
	}
	const key = "(hashtextextended('asof materialize ' || $1 || ' ' || $2, 0))"
	if wait {
		_, err := conn.Exec(ctx, "SELECT pg_advisory_xact_lock"+key, l.db.schema, name)
		return true, err
	}
	err = conn.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock"+key, l.db.schema, name).Scan(&held)
	return held, err
}
