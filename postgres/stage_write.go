package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// write writes a staged table into the live one, unless that is newer.
func (r *publishing) write(ctx context.Context, w asof.Write) error {
	table := w.Table
	staged, there := r.tables()[table.Name]
	if !there {
		return asof.Errorf(asof.CodeInvalid, "table %q is published and was not loaded", table.Name)
	}
	change := asof.TableChange{Table: table.Name}
	var newest string
	err := r.row(ctx, "SELECT as_of::text FROM "+r.w.db.qualified("asof_loaded")+" WHERE table_name = $1", table.Name).Scan(&newest)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if newest > day(r.p.AsOf) && w.Mode != asof.WriteAppend {
		change.Skipped = fmt.Sprintf("left as it is: it holds %s, which is newer than %s", newest, day(r.p.AsOf))
		r.changes[table.Name] = change
		return nil
	}
	if err := r.checkReferences(ctx, table); err != nil {
		return err
	}
	was := tableBefore{Key: table.Key, Loaded: newest < day(r.p.AsOf), AsOf: newest}
	if err := r.merge(ctx, w, staged, &change, &was); err != nil {
		return err
	}
	r.changes[table.Name] = change
	if w.Mode == asof.WriteReplace {
		r.replaced = append(r.replaced, replacing{table, was})
	} else if err := r.remember(ctx, change, was); err != nil {
		return err
	}
	if !was.Loaded {
		return nil
	}
	return r.exec(ctx, "INSERT INTO "+r.w.db.qualified("asof_loaded")+
		" VALUES ($1, $2::date) ON CONFLICT (table_name) DO UPDATE SET as_of = EXCLUDED.as_of", table.Name, day(r.p.AsOf))
}

// replacing is a table of which the rows go that are not staged.
type replacing struct {
	table asof.Table
	was   tableBefore
}

// removeOthers removes the rows that are not staged, of tables that are written
// as a whole, children before their parents.
func (r *publishing) removeOthers(ctx context.Context) (err error) {
	for _, t := range slices.Backward(r.replaced) {
		name := t.table.Name
		m := merge{publishing: r, table: t.table, rows: "pg_temp." + sqltext.Name(name), live: r.w.db.qualified(name)}
		change := r.changes[name]
		if change.Removed, err = m.remove(ctx); err == nil {
			err = r.remember(ctx, change, t.was)
		}
		if err != nil {
			return r.w.db.fault("table "+name, err)
		}
		r.changes[name] = change
	}
	return nil
}

// merge makes the staged table the published one, where there is none, and else
// writes its rows into that.
func (r *publishing) merge(ctx context.Context, w asof.Write, staged stagedTable, change *asof.TableChange, was *tableBefore) error {
	table := w.Table
	present, err := r.target(ctx, table.Name)
	if err != nil {
		return err
	}
	if present == nil && staged.logged {
		was.Made = true
		return r.adopt(ctx, table, staged, change)
	}
	if err := r.has(table, present, table.ColumnNames()); err != nil {
		return err
	}
	rows := r.w.db.qualified(staged.relation)
	if err := r.refit(ctx, table, staged, present); err != nil {
		return err
	}
	if was.Made, err = r.create(ctx, table, table.Columns, table.Key); err != nil {
		return err
	}
	m := merge{publishing: r, table: table, rows: rows, live: r.w.db.qualified(table.Name)}
	if w.Mode == asof.WriteAppend {
		if err := m.refuseChanges(ctx); err != nil {
			return err
		}
	}
	return m.write(ctx, change)
}

// refit is fit for a published table whose types have changed since the staged
// one was made.
func (r *publishing) refit(ctx context.Context, table asof.Table, staged stagedTable, present []tableColumn) error {
	columns, err := r.columns(ctx, staged.relation)
	if err != nil || !slices.ContainsFunc(columns, func(c tableColumn) bool {
		return slices.ContainsFunc(present, func(p tableColumn) bool { return p.name == c.name && p.typ != c.typ })
	}) {
		return err
	}
	if err := r.Close(); err != nil { // the other connections have views of it
		return err
	}
	if err := r.exec(ctx, "DROP VIEW pg_temp."+sqltext.Name(table.Name)); err != nil {
		return err
	}
	if err := r.fit(ctx, table, r.w.db.qualified(staged.relation), present); err != nil {
		return err
	}
	delete(r.views, table.Name)
	return r.show(ctx)
}

// adopt gives a staged table the published one's name, its key and its
// references.
func (r *publishing) adopt(ctx context.Context, table asof.Table, staged stagedTable, change *asof.TableChange) error {
	name := r.w.db.qualified(table.Name)
	var index string
	if err := r.row(ctx, "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1)",
		r.w.db.qualified(staged.relation)).Scan(&index); err != nil {
		return err
	}
	actions := "ADD CONSTRAINT " + sqltext.Name(constraintName(table.Name)) + " PRIMARY KEY USING INDEX " + sqltext.Name(index)
	for _, foreign := range r.foreignKeys(table, table.Columns) {
		actions += ", ADD " + foreign
	}
	for _, statement := range []string{"ALTER TABLE " + r.w.db.qualified(staged.relation) + " RENAME TO " + sqltext.Name(table.Name), "ALTER TABLE " + name + " " + actions} {
		if err := r.exec(ctx, statement); err != nil {
			return err
		}
	}
	added := merge{publishing: r, table: table}
	if err := r.exec(ctx, added.added(name), r.id, table.Name); err != nil {
		return err
	}
	change.Rows, change.Added = staged.rows, staged.rows
	r.adopted = append(r.adopted, table.Name)
	staged.relation, staged.adopted = table.Name, true
	return r.record(ctx, table.Name, staged)
}

// constraintName is PostgreSQL's own name of a table's key.
func constraintName(table string) string {
	const suffix = "_pkey"
	return table[:min(len(table), 63-len(suffix))] + suffix
}

// checkReferences refuses staged rows that refer to a key that is neither
// staged nor published, also where the team's tables have no foreign key.
func (r *publishing) checkReferences(ctx context.Context, table asof.Table) error {
	for column, parent := range table.References {
		columns, err := r.columns(ctx, parent)
		if err != nil {
			return err
		}
		staged, loaded := r.tables()[parent]
		published, there := r.w.db.qualified(parent), columns != nil
		if !there && !loaded {
			return asof.Errorf(asof.CodeInvalid, "table %q refers to table %q, which does not exist", table.Name, parent)
		}
		key := column // a published table that this run does not load has the column by the same name
		value := "c." + sqltext.Name(column)
		sql := "SELECT " + value + "::text FROM pg_temp." + sqltext.Name(table.Name) + " c WHERE " + value + " IS NOT NULL"
		if loaded {
			key = staged.key[0]
			sql += " AND NOT EXISTS (SELECT FROM pg_temp." + sqltext.Name(parent) + " p WHERE p." + sqltext.Name(key) + " = " + value + ")"
		}
		if there {
			sql += " AND NOT EXISTS (SELECT FROM " + published + " p WHERE p." + sqltext.Name(key) + " = " + value + ")"
		}
		var missing string
		switch err := r.row(ctx, sql+" LIMIT 1").Scan(&missing); {
		case err == nil:
			return asof.Errorf(asof.CodeInvalid, "table %q: %s=%s is not in table %q", table.Name, column, missing, parent)
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		}
	}
	return nil
}

// create makes a table that does not exist, with its references.
func (r *publishing) create(ctx context.Context, table asof.Table, columns []asof.TableColumn, key []string) (made bool, err error) {
	present, err := r.columns(ctx, table.Name)
	if err != nil || present != nil {
		return false, err
	}
	parts := append([]string{declared(columns, key), "PRIMARY KEY (" + strings.Join(sqltext.Names(key), ", ") + ")"}, r.foreignKeys(table, columns)...)
	return true, r.exec(ctx, "CREATE TABLE "+r.w.db.qualified(table.Name)+" ("+strings.Join(parts, ", ")+")")
}

// foreignKeys returns the constraints of columns that refer to other tables.
func (r *publishing) foreignKeys(table asof.Table, columns []asof.TableColumn) (list []string) {
	for _, c := range columns {
		if parent, ok := table.References[c.Name]; ok {
			list = append(list, "FOREIGN KEY ("+sqltext.Name(c.Name)+") REFERENCES "+r.w.db.qualified(parent))
		}
	}
	return list
}
