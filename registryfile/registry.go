// Package registryfile is a registry in Feast's registry file: one
// feast.core.Registry message that holds any number of projects. Feast's SDK
// opens what it writes, and it reads what Feast writes.
//
// A change is made under a lock that other processes of ours respect (a file
// beside the registry, with .lock at the end of its name), in a temporary file
// of the same folder that is renamed over the registry: a reader sees the old
// registry or the new one. Feast itself takes no lock; a file that it wrote
// meanwhile is read again before ours replaces it.
//
// Objects of kinds that the nouns do not know, and fields of later versions of
// Feast, stay as they are. Feast's dummy entity is written for every project
// and is no object of a snapshot.
package registryfile

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// schemaVersion is the only registry_schema_version there is.
const schemaVersion = "1"

// Registry is an asof.Registry in one file. It may be used by several
// goroutines, and the file by several processes.
type Registry struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	last content // what was read last
}

// content is a registry file as it was read.
type content struct {
	stat      os.FileInfo // nil where there is no file
	trusted   bool        // another stat like this one means the same content
	bytes     []byte
	registry  *core.Registry // never changed
	snapshots map[string]*asof.Snapshot
}

var (
	_ asof.Registry       = (*Registry)(nil)
	_ feastregistry.Store = (*Registry)(nil)
)

// Open returns the registry in the file at path. A file that does not exist is
// an empty registry; the first Apply makes it. now is the clock, nil for the
// system's, in microseconds as Feast writes them.
func Open(path string, now func() time.Time) *Registry {
	if now == nil {
		now = func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	}
	return &Registry{path: path, now: now}
}

// Close does nothing: the file is open only while it is read or written.
func (r *Registry) Close() error { return nil }

// Snapshot returns the project as the file has it now. It reads the file only
// where it has changed.
func (r *Registry) Snapshot(ctx context.Context, project string) (*asof.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	return r.snapshot(project)
}

// snapshot decodes a project of the content that was read last, once.
func (r *Registry) snapshot(project string) (*asof.Snapshot, error) {
	if s, ok := r.last.snapshots[project]; ok {
		return s, nil
	}
	s, err := feastregistry.Snapshot(r.last.registry, project)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "registry %s: %w", r.path, err)
	}
	r.last.snapshots[project] = s
	return s, nil
}

// Message returns the whole registry as the file has it now, as
// feastregistry.Store says.
func (r *Registry) Message(ctx context.Context) (*core.Registry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(ctx); err != nil {
		return nil, err
	}
	return r.last.registry, nil
}

// Change changes the registry as feastregistry.Store says. The file is always
// read and written whole, whatever the projects.
func (r *Registry) Change(ctx context.Context, _ []string, edit func(*core.Registry, time.Time) error) error {
	return r.change(ctx, func(registry *core.Registry) (bool, error) { return true, edit(registry, r.now()) })
}

// Apply changes a project as the contract of asof.Registry says.
func (r *Registry) Apply(ctx context.Context, project string, change asof.Change) (*asof.Snapshot, error) {
	err := r.change(ctx, func(registry *core.Registry) (bool, error) {
		current, err := r.snapshot(project)
		if err != nil {
			return false, err
		}
		return feastregistry.Apply(registry, project, current, change, r.now(), r.path)
	})
	if err != nil {
		return nil, err
	}
	return r.Snapshot(ctx, project)
}

// RecordMaterialization adds an interval to a feature view.
func (r *Registry) RecordMaterialization(ctx context.Context, project, view string, span asof.Interval) error {
	return r.change(ctx, func(registry *core.Registry) (bool, error) {
		current, err := r.snapshot(project)
		if err != nil {
			return false, err
		}
		return true, feastregistry.Materialize(registry, project, current, view, span, r.now())
	})
}

// Teardown removes a project, and the file where it held nothing else.
func (r *Registry) Teardown(ctx context.Context, project string) error {
	if _, err := os.Stat(r.path); os.IsNotExist(err) {
		return nil
	}
	return r.change(ctx, func(registry *core.Registry) (bool, error) {
		return feastregistry.RemoveProject(registry, project), nil
	})
}

// change runs edit on a copy of the registry, under the lock, and writes the
// result where edit reports a change. It starts again where a process that
// takes no lock, as Feast, has written in between.
func (r *Registry) change(ctx context.Context, edit func(*core.Registry) (bool, error)) error {
	path, err := r.target()
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		r.last.trusted = false
		if err := r.refresh(ctx); err != nil {
			return err
		}
		registry := proto.CloneOf(r.last.registry)
		changed, err := edit(registry)
		if err != nil || !changed {
			return err
		}
		if again, err := r.write(path, registry); err != nil || !again {
			return err
		}
	}
}

// target returns the file to write: where path is a link, what it points to.
// It makes the folder if there is none.
func (r *Registry) target() (string, error) {
	path, err := filepath.EvalSymlinks(r.path)
	switch {
	case err == nil:
		return path, nil
	case !os.IsNotExist(err):
		return "", unwritable(r.path, err)
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o777); err != nil {
		return "", unwritable(r.path, err)
	}
	return r.path, nil
}

// write puts registry into the file, or removes the file where registry holds
// no project. again reports that the file has changed since it was read, and
// was left alone.
func (r *Registry) write(path string, registry *core.Registry) (again bool, err error) {
	registry.RegistrySchemaVersion = schemaVersion
	registry.VersionId = uuid.NewString()
	registry.LastUpdated = timestamppb.New(r.now())
	b, err := proto.Marshal(registry)
	if err != nil {
		return false, asof.Errorf(asof.CodeInvalid, "registry %s: %w", r.path, err)
	}
	draft, err := newDraft(path, b, r.last.stat)
	if err != nil {
		return false, unwritable(r.path, err)
	}
	defer draft.discard()
	if now, _ := os.Stat(path); !sameFile(now, r.last.stat) {
		return true, nil
	}
	if feastregistry.IsEmpty(registry) {
		err = os.Remove(path)
	} else {
		err = draft.publish(path)
	}
	if err != nil {
		return false, unwritable(r.path, err)
	}
	return false, nil
}
