package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// entries returns SQL for the history's entries of one kind as rows of the
// table that they are about.
func (r *rollback) entries(table, change string) string {
	return fmt.Sprintf("(SELECT p.* FROM %s h, json_populate_recordset(NULL::%s, h.previous) p WHERE h.publication = %d AND h.table_name = %s AND h.change = %s)",
		r.history(), r.w.db.qualified(table), r.id, sqltext.Text(table), sqltext.Text(change))
}

// match compares the keys of a table's rows, l, and of entries, p.
func (r *rollback) match(table string) string {
	var equal []string
	for _, k := range sqltext.Names(r.before[table].Key) {
		equal = append(equal, "l."+k+" = p."+k)
	}
	return strings.Join(equal, " AND ")
}

// remove deletes the rows that the publication had added.
func (r *rollback) remove(ctx context.Context, table string, change *asof.TableChange) (err error) {
	change.Removed, err = r.exec(ctx, "DELETE FROM %s l USING %s p WHERE %s", r.w.db.qualified(table), r.entries(table, "added"), r.match(table))
	return referred(table, err)
}

// putBack gives rows their values again, and brings those back that the
// publication had removed; then the newest as_of, and the dropped keys.
func (r *rollback) putBack(ctx context.Context, table string, change *asof.TableChange) error {
	changed, err := r.columns(ctx, table, "changed")
	if err != nil {
		return err
	}
	var set []string
	for _, c := range changed {
		if !slices.Contains(r.before[table].Key, c) {
			set = append(set, sqltext.Name(c)+" = p."+sqltext.Name(c))
		}
	}
	if len(set) > 0 {
		if change.Changed, err = r.exec(ctx, "UPDATE %s l SET %s FROM %s p WHERE %s",
			r.w.db.qualified(table), strings.Join(set, ", "), r.entries(table, "changed"), r.match(table)); err != nil {
			return err
		}
	}
	removed, err := r.columns(ctx, table, "removed")
	if err != nil {
		return err
	}
	if len(removed) > 0 {
		list := strings.Join(sqltext.Names(removed), ", ")
		if change.Added, err = r.exec(ctx, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM %s p WHERE NOT EXISTS (SELECT FROM %s l WHERE %s)",
			r.w.db.qualified(table), list, list, r.entries(table, "removed"), r.w.db.qualified(table), r.match(table)); err != nil {
			return err
		}
	}
	if err := r.loaded(ctx, table); err != nil {
		return err
	}
	return r.dropped(ctx, table)
}

// columns returns the columns that entries of a kind hold and that the table
// can be given still, none where there are no entries.
func (r *rollback) columns(ctx context.Context, table, change string) ([]string, error) {
	rows, err := r.tx.Query(ctx, `SELECT a.attname FROM pg_attribute a
 JOIN (SELECT previous FROM `+r.history()+` WHERE publication = $1 AND table_name = $2 AND change = $3 LIMIT 1) h ON (h.previous->0)::jsonb ? a.attname
 WHERE a.attrelid = to_regclass($4) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum`,
		r.id, table, change, r.w.db.qualified(table))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// loaded puts the newest as_of of a live table back.
func (r *rollback) loaded(ctx context.Context, table string) (err error) {
	was := r.before[table]
	switch name := r.w.db.qualified("asof_loaded"); {
	case was.Loaded && was.AsOf == "":
		_, err = r.tx.Exec(ctx, "DELETE FROM "+name+" WHERE table_name = $1", table)
	case was.Loaded:
		_, err = r.tx.Exec(ctx, "UPDATE "+name+" SET as_of = $2::text::date WHERE table_name = $1", table, was.AsOf)
	}
	return err
}

// dropped makes the dropped keys those that they were.
func (r *rollback) dropped(ctx context.Context, table string) error {
	dropped := r.w.db.qualified("asof_dropped")
	const of = "h.publication = $1 AND h.table_name = $2 AND h.change = "
	if _, err := r.tx.Exec(ctx, "DELETE FROM "+dropped+" d USING "+r.history()+" h WHERE "+of+
		"'dropped' AND d.table_name = $2 AND d.as_of = (h.previous->>'as_of')::date AND d.key = (h.previous->'key')::jsonb", r.id, table); err != nil {
		return err
	}
	_, err := r.tx.Exec(ctx, "INSERT INTO "+dropped+" SELECT $2, (h.previous->>'as_of')::date, (h.previous->'key')::jsonb FROM "+r.history()+" h WHERE "+of+
		"'back' ON CONFLICT DO NOTHING", r.id, table)
	return err
}

// drop removes a table that the publication made, where it is empty by now and
// nobody has made anything of it.
func (r *rollback) drop(ctx context.Context, table string) error {
	if !r.before[table].Made {
		return nil
	}
	var rows bool
	if err := r.tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+r.w.db.qualified(table)+")").Scan(&rows); err != nil || rows {
		return err
	}
	err := pgx.BeginFunc(ctx, r.tx, func(tx pgx.Tx) error {
		views, err := stageViews(ctx, tx, r.w.db.qualified(table))
		for _, view := range append(views, "TABLE "+r.w.db.qualified(table)) {
			if err == nil {
				_, err = tx.Exec(ctx, "DROP "+view)
			}
		}
		return err
	})
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == "2BP01" {
		return nil // a view reads it, say: it stays, without rows
	}
	if err == nil {
		r.undone.Gone = append(r.undone.Gone, table)
		r.w.step("dropped " + table)
	}
	return err
}

// stageViews returns the views by which open stages see a table that was staged
// once, and became the published one.
func stageViews(ctx context.Context, tx pgx.Tx, table string) ([]string, error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT format('VIEW %I.%I', n.nspname, c.relname) FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
 JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE d.refobjid = to_regclass($1) AND d.classid = 'pg_rewrite'::regclass AND c.relkind = 'v' AND c.relpersistence = 't'`, table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
