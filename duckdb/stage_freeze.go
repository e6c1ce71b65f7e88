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
	"github.com/asof-dev/asof/sqltext"
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
	fresh, err := s.freezeRows(ctx, f)
	if err != nil {
		return change, nil, err
	}
	next := &table{Snapshot: true, Key: f.Table.Key}
	next.Columns = settle(present, plainColumns(f.Table.SnapshotColumns()))
	if err := s.fit(ctx, f.Table, s.stagedFile(fresh), next.Columns); err != nil {
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
	rows := "(" + fitted(fresh.Columns, present, s.stagedFile(fresh)) + ")"
	if change.Rows, change.Added = fresh.Rows, fresh.Rows; last != nil {
		if err := s.compare(ctx, &change, rows, old, f.Table.Key, f.Table.ColumnNames(), present); err != nil {
			return change, nil, err
		}
	}
	if last != nil && change.Added+change.Changed+change.Removed == 0 && len(next.Columns) == len(present.Columns) {
		change.Dropped, err = s.droppedKeys(ctx, f.Table, last.Dropped)
		return change, nil, err
	}
	own := *next // what is in the files: all but the day
	own.Columns = slices.DeleteFunc(slices.Clone(next.Columns), func(c column) bool { return c.Name == asof.AsOfColumn })
	now := part{AsOf: day(asOf), Rows: fresh.Rows, Width: len(next.Columns)}
	folder := f.Table.Name + "/" + asof.AsOfColumn + "=" + now.AsOf + "/"
	if slices.Equal(own.Columns, fresh.Columns) {
		now.File, err = s.adoptStaged(fresh.File, folder)
	} else {
		now.File, now.Rows, err = s.writePart(ctx, folder, completed(rows, old, &own, f.Table, present))
	}
	if err == nil && last != nil {
		now.Dropped, err = s.writeDropped(ctx, folder, f.Table.Key, rows, old, last.Dropped)
	}
	if err == nil {
		change.Dropped, err = s.droppedKeys(ctx, f.Table, now.Dropped)
	}
	return change, next.with(now), err
}

// freezeRows writes the rows of the query to a file of the stage, which goes
// with it, and checks their key.
func (s *stage) freezeRows(ctx context.Context, f asof.Frozen) (*stagedTable, error) {
	l, err := s.link(ctx)
	if err != nil {
		return nil, err
	}
	defer l.back()
	fresh, err := s.writeFile(ctx, l, f.Table, selected(f.Table, f.SQL))
	if err == nil {
		err = s.checkKey(ctx, f.Table, s.stagedFile(fresh))
	}
	return fresh, fault("snapshot "+f.Table.Name, err)
}

// writeDropped writes the keys that the day had before and has no more, and
// returns the file's name; "" where there are none.
func (s *stage) writeDropped(ctx context.Context, folder string, keys []string, rows, old, before string) (string, error) {
	key := strings.Join(sqltext.Names(keys), ", ")
	had := "SELECT " + key + " FROM " + old
	if before != "" {
		had += " UNION SELECT " + key + " FROM " + s.w.keyFile(before)
	}
	gone := "SELECT " + key + " FROM (" + had + ") ANTI JOIN " + rows + " USING (" + key + ")"
	n, err := s.count(ctx, "SELECT count(*) FROM ("+gone+")")
	if err != nil || n == 0 {
		return "", err
	}
	name, _, err := s.writePart(ctx, folder+"dropped-", gone)
	return name, err
}

// droppedKeys reads a file of dropped keys, nil for none.
func (s *stage) droppedKeys(ctx context.Context, t asof.Table, file string) (arrow.RecordBatch, error) {
	if file == "" {
		return nil, nil
	}
	key := strings.Join(sqltext.Names(t.Key), ", ")
	return s.batch(ctx, "SELECT "+key+" FROM "+s.w.keyFile(file)+" ORDER BY "+key)
}

func (w *Warehouse) keyFile(file string) string {
	path := globEscape.Replace(filepath.Join(w.dir, filepath.FromSlash(file)))
	return "read_parquet(" + sqltext.Text(path) + ", hive_partitioning = false)"
}
