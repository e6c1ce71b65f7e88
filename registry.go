package asof

import (
	"context"
	"time"
)

// Interval is a closed span of event time.
type Interval struct {
	From, To time.Time
}

// Ref names one object of a project.
type Ref struct {
	Kind Kind
	Name string
}

// Change is what one apply does to a project: put these objects (created or
// replaced by kind and name), delete those, and save views that are registered
// as new versions in their history, where a definition can pin them; what is
// registered of such a view stays as it is. A version that the history has
// already is not saved again.
type Change struct {
	Base   string // the version the change was planned against; "" skips the check
	Put    []Object
	Delete []Ref
	Save   []Object
}

// Empty reports whether the change does nothing.
func (c Change) Empty() bool { return len(c.Put)+len(c.Delete)+len(c.Save) == 0 }

// Registry holds the definitions of projects.
//
// A Snapshot is immutable and may be kept; reading one is cheap when nothing
// changed. A project that was never applied is an empty Snapshot with Project
// nil, not an error.
//
// Apply is one transaction: all of the change or none of it is seen by the next
// Snapshot, in this process and in others. It fails with CodeConflict where the
// project's version is no longer change.Base, and changes nothing then. The
// registry sets created and updated times, versions and version history.
//
// RecordMaterialization adds an interval to a view, merged with those it
// touches; two processes that record at once both succeed. A view that is not
// registered is CodeNotFound.
//
// Teardown removes the project and all of its objects; a project that does not
// exist is no error. Other projects of the same registry are kept.
type Registry interface {
	Snapshot(ctx context.Context, project string) (*Snapshot, error)
	Apply(ctx context.Context, project string, change Change) (*Snapshot, error)
	RecordMaterialization(ctx context.Context, project, view string, span Interval) error
	Teardown(ctx context.Context, project string) error
	Close() error
}
