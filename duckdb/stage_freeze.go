//go:build duckdb_arrow

package duckdb

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

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
	old := s.w.relation(next, nil)
	if present != nil {
		old, next.Parts = s.w.relation(present, nil), present.Parts
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
	own := *next // what is in the files: all but the day
	own.Columns = slices.DeleteFunc(slices.Clone(next.Columns), func(c column) bool { return c.Name == asof.AsOfColumn })
	now, err := s.writeSnapshot(ctx, f.Table, completed(rows, old, &own, f.Table, present), rows, old, last, day(asOf))
	if err != nil {
		return change, nil, err
	}
	now.Width = len(next.Columns)
	change.Dropped, err = s.droppedKeys(ctx, f.Table, now.Dropped)
	return change, next.with(now), err
}

// writeSnapshot writes the files of one day: its rows, completed, and the keys
// that this day had before and has no more.
func (s *stage) writeSnapshot(ctx context.Context, declared asof.Table, completed, rows, old string, last *part, asOf string) (now part, err error) {
	now.AsOf = asOf
	folder := declared.Name + "/" + asof.AsOfColumn + "=" + asOf + "/"
	if now.File, now.Rows, err = s.writePart(ctx, folder, completed, declared.Key); err != nil {
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
