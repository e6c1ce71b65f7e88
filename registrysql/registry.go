// Package registrysql is a registry in the tables of Feast's SQL registry, so
// that Feast's processes and ours share one. The database is the caller's: what
// is here are the tables, and what a change does to them.
package registrysql

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// Database holds the tables.
//
// Read runs do in a transaction that sees one state, and Write in one that
// keeps other writers out of the tables, Feast's too, after it has made those
// of Layouts that are missing. Both return do's error, or the database's with a
// code and a sentence.
//
// State returns the state of the rows of a project, or of all where project is
// "", as tx sees them. Unchanged reports whether that is the state now, in one
// query without a transaction, and returns it anew: its stamp may be another
// one. A database that takes longer to tell than State does reports false.
type Database interface {
	Read(ctx context.Context, do func(Tx) error) error
	Write(ctx context.Context, do func(Tx) error) error
	State(ctx context.Context, tx Tx, project string) (State, error)
	Unchanged(ctx context.Context, project string, was State) (now State, same bool, err error)
	Table(name string) string // as SQL names it
	Where() string            // the database in messages
}

// State tells one state of rows from another, whoever changes them.
type State struct {
	Rows string // changes whenever one of the rows does; "" where there are no tables

	// Stamp stays the same only while nothing at all is committed to the
	// database, and costs less to ask for; "" where that cannot be told.
	Stamp string
}

// Tx is a transaction. Arguments stand in SQL as $1, $2, …
type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) error
	Query(ctx context.Context, sql string, args []any, each func(scan func(...any) error) error) error
}

// Registry is an asof.Registry, and a feastregistry.Store.
type Registry struct {
	db Database

	mu        sync.Mutex
	snapshots memo[*asof.Snapshot]
	messages  memo[*core.Registry]
}

// memo is what was read last of projects, of all of them at "".
type memo[T any] map[string]kept[T]

type kept[T any] struct {
	state State
	value T
}

var (
	_ asof.Registry       = (*Registry)(nil)
	_ feastregistry.Store = (*Registry)(nil)
)

// New returns the registry in a database. Its tables are made by the first
// change.
func New(db Database) *Registry {
	return &Registry{db: db, snapshots: memo[*asof.Snapshot]{}, messages: memo[*core.Registry]{}}
}

// Close does nothing: the database is the caller's.
func (r *Registry) Close() error { return nil }

// Snapshot returns the project as the tables have it now. It reads the objects
// only where they have changed.
func (r *Registry) Snapshot(ctx context.Context, project string) (*asof.Snapshot, error) {
	return read(ctx, r, r.snapshots, project, func(registry *core.Registry) (*asof.Snapshot, error) {
		return r.snapshot(registry, project)
	})
}

// read returns what is made of a project's rows, or of all, as they are now. It
// is made again where they are not as they were read last.
func read[T any](ctx context.Context, r *Registry, known memo[T], project string, of func(*core.Registry) (T, error)) (value T, err error) {
	r.mu.Lock()
	last, ok := known[project]
	r.mu.Unlock()
	if ok {
		state, same, err := r.db.Unchanged(ctx, project, last.state)
		if err != nil {
			return value, err
		}
		if same {
			r.mu.Lock()
			defer r.mu.Unlock()
			known[project] = kept[T]{state, last.value}
			return last.value, nil
		}
	}
	err = r.db.Read(ctx, func(tx Tx) error {
		state, err := r.db.State(ctx, tx, project)
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		last, ok := known[project]
		if !ok || last.state.Rows != state.Rows {
			registry, err := r.loadIf(ctx, tx, state, project)
			if err != nil {
				return err
			}
			if last.value, err = of(registry); err != nil {
				return err
			}
		}
		known[project] = kept[T]{state, last.value}
		value = last.value
		return nil
	})
	return value, err
}

// loadIf loads nothing where there are no tables.
func (r *Registry) loadIf(ctx context.Context, tx Tx, state State, project string) (*core.Registry, error) {
	registry := &core.Registry{}
	if state.Rows == "" {
		return registry, nil
	}
	return registry, r.loadProject(ctx, tx, registry, project)
}

func (r *Registry) snapshot(registry *core.Registry, project string) (*asof.Snapshot, error) {
	snapshot, err := feastregistry.Snapshot(registry, project)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "registry %s: %w", r.db.Where(), err)
	}
	return snapshot, nil
}

// Message returns all projects, as feastregistry.Store says.
func (r *Registry) Message(ctx context.Context) (*core.Registry, error) {
	return read(ctx, r, r.messages, "", func(registry *core.Registry) (*core.Registry, error) { return registry, nil })
}

// Change changes projects, as feastregistry.Store says.
func (r *Registry) Change(ctx context.Context, projects []string, edit func(*core.Registry, time.Time) error) error {
	return r.change(ctx, projects, func(registry *core.Registry, now time.Time) (bool, error) { return true, edit(registry, now) })
}

// Apply changes a project as the contract of asof.Registry says.
func (r *Registry) Apply(ctx context.Context, project string, change asof.Change) (*asof.Snapshot, error) {
	err := r.change(ctx, []string{project}, func(registry *core.Registry, now time.Time) (bool, error) {
		current, err := r.snapshot(registry, project)
		if err != nil {
			return false, err
		}
		return feastregistry.Apply(registry, project, current, change, now, r.db.Where())
	})
	if err != nil {
		return nil, err
	}
	return r.Snapshot(ctx, project)
}

// RecordMaterialization adds an interval to a feature view.
func (r *Registry) RecordMaterialization(ctx context.Context, project, view string, span asof.Interval) error {
	return r.change(ctx, []string{project}, func(registry *core.Registry, now time.Time) (bool, error) {
		current, err := r.snapshot(registry, project)
		if err != nil {
			return false, err
		}
		return true, feastregistry.Materialize(registry, project, current, view, span, now)
	})
}

// CreateSchema makes the tables that are missing.
func (r *Registry) CreateSchema(ctx context.Context) error {
	return r.db.Write(ctx, func(Tx) error { return nil })
}

// Teardown removes a project's rows; the tables stay.
func (r *Registry) Teardown(ctx context.Context, project string) error {
	return r.change(ctx, []string{project}, func(registry *core.Registry, _ time.Time) (bool, error) {
		return feastregistry.RemoveProject(registry, project), nil
	})
}

// change runs edit on the messages of projects and writes what it changed.
func (r *Registry) change(ctx context.Context, projects []string, edit func(*core.Registry, time.Time) (bool, error)) error {
	return r.db.Write(ctx, func(tx Tx) error {
		before, err := r.load(ctx, tx, projects)
		if err != nil {
			return err
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		after := proto.CloneOf(before)
		if changed, err := edit(after, now); err != nil || !changed {
			return err
		}
		for _, project := range projects {
			if err := r.store(ctx, tx, project, before, after, now); err != nil {
				return err
			}
		}
		return nil
	})
}
