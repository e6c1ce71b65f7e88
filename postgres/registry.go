package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// Registry is an asof.Registry in the tables of Feast's SQL registry, so that
// Feast's processes and ours share one. A change is one transaction, which
// keeps other writers out of the tables while it lasts, Feast's included.
type Registry struct {
	db *DB

	mu   sync.Mutex
	last map[string]registered // by project
}

// registered is a project as it was read last.
type registered struct {
	fingerprint string
	snapshot    *asof.Snapshot
}

var _ asof.Registry = (*Registry)(nil)

// Registry returns the registry in the database's schema. Its tables are made
// by the first Apply.
func (db *DB) Registry() *Registry { return &Registry{db: db, last: map[string]registered{}} }

// Close does nothing: the pool is the database's.
func (r *Registry) Close() error { return nil }

// Snapshot returns the project as the tables have it now. It reads the objects
// only where they have changed.
func (r *Registry) Snapshot(ctx context.Context, project string) (*asof.Snapshot, error) {
	const doing = "the registry can't be read"
	tx, err := r.db.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, r.db.fault(doing, err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	snapshot, err := r.snapshot(ctx, tx, project)
	return snapshot, r.db.fault(doing, err)
}

func (r *Registry) snapshot(ctx context.Context, tx pgx.Tx, project string) (*asof.Snapshot, error) {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", r.db.qualified(registryTables[0].table)).Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		return feastregistry.Snapshot(&core.Registry{}, project)
	}
	var fingerprint string
	if err := tx.QueryRow(ctx, r.fingerprint(), project).Scan(&fingerprint); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.last[project]; ok && known.fingerprint == fingerprint {
		return known.snapshot, nil
	}
	registry, err := r.load(ctx, tx, project)
	if err != nil {
		return nil, err
	}
	snapshot, err := feastregistry.Snapshot(registry, project)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "registry %s: %w", r.db.where, err)
	}
	r.last[project] = registered{fingerprint, snapshot}
	return snapshot, nil
}

// Apply changes a project as the contract of asof.Registry says.
func (r *Registry) Apply(ctx context.Context, project string, change asof.Change) (*asof.Snapshot, error) {
	err := r.change(ctx, project, func(current *asof.Snapshot, registry *core.Registry, now time.Time) (bool, error) {
		return feastregistry.Apply(registry, project, current, change, now, r.db.where)
	})
	if err != nil {
		return nil, err
	}
	return r.Snapshot(ctx, project)
}

// RecordMaterialization adds an interval to a feature view.
func (r *Registry) RecordMaterialization(ctx context.Context, project, view string, span asof.Interval) error {
	return r.change(ctx, project, func(current *asof.Snapshot, registry *core.Registry, now time.Time) (bool, error) {
		return true, feastregistry.Materialize(registry, project, current, view, span, now)
	})
}

// Teardown removes a project's rows; the tables stay.
func (r *Registry) Teardown(ctx context.Context, project string) error {
	return r.change(ctx, project, func(_ *asof.Snapshot, registry *core.Registry, _ time.Time) (bool, error) {
		return feastregistry.RemoveProject(registry, project), nil
	})
}

// change runs edit on the project's messages and writes what it changed.
func (r *Registry) change(ctx context.Context, project string, edit func(*asof.Snapshot, *core.Registry, time.Time) (bool, error)) error {
	const doing = "the registry can't be changed"
	err := pgx.BeginFunc(ctx, r.db.pool, func(tx pgx.Tx) error {
		if err := r.prepare(ctx, tx); err != nil {
			return err
		}
		registry, err := r.load(ctx, tx, project)
		if err != nil {
			return err
		}
		current, err := feastregistry.Snapshot(registry, project)
		if err != nil {
			return asof.Errorf(asof.CodeInvalid, "registry %s: %w", r.db.where, err)
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		edited := proto.CloneOf(registry)
		if changed, err := edit(current, edited, now); err != nil || !changed {
			return err
		}
		return r.store(ctx, tx, project, registry, edited, now)
	})
	return r.db.fault(doing, err)
}

// prepare makes the tables that are missing and keeps other writers out.
func (r *Registry) prepare(ctx context.Context, tx pgx.Tx) error {
	// Two that make the tables at once would meet in the catalogue.
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "asof registry "+r.db.schema); err != nil {
		return err
	}
	var names []string
	for _, t := range registryTables {
		if err := makeTable(ctx, tx, r.db.qualified(t.table), t.layout()); err != nil {
			return err
		}
		names = append(names, r.db.qualified(t.table))
	}
	for _, t := range registryExtras {
		if err := makeTable(ctx, tx, r.db.qualified(t.name), t.layout); err != nil {
			return err
		}
		names = append(names, r.db.qualified(t.name))
	}
	_, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN SHARE ROW EXCLUSIVE MODE")
	return err
}

// load reads a project's rows into a registry message.
func (r *Registry) load(ctx context.Context, tx pgx.Tx, project string) (*core.Registry, error) {
	registry := &core.Registry{}
	for _, t := range registryTables {
		rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s_proto FROM %s WHERE project_id = $1 ORDER BY %s", t.noun, r.db.qualified(t.table), t.name()), project)
		if err != nil {
			return nil, err
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			if err := feastregistry.Add(registry, t.field, project, text); err != nil {
				return nil, asof.Errorf(asof.CodeInvalid, "registry %s, table %s: %w", r.db.where, t.table, err)
			}
		}
	}
	return registry, r.loadHistory(ctx, tx, project, registry)
}
