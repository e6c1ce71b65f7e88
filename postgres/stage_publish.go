package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
)

// publishing is one transaction that carries out a publication.
type publishing struct {
	*stage
	p       asof.Publication
	id      int64 // of its row in asof_publications
	changes map[string]asof.TableChange
	differs bool // whether anything is other than before
}

// Publish carries out the writes in one transaction. A publication that
// changes nothing is rolled back, and leaves no trace.
func (s *stage) Publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	run := &publishing{stage: s, p: p, changes: map[string]asof.TableChange{}}
	if err := run.carryOut(ctx); err != nil {
		for _, c := range run.changes {
			if c.Dropped != nil {
				c.Dropped.Release()
			}
		}
		return asof.Published{}, errors.Join(s.w.db.fault("publication "+p.ID, err), s.Discard(ctx))
	}
	var done asof.Published
	for _, u := range p.Upserts {
		done.Tables = append(done.Tables, run.changes[u.Table.Name])
	}
	for _, f := range p.Frozen {
		done.Tables = append(done.Tables, run.changes[f.Table.Name])
	}
	return done, s.Discard(ctx)
}

func (r *publishing) carryOut(ctx context.Context) error {
	tx, err := r.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // after a commit it does nothing
	if err := r.begin(ctx, tx); err != nil {
		return err
	}
	upserts, err := r.parentsFirst(ctx)
	if err != nil {
		return err
	}
	for _, u := range upserts {
		if err := r.upsert(ctx, u.Table); err != nil {
			return r.w.db.fault("table "+u.Table.Name, err)
		}
		r.w.step("upserted " + u.Table.Name)
	}
	for _, f := range r.p.Frozen {
		if err := r.freeze(ctx, f); err != nil {
			return r.w.db.fault("snapshot "+f.Table.Name, err)
		}
		r.w.step("frozen " + f.Table.Name)
	}
	if !r.differs {
		return nil
	}
	if err := r.forget(ctx); err != nil {
		return err
	}
	r.w.step("before commit")
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	r.w.step("committed")
	return nil
}

// begin makes sure of our own tables and enters the publication.
func (r *publishing) begin(ctx context.Context, tx pgx.Tx) error {
	for _, table := range bookkeeping {
		if err := makeTable(ctx, tx, r.w.db.qualified(table.name), table.layout); err != nil {
			return err
		}
	}
	return r.row(ctx, "INSERT INTO "+r.w.db.qualified("asof_publications")+
		" (run, pipeline, as_of, published_at) VALUES ($1, $2, $3::date, $4) RETURNING id",
		r.p.ID, r.p.Name, day(r.p.AsOf), time.Now().UTC()).Scan(&r.id) // by the clock that the ledger goes by
}

// forget ends what can be rolled back no more.
func (r *publishing) forget(ctx context.Context) error {
	return r.exec(ctx, fmt.Sprintf(`DELETE FROM %[1]s WHERE change <> 'undone' AND publication < (SELECT min(id) FROM (SELECT id FROM %[2]s p
 WHERE NOT EXISTS (SELECT FROM %[1]s u WHERE u.publication = p.id AND u.change = 'undone') ORDER BY id DESC LIMIT %[3]d) kept)`,
		r.w.db.qualified("asof_history"), r.w.db.qualified("asof_publications"), keptPublications))
}

// parentsFirst returns the upserts in an order in which no row refers to one
// that is not there yet.
func (r *publishing) parentsFirst(ctx context.Context) ([]asof.Upsert, error) {
	parents, err := parents(ctx, r.conn, r.w.db.schema)
	if err != nil {
		return nil, err
	}
	byName := map[string]asof.Upsert{}
	var tables []string
	for _, u := range r.p.Upserts {
		byName[u.Table.Name] = u
		tables = append(tables, u.Table.Name)
		for _, parent := range u.Table.References {
			parents[u.Table.Name] = append(parents[u.Table.Name], parent)
		}
	}
	ordered := make([]asof.Upsert, 0, len(tables))
	for _, name := range parentsFirst(tables, parents) {
		ordered = append(ordered, byName[name])
	}
	return ordered, nil
}

// upsert writes a staged table into the live one, unless that is newer.
func (r *publishing) upsert(ctx context.Context, table asof.Table) error {
	if r.staged[table.Name] == nil {
		return asof.Errorf(asof.CodeInvalid, "table %q is published and was not loaded", table.Name)
	}
	change := asof.TableChange{Table: table.Name}
	var newest string
	err := r.row(ctx, "SELECT as_of::text FROM "+r.w.db.qualified("asof_loaded")+" WHERE table_name = $1", table.Name).Scan(&newest)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if newest > day(r.p.AsOf) {
		change.Skipped = fmt.Sprintf("left as it is: it holds %s, which is newer than %s", newest, day(r.p.AsOf))
		r.changes[table.Name] = change
		return nil
	}
	if err := r.checkReferences(ctx, table); err != nil {
		return err
	}
	made, err := r.create(ctx, table, table.Columns, table.Key)
	if err != nil {
		return err
	}
	m := merge{publishing: r, table: table, rows: "pg_temp." + quoteName(table.Name), live: r.w.db.qualified(table.Name)}
	if err := m.write(ctx, &change); err != nil {
		return err
	}
	r.changes[table.Name] = change
	was := tableBefore{Key: table.Key, Made: made, Loaded: newest != day(r.p.AsOf), AsOf: newest}
	if err := r.remember(ctx, change, was); err != nil || !was.Loaded {
		return err
	}
	return r.exec(ctx, "INSERT INTO "+r.w.db.qualified("asof_loaded")+
		" VALUES ($1, $2::date) ON CONFLICT (table_name) DO UPDATE SET as_of = EXCLUDED.as_of", table.Name, day(r.p.AsOf))
}

// checkReferences refuses staged rows that refer to a key that is neither
// staged nor published, also where the team's tables have no foreign key.
func (r *publishing) checkReferences(ctx context.Context, table asof.Table) error {
	for column, parent := range table.References {
		published, there, err := r.Published(ctx, parent)
		if err != nil {
			return err
		}
		staged := r.staged[parent]
		if !there && staged == nil {
			return asof.Errorf(asof.CodeInvalid, "table %q refers to table %q, which does not exist", table.Name, parent)
		}
		key := column // a published table that this run does not load has the column by the same name
		value := "c." + quoteName(column)
		sql := "SELECT " + value + "::text FROM pg_temp." + quoteName(table.Name) + " c WHERE " + value + " IS NOT NULL"
		if staged != nil {
			key = staged[0]
			sql += " AND NOT EXISTS (SELECT FROM pg_temp." + quoteName(parent) + " p WHERE p." + quoteName(key) + " = " + value + ")"
		}
		if there {
			sql += " AND NOT EXISTS (SELECT FROM " + published + " p WHERE p." + quoteName(key) + " = " + value + ")"
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
	if err := r.has(f.Table, present, append(names(f.Table.Columns), asof.AsOfColumn)); err != nil {
		return err
	}
	const rows = "pg_temp.asof_frozen"
	typed := make([]string, len(f.Table.Columns))
	for i, c := range f.Table.Columns {
		typed[i] = quoteName(c.Name) + "::" + c.Type + " AS " + quoteName(c.Name)
	}
	for _, statement := range []string{"DROP TABLE IF EXISTS " + rows,
		"CREATE TEMP TABLE asof_frozen AS SELECT " + strings.Join(typed, ", ") + " FROM (" + f.SQL + ") q"} {
		if err := r.exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := r.settle(ctx, f.Table, rows, present); err != nil {
		return err
	}
	made, err := r.create(ctx, f.Table, f.Table.SnapshotColumns(), key)
	if err != nil {
		return err
	}
	change := asof.TableChange{Table: f.Table.Name}
	m := merge{publishing: r, table: f.Table, rows: rows, live: r.w.db.qualified(f.Table.Name), asOf: day(r.p.AsOf)}
	if err := m.write(ctx, &change); err != nil {
		return err
	}
	if change.Removed, err = m.remove(ctx); err != nil {
		return err
	}
	if err := r.remember(ctx, change, tableBefore{Key: key, Made: made}); err != nil {
		return err
	}
	change.Dropped, err = r.dropped(ctx, f.Table)
	r.changes[f.Table.Name] = change
	return err
}

// create makes a table that does not exist, with its references.
func (r *publishing) create(ctx context.Context, table asof.Table, columns []asof.TableColumn, key []string) (made bool, err error) {
	present, err := r.columns(ctx, table.Name)
	if err != nil || present != nil {
		return false, err
	}
	definition := declared(columns) + ", PRIMARY KEY (" + strings.Join(quoteNames(key), ", ") + ")"
	for _, c := range columns {
		if parent, ok := table.References[c.Name]; ok {
			definition += ", FOREIGN KEY (" + quoteName(c.Name) + ") REFERENCES " + r.w.db.qualified(parent)
		}
	}
	return true, r.exec(ctx, "CREATE TABLE "+r.w.db.qualified(table.Name)+" ("+definition+")")
}

// dropped reads the keys that the snapshot's day had and has no more.
func (r *publishing) dropped(ctx context.Context, table asof.Table) (arrow.RecordBatch, error) {
	keys := make([]asof.TableColumn, 0, len(table.Key))
	for _, c := range table.Columns {
		if slices.Contains(table.Key, c.Name) {
			keys = append(keys, c)
		}
	}
	list := strings.Join(quoteNames(table.Key), ", ")
	rows, err := r.Query(ctx, fmt.Sprintf(`SELECT %s FROM %s d, jsonb_to_record(d.key) AS k(%s)
 WHERE d.table_name = %s AND d.as_of = '%s' ORDER BY %s`, list, r.w.db.qualified("asof_dropped"), declared(keys),
		quoteText(table.Name), day(r.p.AsOf), list))
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	return allRows(rows)
}

func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
