package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
)

// publishing is one transaction that carries out a publication.
type publishing struct {
	*link
	p        asof.Publication
	id       int64  // of its row in asof_publications
	since    string // the run that has published since this one did
	changes  map[string]asof.TableChange
	adopted  []string    // staged tables that have become the published ones
	replaced []replacing // parents first
	differs  bool        // whether anything is other than before
}

// Publish carries out the writes in one transaction. A publication that
// changes nothing is rolled back, and leaves no trace.
func (s *stage) Publish(ctx context.Context, p asof.Publication) (asof.Published, error) {
	var done asof.Published
	doing := "publication " + p.ID
	l, err := s.link(ctx)
	if err != nil {
		return done, s.fault(ctx, doing, err)
	}
	defer l.back()
	run := &publishing{link: l, p: p, changes: map[string]asof.TableChange{}}
	if err := run.carryOut(ctx); err != nil {
		for _, c := range run.changes {
			if c.Dropped != nil {
				c.Dropped.Release()
			}
		}
		clear(l.views) // whatever has become of them
		return done, s.fault(ctx, doing, err)
	}
	s.mu.Lock()
	for _, table := range run.adopted {
		t := s.staged[table]
		t.relation, t.adopted = table, true
		s.staged[table] = t
	}
	s.mu.Unlock()
	for _, w := range p.Writes {
		done.Tables = append(done.Tables, run.changes[w.Table.Name])
	}
	for _, f := range p.Frozen {
		done.Tables = append(done.Tables, run.changes[f.Table.Name])
	}
	return done, nil
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
	if r.since != "" {
		return r.leave(ctx)
	}
	writes, err := r.parentsFirst(ctx)
	if err != nil {
		return err
	}
	for _, w := range writes {
		if err := r.write(ctx, w); err != nil {
			return r.w.db.fault("table "+w.Table.Name, err)
		}
		r.w.step("written " + w.Table.Name)
	}
	if err := r.removeOthers(ctx); err != nil {
		return err
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
	if err := r.owned(ctx, r.conn); err != nil {
		return err
	}
	if r.p.Fence != nil {
		if err := r.p.Fence(ctx); err != nil {
			return err
		}
	}
	r.w.step("before commit")
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	r.w.step("committed")
	return nil
}

// begin waits for the schema's other publications, makes sure of our own tables
// and enters the publication.
func (r *publishing) begin(ctx context.Context, tx pgx.Tx) error {
	if err := r.exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", r.w.db.lockName()); err != nil {
		if ctx.Err() != nil {
			return asof.Errorf(asof.CodeUnavailable, "run %s: another run holds the warehouse, schema %s of %s: %w", r.run, r.w.db.schema, r.w.db.where, ctx.Err())
		}
		return err
	}
	for _, table := range bookkeeping {
		if err := makeTable(ctx, tx, r.w.db.qualified(table.name), table.layout); err != nil {
			return err
		}
	}
	all, _, err := r.w.published(ctx, r.conn)
	if err != nil {
		return err
	}
	r.since = asof.PublishedSince(r.p.ID, all)
	return r.row(ctx, "INSERT INTO "+r.w.db.qualified("asof_publications")+
		" (run, pipeline, as_of, published_at) VALUES ($1, $2, $3::date, $4) RETURNING id",
		r.p.ID, r.p.Name, day(r.p.AsOf), time.Now().UTC()).Scan(&r.id) // by the clock that the ledger goes by
}

// leave says of every table that it is left as it is.
func (r *publishing) leave(ctx context.Context) error {
	for _, w := range r.p.Writes {
		r.changes[w.Table.Name] = asof.TableChange{Table: w.Table.Name, Skipped: asof.SkippedFor(r.p.ID, r.since)}
	}
	for _, f := range r.p.Frozen {
		dropped, err := r.dropped(ctx, f.Table)
		if err != nil {
			return err
		}
		r.changes[f.Table.Name] = asof.TableChange{Table: f.Table.Name, Skipped: asof.SkippedFor(r.p.ID, r.since), Dropped: dropped}
	}
	return nil
}

// forget ends what can be rolled back no more.
func (r *publishing) forget(ctx context.Context) error {
	return r.exec(ctx, fmt.Sprintf(`DELETE FROM %[1]s WHERE change <> 'undone' AND publication < (SELECT min(id) FROM (SELECT id FROM %[2]s p
 WHERE NOT EXISTS (SELECT FROM %[1]s u WHERE u.publication = p.id AND u.change = 'undone') ORDER BY id DESC LIMIT %[3]d) kept)`,
		r.w.db.qualified("asof_history"), r.w.db.qualified("asof_publications"), keptPublications))
}

// parentsFirst returns the upserts in an order in which no row refers to one
// that is not there yet.
func (r *publishing) parentsFirst(ctx context.Context) ([]asof.Write, error) {
	parents, err := parents(ctx, r.conn, r.w.db.schema)
	if err != nil {
		return nil, err
	}
	byName := map[string]asof.Write{}
	var tables []string
	for _, u := range r.p.Writes {
		byName[u.Table.Name] = u
		tables = append(tables, u.Table.Name)
		for _, parent := range u.Table.References {
			parents[u.Table.Name] = append(parents[u.Table.Name], parent)
		}
	}
	ordered := make([]asof.Write, 0, len(tables))
	for _, name := range parentsFirst(tables, parents) {
		ordered = append(ordered, byName[name])
	}
	return ordered, nil
}
