//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
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
	s := &stage{w: w, lock: lock, staged: map[string][]column{}}
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
	columns := settle(s.manifest.Tables[table.Name], plainColumns(table.Columns))
	release, err := s.arrow.RegisterView(rows, "asof_rows")
	if err != nil {
		return 0, fault("table "+table.Name+" cannot be staged", err)
	}
	defer release()
	name := "main." + quoteName(table.Name)
	var drop []string
	if s.manifest.Tables[table.Name] != nil {
		drop = []string{"DROP VIEW " + name}
	}
	err = execute(ctx, s.conn, append(drop, "CREATE TABLE "+name+" AS SELECT * FROM asof_rows", "DROP VIEW asof_rows")...)
	if rows.Err() != nil {
		return 0, rows.Err()
	}
	if err != nil {
		return 0, fault("table "+table.Name+" cannot be staged", err)
	}
	s.staged[table.Name] = columns
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

// checkKey refuses rows whose key is null or not theirs alone.
func (s *stage) checkKey(ctx context.Context, table asof.Table, relation string) error {
	keys := quoteNames(table.Key)
	for i, k := range keys {
		n, err := s.count(ctx, "SELECT count(*) FROM "+relation+" WHERE "+k+" IS NULL")
		if err != nil {
			return err
		}
		if n > 0 {
			return asof.Errorf(asof.CodeInvalid, "table %q: %d rows have no %s, which is part of the key", table.Name, n, table.Key[i])
		}
	}
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = "CAST(" + k + " AS VARCHAR)"
	}
	list := strings.Join(keys, ", ")
	row, err := s.texts(ctx, "SELECT "+strings.Join(texts, ", ")+", CAST(count(*) AS VARCHAR) FROM "+relation+
		" GROUP BY "+list+" HAVING count(*) > 1 ORDER BY "+list+" LIMIT 1")
	if err != nil || row == nil {
		return err
	}
	duplicate := &asof.DuplicateKey{Table: table.Name, Key: table.Key, Values: row[:len(keys)]}
	if _, err := fmt.Sscan(row[len(keys)], &duplicate.Count); err != nil {
		return err
	}
	return asof.Errorf(asof.CodeInvalid, "%w", duplicate)
}

// fit gives staged columns the types in which they are published, where these
// are others than declared, and refuses a value that would be another there.
func (s *stage) fit(ctx context.Context, table asof.Table, relation string, columns []column) error {
	for _, declared := range table.Columns {
		i := slices.IndexFunc(columns, func(c column) bool { return c.Name == declared.Name })
		own, err := asof.ColumnType(declared.Type)
		if err != nil {
			return err
		}
		typ := columns[i].Type
		if typ == own {
			continue
		}
		name := quoteName(declared.Name)
		there := "TRY_CAST(" + name + " AS " + duckType(typ) + ")"
		value, err := s.texts(ctx, fmt.Sprintf("SELECT CAST(%[1]s AS VARCHAR), CAST(%[2]s AS VARCHAR) FROM %[3]s WHERE %[1]s IS NOT NULL AND TRY_CAST(%[4]s AS %[5]s) IS DISTINCT FROM %[1]s LIMIT 1",
			name, quoteName(table.Key[0]), relation, there, duckType(own)))
		if err != nil {
			return err
		}
		if value != nil {
			return asof.Errorf(asof.CodeInvalid, "table %q, %s=%s: the value %s of column %q does not fit its type there, %s; correct the file, or load it into another table",
				table.Name, table.Key[0], value[1], value[0], declared.Name, typ)
		}
		if err := execute(ctx, s.conn, "ALTER TABLE "+relation+" ALTER "+name+" TYPE "+duckType(typ)); err != nil {
			return fault("table "+table.Name, err)
		}
	}
	return nil
}

// settle returns the columns that a table has once declared ones are written
// to it: those that it has stay as they are, new ones come last.
func settle(present *table, declared []column) []column {
	if present == nil {
		return declared
	}
	columns := slices.Clone(present.Columns)
	for _, d := range declared {
		if !slices.ContainsFunc(columns, func(c column) bool { return c.Name == d.Name }) {
			columns = append(columns, d)
		}
	}
	return columns
}

func plainColumns(declared []asof.TableColumn) []column {
	columns := make([]column, len(declared))
	for i, c := range declared {
		columns[i] = column(c)
		if typ, err := asof.ColumnType(c.Type); err == nil {
			columns[i].Type = typ
		}
	}
	return columns
}

func validTable(t asof.Table) error {
	if !tableName.MatchString(t.Name) {
		return asof.Errorf(asof.CodeInvalid, "%q cannot be the name of a warehouse table: letters, digits and underscores, 63 at most", t.Name)
	}
	if len(t.Key) == 0 {
		return asof.Errorf(asof.CodeInvalid, "table %q has no key; name the columns that tell its rows apart", t.Name)
	}
	for _, k := range t.Key {
		if !slices.ContainsFunc(t.Columns, func(c asof.TableColumn) bool { return c.Name == k }) {
			return asof.Errorf(asof.CodeInvalid, "table %q: the key column %q is not among its columns", t.Name, k)
		}
	}
	return nil
}

// texts returns the first row of a query whose columns are all VARCHAR, nil
// where there is none.
func (s *stage) texts(ctx context.Context, sql string) ([]string, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var row []string
	for row == nil && rows.Next() {
		batch := rows.RecordBatch()
		for i := 0; batch.NumRows() > 0 && i < int(batch.NumCols()); i++ {
			row = append(row, strings.Clone(batch.Column(i).ValueStr(0)))
		}
	}
	return row, fault("the query fails on the warehouse", rows.Err())
}

// count returns the only value of a query, a BIGINT.
func (s *stage) count(ctx context.Context, sql string) (int64, error) {
	counts, err := s.counts(ctx, sql)
	if err != nil {
		return 0, err
	}
	return counts[0], nil
}

// counts returns the only row of a query whose columns are all BIGINT.
func (s *stage) counts(ctx context.Context, sql string) ([]int64, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var counts []int64
	for rows.Next() {
		for _, column := range rows.RecordBatch().Columns() {
			counts = append(counts, column.(*array.Int64).Value(0))
		}
	}
	return counts, fault("the query fails on the warehouse", rows.Err())
}

// batch returns all rows of a query as one batch, which the caller releases;
// nil where there are none.
func (s *stage) batch(ctx context.Context, sql string) (arrow.RecordBatch, error) {
	rows, err := s.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	for rows.Next() {
		b := rows.RecordBatch()
		b.Retain()
		batches = append(batches, b)
	}
	if err := rows.Err(); err != nil || len(batches) == 0 {
		return nil, fault("the query fails on the warehouse", err)
	}
	columns := make([]arrow.Array, rows.Schema().NumFields())
	var n int64
	for _, b := range batches {
		n += b.NumRows()
	}
	for i := range columns {
		chunks := make([]arrow.Array, len(batches))
		for j, b := range batches {
			chunks[j] = b.Column(i)
		}
		if columns[i], err = array.Concatenate(chunks, memory.DefaultAllocator); err != nil {
			return nil, err
		}
		defer columns[i].Release()
	}
	return array.NewRecordBatch(rows.Schema(), columns, n), nil
}

func quoteNames(names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return quoted
}
