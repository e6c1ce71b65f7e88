//go:build duckdb_arrow

package duckdb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// Publish writes the new files, then the manifest that names them. Files of
// tables that stay as they are are not written again, and where no table
// changes there is no new manifest.
func (s *stage) Publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	done, err := s.publish(ctx, p)
	if err != nil {
		for _, t := range done.Tables {
			if t.Dropped != nil {
				t.Dropped.Release()
			}
		}
		return asof.Published{}, errors.Join(fault("publication "+p.ID, err), s.Discard(ctx))
	}
	return done, s.Discard(ctx)
}

func (s *stage) publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	var done asof.Published
	after := map[string]*table{}
	for _, u := range p.Upserts {
		change, t, err := s.upsert(ctx, u.Table, p.AsOf)
		if err != nil {
			return done, err
		}
		done.Tables = append(done.Tables, change)
		if t != nil {
			after[u.Table.Name] = t
		}
	}
	for _, f := range p.Frozen {
		change, t, err := s.freeze(ctx, f, p.AsOf)
		if err != nil {
			return done, err
		}
		done.Tables = append(done.Tables, change)
		if t != nil {
			after[f.Table.Name] = t
		}
	}
	if len(after) == 0 {
		return done, nil
	}
	s.w.step("files written")
	if err := s.sync(); err != nil {
		return done, err
	}
	next := s.manifest.succeed(publication{ID: p.ID, Name: p.Name, AsOf: day(p.AsOf), At: s.w.now().UTC().Truncate(time.Microsecond)}, after)
	if err := next.write(s.w.dir, s.w.step); err != nil {
		return done, err
	}
	s.written = nil
	return done, nil
}

// upsert returns the live table as it is after the staged rows are written
// into it by their key, nil where that is as it was.
func (s *stage) upsert(ctx context.Context, declared asof.Table, asOf time.Time) (asof.TableChange, *table, error) {
	change := asof.TableChange{Table: declared.Name}
	columns, staged := s.staged[declared.Name]
	if !staged {
		return change, nil, asof.Errorf(asof.CodeInvalid, "table %q is published and was not loaded", declared.Name)
	}
	present := s.manifest.Tables[declared.Name]
	if err := sameShape(present, declared, false); err != nil {
		return change, nil, err
	}
	if present != nil && present.AsOf > day(asOf) {
		change.Skipped = fmt.Sprintf("%s holds %s, which is newer than %s", declared.Name, present.AsOf, day(asOf))
		return change, nil, nil
	}
	next := &table{Key: declared.Key, Columns: columns, AsOf: day(asOf)}
	var parts []part
	if present != nil {
		parts = present.Parts
	}
	rows, old := "main."+quoteName(declared.Name), s.w.relation(next, nil)
	if present != nil {
		old = publishedSchema + "." + quoteName(declared.Name)
	}
	if err := s.compare(ctx, &change, rows, old, declared.Key, names(declared.Columns), present); err != nil {
		return change, nil, err
	}
	change.Removed = 0 // an upsert removes nothing
	switch {
	case present != nil && change.Added+change.Changed == 0 && len(columns) == len(present.Columns):
		next.Parts = parts
		if present.AsOf == next.AsOf {
			return change, nil, nil
		}
	default:
		file, n, err := s.writePart(ctx, declared.Name+"/", merged(rows, old, next, declared, present), declared.Key)
		if err != nil {
			return change, nil, err
		}
		next.Parts = []part{{File: file, Rows: n, Width: len(columns)}}
	}
	return change, next, nil
}

// merged returns SQL for the staged rows, completed with the columns of the
// live rows that they replace, and the live rows that they do not replace.
func merged(rows, old string, next *table, declared asof.Table, present *table) string {
	on := keysEqual("n", "o", declared.Key)
	fresh, kept := make([]string, len(next.Columns)), make([]string, len(next.Columns))
	for i, c := range next.Columns {
		typed := "NULL::" + duckType(c.Type)
		had := present != nil && slices.Contains(present.Columns, c)
		filled := slices.Contains(names(declared.Columns), c.Name)
		fresh[i], kept[i] = typed, typed
		if had {
			fresh[i], kept[i] = "o."+quoteName(c.Name), "o."+quoteName(c.Name)
		}
		if filled {
			fresh[i] = "n." + quoteName(c.Name)
		}
		fresh[i] += " AS " + quoteName(c.Name)
	}
	return fmt.Sprintf("SELECT %s FROM %s n LEFT JOIN %s o ON %s UNION ALL SELECT %s FROM %s o ANTI JOIN %s n ON %s",
		strings.Join(fresh, ", "), rows, old, on, strings.Join(kept, ", "), old, rows, on)
}

// freeze returns the snapshot as it is after the rows of the query stand for
// its day, nil where that is as it was.
func (s *stage) freeze(ctx context.Context, f asof.Frozen, asOf time.Time) (asof.TableChange, *table, error) {
	change := asof.TableChange{Table: f.Table.Name}
	if err := validTable(f.Table); err != nil {
		return change, nil, err
	}
	present := s.manifest.Tables[f.Table.Name]
	if err := sameShape(present, f.Table, true); err != nil {
		return change, nil, err
	}
	typed := make([]string, len(f.Table.Columns))
	for i, c := range plainColumns(f.Table.Columns) {
		typed[i] = quoteName(c.Name) + "::" + duckType(c.Type) + " AS " + quoteName(c.Name)
	}
	const rows = "temp.asof_frozen"
	if err := execute(ctx, s.conn, "CREATE OR REPLACE TEMP TABLE asof_frozen AS SELECT "+strings.Join(typed, ", ")+" FROM ("+f.SQL+") q"); err != nil {
		return change, nil, fault("snapshot "+f.Table.Name, err)
	}
	if err := s.checkKey(ctx, f.Table, rows); err != nil {
		return change, nil, err
	}
	next := &table{Snapshot: true, Key: f.Table.Key}
	next.Columns = settle(present, plainColumns(f.Table.SnapshotColumns()))
	if err := s.fit(ctx, f.Table, rows, next.Columns); err != nil {
		return change, nil, err
	}
	var last *part
	old := s.w.relation(&table{Columns: plainColumns(f.Table.Columns)}, nil)
	if present != nil {
		next.Parts = present.Parts
		if last = present.part(day(asOf)); last != nil {
			old = s.w.relation(present, []part{*last})
		}
	}
	if err := s.compare(ctx, &change, rows, old, f.Table.Key, names(f.Table.Columns), present); err != nil {
		return change, nil, err
	}
	same := last != nil && change.Added+change.Changed+change.Removed == 0 && len(next.Columns) == len(present.Columns)
	if same {
		dropped, err := s.droppedKeys(ctx, f.Table, last.Dropped)
		change.Dropped = dropped
		return change, nil, err
	}
	now, err := s.writeSnapshot(ctx, f.Table, next, rows, old, last, day(asOf))
	if err != nil {
		return change, nil, err
	}
	change.Dropped, err = s.droppedKeys(ctx, f.Table, now.Dropped)
	return change, next.with(now), err
}

// writeSnapshot writes the files of one day: its rows, and the keys that this
// day had before and has no more.
func (s *stage) writeSnapshot(ctx context.Context, declared asof.Table, next *table, rows, old string, last *part, asOf string) (part, error) {
	now := part{AsOf: asOf, Width: len(next.Columns)}
	folder := declared.Name + "/" + asof.AsOfColumn + "=" + asOf + "/"
	columns := make([]string, 0, len(next.Columns))
	for _, c := range next.Columns {
		switch {
		case c.Name == asof.AsOfColumn:
		case slices.Contains(names(declared.Columns), c.Name):
			columns = append(columns, quoteName(c.Name))
		default:
			columns = append(columns, "NULL::"+duckType(c.Type)+" AS "+quoteName(c.Name))
		}
	}
	var err error
	if now.File, now.Rows, err = s.writePart(ctx, folder, "SELECT "+strings.Join(columns, ", ")+" FROM "+rows, declared.Key); err != nil {
		return now, err
	}
	if last == nil {
		return now, nil
	}
	key := strings.Join(quoteNames(declared.Key), ", ")
	had := "SELECT " + key + " FROM " + old
	if last.Dropped != "" {
		had += " UNION SELECT " + key + " FROM " + s.w.keyFile(last.Dropped)
	}
	gone := "SELECT " + key + " FROM (" + had + ") ANTI JOIN " + rows + " USING (" + key + ")"
	n, err := s.count(ctx, "SELECT count(*) FROM ("+gone+")")
	if err != nil || n == 0 {
		return now, err
	}
	now.Dropped, _, err = s.writePart(ctx, folder+"dropped-", gone, declared.Key)
	return now, err
}

// compare counts how the rows differ from the old ones in the named columns.
// A column that the present table does not have yet was null.
func (s *stage) compare(ctx context.Context, change *asof.TableChange, rows, old string, key, columns []string, present *table) error {
	on := keysEqual("n", "o", key)
	differs := "false"
	for _, c := range columns {
		switch {
		case slices.Contains(key, c):
		case present != nil && !slices.ContainsFunc(present.Columns, func(o column) bool { return o.Name == c }):
			differs += " OR n." + quoteName(c) + " IS NOT NULL"
		default:
			differs += " OR n." + quoteName(c) + " IS DISTINCT FROM o." + quoteName(c)
		}
	}
	counts, err := s.counts(ctx, fmt.Sprintf(`SELECT count(*), count(*) FILTER (o.asof_old IS NULL), count(*) FILTER (o.asof_old AND (%s)),
 (SELECT count(*) FROM %s o ANTI JOIN %s n ON %s)
 FROM %s n LEFT JOIN (SELECT *, true AS asof_old FROM %s) o ON %s`, differs, old, rows, on, rows, old, on))
	if err != nil {
		return err
	}
	change.Rows, change.Added, change.Changed, change.Removed = counts[0], counts[1], counts[2], counts[3]
	change.Equal = change.Rows - change.Added - change.Changed
	return nil
}

// writePart writes the rows of a query, in the order of key, to a new file
// whose name starts with prefix, and returns the name within the warehouse.
func (s *stage) writePart(ctx context.Context, prefix, sql string, key []string) (string, int64, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", 0, err
	}
	name := prefix + hex.EncodeToString(id) + ".parquet"
	path := filepath.Join(s.w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", 0, err
	}
	s.written = append(s.written, path)
	n, err := s.count(ctx, fmt.Sprintf("COPY (SELECT * FROM (%s) ORDER BY %s) TO %s (FORMAT parquet, COMPRESSION zstd)",
		sql, strings.Join(quoteNames(key), ", "), quoteText(path)))
	s.w.step("part written")
	return name, n, err
}

// sync makes the new files, and the folders that hold them, outlast a stop of
// the machine.
func (s *stage) sync() error {
	folders := map[string]bool{}
	for _, file := range s.written {
		if err := syncPath(file); err != nil {
			return err
		}
		for dir := filepath.Dir(file); !folders[dir] && len(dir) >= len(s.w.dir); dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	for dir := range folders {
		if err := syncPath(dir); err != nil {
			return err
		}
	}
	return nil
}

// droppedKeys reads a file of dropped keys, nil for none.
func (s *stage) droppedKeys(ctx context.Context, t asof.Table, file string) (arrow.RecordBatch, error) {
	if file == "" {
		return nil, nil
	}
	key := strings.Join(quoteNames(t.Key), ", ")
	return s.batch(ctx, "SELECT "+key+" FROM "+s.w.keyFile(file)+" ORDER BY "+key)
}

func (w *Warehouse) keyFile(file string) string {
	path := globEscape.Replace(filepath.Join(w.dir, filepath.FromSlash(file)))
	return "read_parquet(" + quoteText(path) + ", hive_partitioning = false)"
}

// sameShape refuses to write a table in another role, or by another key, than
// it has.
func sameShape(present *table, declared asof.Table, snapshot bool) error {
	switch {
	case present == nil:
		return nil
	case present.Snapshot != snapshot:
		return asof.Errorf(asof.CodeInvalid, "table %q is both a live table and a snapshot; give the snapshot a name of its own", declared.Name)
	case !slices.Equal(present.Key, declared.Key):
		return asof.Errorf(asof.CodeInvalid, "table %q has the key (%s), and the pipeline gives it (%s); keep the one it has",
			declared.Name, strings.Join(present.Key, ", "), strings.Join(declared.Key, ", "))
	}
	return nil
}

func keysEqual(a, b string, key []string) string {
	equal := make([]string, len(key))
	for i, k := range quoteNames(key) {
		equal[i] = a + "." + k + " = " + b + "." + k
	}
	return strings.Join(equal, " AND ")
}

func names(columns []asof.TableColumn) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return list
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
