package asof

import (
	"context"
	"time"
)

// DefinitionState is a state of a project's definitions, as somebody has seen
// it in the registry.
type DefinitionState struct {
	Project string
	Version string    // of the snapshot
	Updated time.Time // of the snapshot
	Cause   string    // what led to it: "apply", "client"; "" where that is not known
	Who     string    // did it; "" where that is not known
	Objects []DefinitionText
}

// DefinitionText is the definition of one object as text.
type DefinitionText struct {
	Kind    Kind
	Name    string
	Updated time.Time // when the registry says that it was changed; zero where it does not
	Text    string    // not ""
}

// DefinitionChange is what an object was from a time on.
type DefinitionChange struct {
	Seq     int64 // grows; the log's
	Project string
	Kind    Kind
	Name    string
	At      time.Time // when it was changed, as far as the registry says; else Seen
	Seen    time.Time // when it was entered, by the log's clock
	Cause   string    // as in DefinitionState
	Who     string
	Text    string // "": it was removed
}

// MostDefinitionChanges is how many changes of one object are to be kept.
const MostDefinitionChanges = 100

// DefinitionQuery chooses changes. Zero fields choose all.
type DefinitionQuery struct {
	Project string
	Kind    Kind
	Name    string
	Before  int64 // only those with a lower Seq
	Limit   int   // 0: 100
}

// DefinitionLog keeps how the definitions of projects have changed. A registry
// holds them as they are now; the log is written by whoever first sees a new
// state of it.
//
// Note enters the objects whose text is not that of their newest change, and
// those that are gone, and returns how many. Of each of these no more than keep
// changes stay, the newest. The same state noted twice, by whichever process,
// is entered once; a Cause that only the second one knows is filled in. A state
// that somebody saw before a later one was noted changes nothing.
//
// Changes lists changes, the newest first. Each method is one transaction.
type DefinitionLog interface {
	Note(ctx context.Context, s DefinitionState, keep int) (changed int, err error)
	Changes(ctx context.Context, q DefinitionQuery) ([]DefinitionChange, error)
	Close() error
}
