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
// Version returns a text that changes whenever rows of a project do, or any
// row where project is ""; and "" where there are no tables.
//
// Stamp returns a text that stays the same only while nothing at all is
// committed to the database, whoever writes: it costs less than Version and
// changes more often. It tells of the state that tx sees, or without one of the
// state now. "" is a database that cannot tell.
type Database interface {
	Read(ctx context.Context, do func(Tx) error) error
	Write(ctx context.Context, do func(Tx) error) error
	Version(ctx context.Context, tx Tx, project string) (string, error)
	Stamp(ctx context.Context, tx Tx) (string, error)
	Table(name string) string // as SQL names it
	Where() string            // the database in messages
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
	stamp, version string // of the database and of the rows
	value          T
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
	stamp, err := r.db.Stamp(ctx, nil)
	if err != nil {
		return value, err
	}
	r.mu.Lock()
	last, ok := known[project]
	r.mu.Unlock()
	if ok && stamp != "" && stamp == last.stamp {
		return last.value, nil
	}
	err = r.db.Read(ctx, func(tx Tx) error {
		if stamp, err = r.db.Stamp(ctx, tx); err != nil {
			return err
		}
		version, err := r.db.Version(ctx, tx, project)
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		last, ok := known[project]
		if !ok || last.version != version {
			registry, err := r.loadIf(ctx, tx, version, project)
			if err != nil {
				return err
			}
			if last.value, err = of(registry); err != nil {
				return err
			}
		}
		known[project] = kept[T]{stamp, version, last.value}
		value = last.value
		return nil
	})
	return value, err
}

// loadIf loads nothing where there are no tables.
func (r *Registry) loadIf(ctx context.Context, tx Tx, version, project string) (*core.Registry, error) {
	registry := &core.Registry{}
	if version == "" {
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
