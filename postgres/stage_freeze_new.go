package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// freezeNew inserts the rows of a day that the snapshot has none of, straight
// into its table. It returns false, and has done nothing, where they have to be
// looked at first: the day has rows or dropped keys, the table's types are not
// the declared ones, or nothing of it keeps a key from coming twice.
func (r *publishing) freezeNew(ctx context.Context, f asof.Frozen, key []string, present []tableColumn, change *asof.TableChange) (bool, error) {
	if fits, err := r.takesNew(ctx, f.Table, key, present); !fits || err != nil {
		return false, err
	}
	if err := r.exec(ctx, "SAVEPOINT asof_new"); err != nil {
		return false, err
	}
	name := r.w.db.qualified(f.Table.Name)
	if present == nil {
		if err := r.exec(ctx, "CREATE TABLE "+name+" ("+declared(f.Table.SnapshotColumns(), key)+")"); err != nil {
			return false, err
		}
	}
	m := merge{publishing: r, table: f.Table, rows: "(" + selected(f.Table, f.SQL) + ")", live: name, asOf: day(r.p.AsOf)}
	n, err := m.add(ctx, "")
	if err == nil && present == nil { // an index of all rows is made faster than row by row
		actions := append([]string{"PRIMARY KEY (" + strings.Join(sqltext.Names(key), ", ") + ")"}, r.foreignKeys(f.Table, f.Table.SnapshotColumns())...)
		err = r.exec(ctx, "ALTER TABLE "+name+" ADD "+strings.Join(actions, ", ADD "))
	}
	if server := (*pgconn.PgError)(nil); errors.As(err, &server) && server.Code == "23505" {
		return false, r.exec(ctx, "ROLLBACK TO asof_new") // which key it is will be told there
	}
	change.Rows, change.Added = n, n
	return true, noKey(f.Table, err)
}

// takesNew locks a snapshot's table, and reports whether it takes the rows of
// the day as they are.
func (r *publishing) takesNew(ctx context.Context, table asof.Table, key []string, present []tableColumn) (bool, error) {
	for _, c := range table.Columns {
		if typ, _, err := unlike(c, present); typ != "" || err != nil {
			return false, err
		}
	}
	free := fmt.Sprintf("NOT EXISTS (SELECT FROM %s WHERE table_name = $1 AND as_of = $2::date)", r.w.db.qualified("asof_dropped"))
	args := []any{table.Name, day(r.p.AsOf)}
	if present != nil {
		name := r.w.db.qualified(table.Name)
		if err := r.exec(ctx, "LOCK TABLE "+name+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return false, err
		}
		free += fmt.Sprintf(` AND EXISTS (SELECT FROM pg_index i WHERE indrelid = to_regclass($3) AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL
 AND indnkeyatts = cardinality($4::text[]) AND indnkeyatts = (SELECT count(*) FROM pg_attribute a
 WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1]) AND attnotnull AND attname = ANY ($4)))
 AND NOT EXISTS (SELECT FROM %s WHERE as_of = $2::date)`, name)
		args = append(args, name, key)
	}
	var takes bool
	err := r.row(ctx, "SELECT "+free, args...).Scan(&takes)
	return takes, err
}
