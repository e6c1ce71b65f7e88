package asof

import (
	"context"
	"time"
)

// Action is something that somebody changed, or tried to.
type Action struct {
	Seq      int64 // grows; the store's
	Project  string
	At       time.Time         // when it began; the store's
	Who      string            // the caller's name, or the local user's
	From     string            // the address that it was asked from; "" where it is not known
	What     string            // "run", "cancel", "pause", …
	On       string            // what it was done to: "pipeline ingest_month"
	Details  map[string]string // what was asked for: parameters; never a secret
	Finished time.Time         // zero while it goes on, and for ever where the process died
	Outcome  string            // what became of it: "run 20240201T060000Z-1a2b3c4d"; "" where nothing is to be said
	Error    string            // why it failed; "" otherwise
}

// MostActions is how many actions of a project are to be kept.
const MostActions = 10_000

// ActionQuery chooses actions. Zero fields choose all.
type ActionQuery struct {
	Project string
	On      string
	What    string
	Before  int64 // only those with a lower Seq
	Limit   int   // 0: 100
}

// ActionLog keeps who did what. An action is entered before it is done, so that
// none is done that is not known.
type ActionLog interface {
	// BeginAction enters an action and returns it with its Seq and At. Of its
	// project no more than keep stay, the newest.
	BeginAction(ctx context.Context, a Action, keep int) (Action, error)
	// EndAction says what became of an action. One that is not kept any more,
	// or has ended, stays as it is.
	EndAction(ctx context.Context, seq int64, outcome, failed string) error
	// Actions lists actions, the newest first.
	Actions(ctx context.Context, q ActionQuery) ([]Action, error)
}
