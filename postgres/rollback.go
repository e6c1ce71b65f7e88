package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
)

// tableBefore is what the history remembers of a table that a publication
// changed, in an entry of the kind "table".
type tableBefore struct {
	Key    []string `json:"key"`
	Made   bool     `json:"made"`             // the publication made it
	Loaded bool     `json:"loaded,omitempty"` // it moved the newest as_of of a live table
	AsOf   string   `json:"as_of,omitempty"`  // which had been this; "" for none
}

// remember notes that the publication changed a table.
func (r *publishing) remember(ctx context.Context, change asof.TableChange, was tableBefore) error {
	if change.Added+change.Changed+change.Removed == 0 && !was.Made && !was.Loaded {
		return nil
	}
	r.differs = true
	text, err := json.Marshal(was)
	if err != nil {
		return err
	}
	return r.exec(ctx, "INSERT INTO "+r.w.db.qualified("asof_history")+" VALUES ($1, $2, 'table', $3::json)", r.id, change.Table, string(text))
}

// undone is what the history remembers of a rollback: it takes the place of the
// publication's other entries.
type undone struct {
	At      time.Time
	Tables  []asof.TableChange
	Gone    []string
	Readers []string
}

// rollback is one transaction that rolls a publication back.
type rollback struct {
	w      *Warehouse
	tx     pgx.Tx
	id     int64                  // of the publication
	before map[string]tableBefore // by table
	undone undone
}

// Rollback puts back, in one transaction, what the history holds.
func (w *Warehouse) Rollback(ctx context.Context, run string) (asof.Rollback, error) {
	var done asof.Rollback
	err := pgx.BeginFunc(ctx, w.db.pool, func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", w.db.lockName()); err != nil {
			return err
		}
		done, err = w.rollback(ctx, tx, run)
		if err == nil {
			w.step("before commit")
		}
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			err = asof.Errorf(asof.CodeUnavailable, "the rollback of run %s: another run holds the warehouse, schema %s of %s: %w", run, w.db.schema, w.db.where, ctx.Err())
		}
		return asof.Rollback{}, w.db.fault("the rollback of run "+run, err)
	}
	w.step("committed")
	return done, nil
}

func (w *Warehouse) rollback(ctx context.Context, tx pgx.Tx, run string) (asof.Rollback, error) {
	r := &rollback{w: w, tx: tx}
	chosen, err := r.choose(ctx, run)
	if err != nil {
		return asof.Rollback{}, err
	}
	if r.undone.At.IsZero() {
		if err := r.carryOut(ctx); err != nil {
			return asof.Rollback{}, err
		}
		chosen.Undone = r.undone.At
	}
	return asof.Rollback{Publication: chosen, Tables: r.undone.Tables, Gone: r.undone.Gone, Readers: r.undone.Readers}, nil
}

// choose finds the publication, and what the history knows of it.
func (r *rollback) choose(ctx context.Context, run string) (asof.Publication, error) {
	all, ids, err := r.w.published(ctx, r.tx)
	if err != nil {
		return asof.Publication{}, err
	}
	if at := slices.IndexFunc(all, func(p asof.Publication) bool { return p.ID == run }); at >= 0 && !all[at].Undone.IsZero() {
		return all[at], r.tx.QueryRow(ctx, "SELECT previous FROM "+r.history()+" WHERE publication = $1 AND change = 'undone'", ids[at]).Scan(&r.undone)
	}
	changed := map[int64]map[string]tableBefore{}
	if len(all) > 0 {
		if changed, err = r.changed(ctx); err != nil {
			return asof.Publication{}, err
		}
	}
	var kept []asof.KeptPublication
	var places []int
	for i, p := range all {
		if tables := changed[ids[i]]; tables != nil {
			k := asof.KeptPublication{Publication: p}
			for name := range tables {
				k.Tables = append(k.Tables, name)
			}
			kept, places = append(kept, k), append(places, i)
		}
	}
	chosen, err := asof.RollbackOf(run, all, kept)
	if err != nil {
		return asof.Publication{}, err
	}
	at := places[chosen]
	r.id, r.before = ids[at], changed[ids[at]]
	return all[at], nil
}

// changed returns the tables that publications changed, by publication.
func (r *rollback) changed(ctx context.Context) (map[int64]map[string]tableBefore, error) {
	rows, err := r.tx.Query(ctx, "SELECT publication, table_name, previous FROM "+r.history()+" WHERE change = 'table'")
	if err != nil {
		return nil, err
	}
	changed := map[int64]map[string]tableBefore{}
	var id int64
	var name string
	var was tableBefore
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &was}, func() error {
		if changed[id] == nil {
			changed[id] = map[string]tableBefore{}
		}
		changed[id][name] = was
		was = tableBefore{}
		return nil
	})
	return changed, err
}

// carryOut changes the tables: what refers to others' rows goes before these
// do, and comes back after them.
func (r *rollback) carryOut(ctx context.Context) error {
	family, err := parents(ctx, r.tx, r.w.db.schema)
	if err != nil {
		return err
	}
	var names []string
	for name := range r.before {
		names = append(names, name)
	}
	slices.Sort(names)
	ordered := parentsFirst(names, family)
	r.undone.At = time.Now().UTC().Truncate(time.Microsecond)
	if r.undone.Readers, err = r.readers(ctx, names); err != nil {
		return err
	}
	changes := map[string]*asof.TableChange{}
	for _, name := range ordered {
		changes[name] = &asof.TableChange{Table: name}
		if _, err := r.tx.Exec(ctx, "LOCK TABLE "+r.w.db.qualified(name)+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return err
		}
	}
	for _, name := range slices.Backward(ordered) {
		if err := r.remove(ctx, name, changes[name]); err != nil {
			return err
		}
		r.w.step("removed from " + name)
	}
	for _, name := range ordered {
		if err := r.putBack(ctx, name, changes[name]); err != nil {
			return err
		}
		r.w.step("put back into " + name)
	}
	for _, name := range slices.Backward(ordered) {
		if err := r.drop(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range names {
		c := changes[name]
		c.Rows = c.Added + c.Changed + c.Removed
		r.undone.Tables = append(r.undone.Tables, *c)
	}
	return r.enter(ctx)
}

// enter notes the rollback in place of the entries that it has used up.
func (r *rollback) enter(ctx context.Context) error {
	slices.Sort(r.undone.Gone)
	if _, err := r.tx.Exec(ctx, "DELETE FROM "+r.history()+" WHERE publication = $1", r.id); err != nil {
		return err
	}
	_, err := r.tx.Exec(ctx, "INSERT INTO "+r.history()+" VALUES ($1, '', 'undone', $2)", r.id, r.undone)
	return err
}

// readers returns the tables, and the views that read them, also by others.
func (r *rollback) readers(ctx context.Context, tables []string) ([]string, error) {
	rows, err := r.tx.Query(ctx, `WITH RECURSIVE readers AS (
 SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY ($2)
 UNION SELECT w.ev_class FROM readers t
  JOIN pg_depend d ON d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite w ON w.oid = d.objid)
 SELECT DISTINCT relname FROM readers JOIN pg_class USING (oid) ORDER BY 1`, r.w.db.schema, tables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (r *rollback) history() string { return r.w.db.qualified("asof_history") }

// referred says what to do where rows that others have added since refer to
// those that a rollback removes.
func referred(table string, err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != "23503" {
		return err
	}
	return asof.Errorf(asof.CodeConflict, "rows of %s refer to rows of %s that the run had added: %s; remove those first", server.TableName, table, server.Detail)
}

func (r *rollback) exec(ctx context.Context, format string, args ...any) (int64, error) {
	sql := fmt.Sprintf(format, args...)
	tag, err := r.tx.Exec(ctx, sql)
	return tag.RowsAffected(), err
}
