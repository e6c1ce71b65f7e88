//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"
	"golang.org/x/sys/unix"

	"github.com/asof-dev/asof"
)

// spillFolder is where a stage that is larger than memory goes, within the
// warehouse: one process at a time uses it, and clears what a dead one left.
const spillFolder = ".spill"

// publishedSchema holds the views of the tables as they are published; the
// schema main holds the staged tables, and the same views for all others.
const publishedSchema = "published"

// stage is a DuckDB in memory that holds what one run has staged, and the
// writer's lock. Its manifest stays the present one while the lock is held.
type stage struct {
	w        *Warehouse
	manifest *manifest
	staged   map[string][]column // by table, in the types that they are published in
	keys     map[string][]string // of the staged tables
	engine   engine
	conn     driver.Conn
	arrow    *duckdb.Arrow
	lock     *os.File
	written  []string // new files that no manifest names yet, absolute
}

// Stage waits for the warehouse's other runs and opens a private place for
// this one, after it has removed what dead ones left.
func (w *Warehouse) Stage(ctx context.Context, run string) (asof.Stage, error) {
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "the warehouse's folder cannot be made: %w", err)
	}
	lock, err := w.lock(ctx, writerLock, unix.LOCK_EX)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil, asof.Errorf(asof.CodeUnavailable, "run %s: another run holds the warehouse %s: %w", run, w.dir, err)
	}
	if err != nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "run %s cannot lock the warehouse: %w", run, err)
	}
	s := &stage{w: w, lock: lock, staged: map[string][]column{}, keys: map[string][]string{}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fault("the stage of run "+run+" cannot be opened", err), s.Discard(ctx))
	}
	return s, nil
}

func (s *stage) open(ctx context.Context) error {
	var err error
	if s.manifest, err = readManifest(s.w.dir); err != nil {
		return err
	}
	if s.manifest.Retired, err = s.w.sweep(s.manifest); err != nil {
		return err
	}
	spill := filepath.Join(s.w.dir, spillFolder)
	if err := os.RemoveAll(spill); err != nil {
		return err
	}
	s.engine.spill = spill
	connector, err := s.engine.open(ctx)
	if err != nil {
		return err
	}
	if s.conn, err = connector.Connect(ctx); err != nil {
		return err
	}
	if s.arrow, err = duckdb.NewArrowFromConn(s.conn); err != nil {
		return err
	}
	statements := []string{"SET TimeZone = 'UTC'", "CREATE SCHEMA " + publishedSchema}
	for _, t := range s.w.pinned(s.manifest) {
		name := quoteName(t.Name)
		statements = append(statements, "CREATE VIEW "+publishedSchema+"."+name+" AS FROM "+t.Relation,
			"CREATE VIEW main."+name+" AS FROM "+publishedSchema+"."+name)
	}
	return execute(ctx, s.conn, statements...)
}

// Load stages the rows under the table's name, in the types in which they will
// be published.
func (s *stage) Load(ctx context.Context, table asof.Table, rows array.RecordReader) (int64, error) {
	if err := validTable(table); err != nil {
		return 0, err
	}
	if _, twice := s.staged[table.Name]; twice {
		return 0, asof.Errorf(asof.CodeInvalid, "table %q is loaded twice in one run; put its rows into one file", table.Name)
	}
	schema, err := table.Schema()
	if err != nil {
		return 0, err
	}
	if !rows.Schema().Equal(schema) {
		return 0, asof.Errorf(asof.CodeInternal, "table %q: the rows have the schema %s, and the table %s", table.Name, rows.Schema(), schema)
	}
	present := s.manifest.Tables[table.Name]
	if present != nil && present.Whole != nil {
		return 0, sameShape(present, table, false)
	}
	columns := settle(present, plainColumns(table.Columns))
	release, err := s.arrow.RegisterView(rows, "asof_rows")
	if err != nil {
		return 0, fault("table "+table.Name+" cannot be staged", err)
	}
	defer release()
	name := "main." + quoteName(table.Name)
	var drop []string
	if present != nil {
		drop = []string{"DROP VIEW " + name}
	}
	err = execute(ctx, s.conn, append(drop, "CREATE TABLE "+name+" AS SELECT * FROM asof_rows", "DROP VIEW asof_rows")...)
	if rows.Err() != nil {
		return 0, rows.Err()
	}
	if err != nil {
		return 0, fault("table "+table.Name+" cannot be staged", err)
	}
	s.staged[table.Name], s.keys[table.Name] = columns, table.Key
	if err := s.checkKey(ctx, table, name); err != nil {
		return 0, err
	}
	if err := s.fit(ctx, table, name, columns); err != nil {
		return 0, err
	}
	return s.count(ctx, "SELECT count(*) FROM "+name)
}

// Query runs a SELECT over the stage.
func (s *stage) Query(ctx context.Context, sql string) (array.RecordReader, error) {
	rows, err := s.arrow.QueryContext(ctx, sql)
	return rows, fault("the query fails on the warehouse", err)
}

// Published returns a table's name in the schema of published ones.
func (s *stage) Published(_ context.Context, table string) (string, bool, error) {
	return publishedSchema + "." + quoteName(table), s.manifest.Tables[table] != nil, nil
}

// Discard drops the stage, files that were not published among it, and lets
// the next run in.
func (s *stage) Discard(context.Context) error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	errs = append(errs, s.engine.close())
	for _, file := range s.written {
		errs = append(errs, os.Remove(file))
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	s.conn, s.arrow, s.written, s.lock = nil, nil, nil, nil
	return errors.Join(errs...)
}
