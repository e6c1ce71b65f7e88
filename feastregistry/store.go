package feastregistry

import (
	"context"
	"time"

	"github.com/asof-dev/asof/feastpb/core"
)

// Store is a registry as Feast's messages, whatever it is kept in.
//
// Message returns the registry as it is now. It must not be changed; the same
// pointer again means that nothing has changed.
//
// Change runs edit on a copy of the registry and keeps what comes out, as one
// transaction. edit touches the named projects and no others: a store may leave
// those out of the copy. It may run again where somebody else wrote meanwhile;
// its error is Change's, and changes nothing.
type Store interface {
	Message(ctx context.Context) (*core.Registry, error)
	Change(ctx context.Context, projects []string, edit func(registry *core.Registry, now time.Time) error) error
}
