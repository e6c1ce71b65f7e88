package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// freeze makes the rows of a query exactly those of the snapshot's day.
func (r *publishing) freeze(ctx context.Context, f asof.Frozen) error {
	if err := validTable(f.Table); err != nil {
		return err
	}
	key := append(slices.Clone(f.Table.Key), asof.AsOfColumn)
	present, err := r.target(ctx, f.Table.Name)
	if err != nil {
		return err
	}
	if err := r.has(f.Table, present, append(f.Table.ColumnNames(), asof.AsOfColumn)); err != nil {
		return err
	}
	change := asof.TableChange{Table: f.Table.Name}
	added, err := r.freezeNew(ctx, f, key, present, &change)
	if err != nil {
		return err
	}
	made := added && present == nil
	if !added {
		if made, err = r.refreeze(ctx, f, key, present, &change); err != nil {
			return err
		}
	}
	if err := r.remember(ctx, change, tableBefore{Key: key, Made: made}); err != nil {
		return err
	}
	change.Dropped, err = r.dropped(ctx, f.Table)
	r.changes[f.Table.Name] = change
	return err
}

// refreeze compares the rows with those that the table has, and returns whether
// it made the table.
func (r *publishing) refreeze(ctx context.Context, f asof.Frozen, key []string, present []tableColumn, change *asof.TableChange) (made bool, err error) {
	const rows = "pg_temp.asof_frozen"
	for _, statement := range []string{"DROP TABLE IF EXISTS " + rows,
		"CREATE TEMP TABLE asof_frozen (" + declared(f.Table.Columns, f.Table.Key) + ") ON COMMIT DROP", "INSERT INTO " + rows + " " + selected(f.Table, f.SQL)} {
		if err := r.exec(ctx, statement); err != nil {
			return false, noKey(f.Table, err)
		}
	}
	if err := r.settle(ctx, f.Table, rows, present); err != nil {
		return false, err
	}
	if made, err = r.create(ctx, f.Table, f.Table.SnapshotColumns(), key); err != nil {
		return false, err
	}
	m := merge{publishing: r, table: f.Table, rows: rows, live: r.w.db.qualified(f.Table.Name), asOf: day(r.p.AsOf)}
	if err := m.write(ctx, change); err != nil {
		return false, err
	}
	change.Removed, err = m.drop(ctx)
	return made, err
}

// dropped reads the keys that the snapshot's day had and has no more.
func (r *publishing) dropped(ctx context.Context, table asof.Table) (arrow.RecordBatch, error) {
	keys := make([]asof.TableColumn, 0, len(table.Key))
	for _, c := range table.Columns {
		if slices.Contains(table.Key, c.Name) {
			keys = append(keys, c)
		}
	}
	list := strings.Join(sqltext.Names(table.Key), ", ")
	rows, err := queryText(ctx, r.conn.PgConn(), r.w.db, fmt.Sprintf(`SELECT %s FROM %s d, jsonb_to_record(d.key) AS k(%s)
 WHERE d.table_name = %s AND d.as_of = '%s' ORDER BY %s`, list, r.w.db.qualified("asof_dropped"), declared(keys, nil),
		sqltext.Text(table.Name), day(r.p.AsOf), list))
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	return allRows(rows)
}
