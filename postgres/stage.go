package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
)

// stage is what asof_stages and asof_staged say of a run, and the connections
// that work on it. A staged table is one of the schema, with a name of its
// own; every connection has a temporary view of the published table's name,
// which hides that from queries.
type stage struct {
	w     *Warehouse
	run   string
	owner string // ours alone, also in the names of the connections

	mu     sync.Mutex
	staged map[string]stagedTable
	idle   []*link // connections that nobody uses
}

// stagedTable is a row of asof_staged.
type stagedTable struct {
	relation string // the table's own name; once it is adopted, the published one's
	key      []string
	content  string
	rows     int64
	logged   bool // it outlasts a stop of the server, and can become the published table
	adopted  bool // it is the published table
}

// stageTables are what is known of stages. In each layout %s is the name.
var stageTables = []struct{ name, layout string }{
	{"asof_stages", `CREATE TABLE %s (run text PRIMARY KEY, owner text NOT NULL)`},
	{"asof_staged", `CREATE TABLE %s (
 run text, table_name text, relation text NOT NULL, key text[] NOT NULL, content text NOT NULL, row_count bigint NOT NULL,
 logged boolean NOT NULL, adopted boolean NOT NULL, PRIMARY KEY (run, table_name))`},
}

// Stage opens the stage of a run, and takes it from whoever had it.
func (w *Warehouse) Stage(ctx context.Context, run string) (asof.Stage, error) {
	doing := "the stage of run " + run + " cannot be opened"
	if !runName.MatchString(run) {
		return nil, asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a run: letters, digits, dots, dashes and underscores, 100 at most", run)
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	s := &stage{w: w, run: run, owner: hex.EncodeToString(id), staged: map[string]stagedTable{}}
	if err := s.take(ctx); err != nil {
		return nil, w.db.fault(doing, err)
	}
	l, err := s.link(ctx)
	if err != nil {
		return nil, w.db.fault(doing, err)
	}
	defer l.back()
	if err := s.read(ctx, l); err != nil {
		return nil, errors.Join(w.db.fault(doing, err), s.Close())
	}
	return s, nil
}

// take enters us as the stage's owner, and ends the connections of the former
// one, which may be stopped in the middle of a transaction.
func (s *stage) take(ctx context.Context) error {
	db := s.w.db
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "asof stages "+db.schema); err != nil {
		return err
	}
	for _, table := range stageTables {
		if err := makeTable(ctx, tx, db.qualified(table.name), table.layout); err != nil {
			return err
		}
	}
	if err := endOwner(ctx, tx, db, s.run); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+db.qualified("asof_stages")+
		" VALUES ($1, $2) ON CONFLICT (run) DO UPDATE SET owner = EXCLUDED.owner", s.run, s.owner); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// endOwner ends the connections of a stage's owner, and waits until they have
// gone, ten seconds at most. As they go they drop their views, in an order of
// their own: whoever drops the tables meanwhile waits for them as they for him.
func endOwner(ctx context.Context, tx pgx.Tx, db *DB, run string) error {
	for until := time.Now().Add(10 * time.Second); ; {
		var left int
		err := tx.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity JOIN "+db.qualified("asof_stages")+
			" ON run = $1 AND application_name = $2 || owner WHERE datname = current_database()", run, stageApplication).Scan(&left)
		if err != nil || left == 0 || time.Now().After(until) {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_sleep(0.003), pg_stat_clear_snapshot()"); err != nil {
			return err
		}
	}
}

// stageApplication begins the name of a stage's connections; the owner follows.
const stageApplication = "asof stage "

// read finds what is staged. The server empties a table that is not logged
// when it has stopped without being told to: that is not staged any more.
func (s *stage) read(ctx context.Context, l *link) error {
	rows, err := l.query(ctx, "SELECT table_name, relation, key, content, row_count, logged, adopted FROM "+s.w.db.qualified("asof_staged")+" WHERE run = $1", s.run)
	if err != nil {
		return err
	}
	var name string
	var t stagedTable
	found := map[string]stagedTable{}
	if _, err := pgx.ForEachRow(rows, []any{&name, &t.relation, &t.key, &t.content, &t.rows, &t.logged, &t.adopted}, func() error {
		found[name] = t
		t.key = nil
		return nil
	}); err != nil {
		return err
	}
	for name, t := range found {
		there := true
		err := l.row(ctx, "SELECT to_regclass($1) IS NOT NULL", s.w.db.qualified(t.relation)).Scan(&there)
		if err == nil && there && t.rows > 0 && !t.adopted {
			err = l.row(ctx, "SELECT EXISTS (SELECT FROM "+s.w.db.qualified(t.relation)+")").Scan(&there)
		}
		if err != nil {
			return err
		}
		if there {
			s.staged[name] = t
		}
	}
	return l.show(ctx)
}

// Staged lists the tables of the stage.
func (s *stage) Staged(context.Context) (map[string]asof.Staged, error) {
	list := map[string]asof.Staged{}
	for name, t := range s.tables() {
		list[name] = asof.Staged{Content: t.content, Rows: t.rows}
	}
	return list, nil
}

// tables returns what is staged at the moment.
func (s *stage) tables() map[string]stagedTable {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make(map[string]stagedTable, len(s.staged))
	for name, t := range s.staged {
		list[name] = t
	}
	return list
}

// Query runs a SELECT over the stage, on a connection of its own.
func (s *stage) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	l, err := s.link(ctx)
	if err != nil {
		return nil, s.fault(ctx, "the query fails on the warehouse", err)
	}
	rows, err := queryText(ctx, l.conn.PgConn(), s.w.db, sql)
	if err != nil {
		l.back()
		return nil, s.fault(ctx, "the query fails on the warehouse", err)
	}
	return &linkReader{RecordReader: rows, link: l}, nil
}

// Published returns a table's name with its schema.
func (s *stage) Published(ctx context.Context, table string) (string, bool, error) {
	l, err := s.link(ctx)
	if err != nil {
		return "", false, s.fault(ctx, "table "+table, err)
	}
	defer l.back()
	columns, err := l.columns(ctx, table)
	return s.w.db.qualified(table), columns != nil, err
}

// owned refuses to go on where somebody else has opened the stage since, or
// dropped it. In a transaction it stays ours until that ends.
func (s *stage) owned(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) error {
	var ours bool
	err := q.QueryRow(ctx, "SELECT true FROM "+s.w.db.qualified("asof_stages")+" WHERE run = $1 AND owner = $2 FOR SHARE",
		pgx.QueryExecModeExec, s.run, s.owner).Scan(&ours)
	if errors.Is(err, pgx.ErrNoRows) {
		return asof.Errorf(asof.CodeConflict, "the stage of run %s has been taken over by another process", s.run)
	}
	return err
}

// fault is the database's, unless the stage is not ours any more.
func (s *stage) fault(ctx context.Context, doing string, err error) error {
	if err == nil || ctx.Err() != nil {
		return s.w.db.fault(doing, err)
	}
	if taken := s.owned(ctx, s.w.db.pool); asof.ErrorCode(taken) == asof.CodeConflict {
		return taken
	}
	return s.w.db.fault(doing, err)
}

// Close ends the connections.
func (s *stage) Close() error {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	var closing errgroup.Group
	for _, l := range idle {
		closing.Go(l.close)
	}
	return s.w.db.fault("the stage cannot be closed", closing.Wait())
}

// Discard drops the stage, unless it is not ours any more.
func (s *stage) Discard(ctx context.Context) error {
	err := s.Close()
	if taken := s.owned(ctx, s.w.db.pool); taken != nil {
		if asof.ErrorCode(taken) == asof.CodeConflict {
			return err
		}
		return errors.Join(err, s.w.db.fault("the stage cannot be dropped", taken))
	}
	return errors.Join(err, s.w.DiscardStage(ctx, s.run))
}

// Stages lists the runs that have a stage.
func (w *Warehouse) Stages(ctx context.Context) ([]string, error) {
	rows, err := w.db.pool.Query(ctx, "SELECT run FROM "+w.db.qualified("asof_stages")+" ORDER BY run")
	var runs []string
	if err == nil {
		runs, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if missing(err) {
		return nil, nil // nothing was ever staged
	}
	return runs, w.db.fault("the stages cannot be listed", err)
}

// DiscardStage drops the tables of a run's stage.
func (w *Warehouse) DiscardStage(ctx context.Context, run string) error {
	err := w.dropStage(ctx, run)
	for again := 0; again < 5 && serverCode(err) == deadlockDetected; again++ {
		err = w.dropStage(ctx, run)
	}
	if missing(err) {
		return nil
	}
	return w.db.fault(fmt.Sprintf("the stage of run %s cannot be dropped", run), err)
}

// deadlockDetected is what one of two gets that wait for one another. A session
// that ends drops its temporary views in an order of its own.
const deadlockDetected = "40P01"

func (w *Warehouse) dropStage(ctx context.Context, run string) error {
	return pgx.BeginFunc(ctx, w.db.pool, func(tx pgx.Tx) error {
		if err := endOwner(ctx, tx, w.db, run); err != nil {
			return err
		}
		for _, table := range []string{"asof_stages", "asof_staged"} {
			if _, err := tx.Exec(ctx, "DELETE FROM "+w.db.qualified(table)+" WHERE run = $1", run); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE nspname = $1 AND relkind = 'r' AND starts_with(relname, $2)`, w.db.schema, stagePrefix(run))
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		slices.Sort(tables)
		for _, table := range tables {
			if _, err := tx.Exec(ctx, "DROP TABLE "+w.db.qualified(table)+" CASCADE"); err != nil { // with the views of connections that end
				return err
			}
		}
		return nil
	})
}
