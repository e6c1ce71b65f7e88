// Package verify holds the online store against the point-in-time answer: key
// by key, the row that a view's source has as the newest up to a time, and what
// is served. Where they differ it says why.
//
// Values are compared as the bytes of feast.types.Value, rows by their event
// time, as far as the store keeps it. Memory is bounded but for eight bytes a
// key, by which keys are known that the store holds and the source does not, and
// some more for each of those.
package verify

import (
	"context"
	"math"
	"time"

	"github.com/asof-dev/asof"
)

// Verifier verifies the views of one project.
type Verifier struct {
	Project  string
	Registry asof.Registry
	Offline  asof.OfflineStore
	Online   asof.OnlineStore
	Ledger   asof.Ledger

	At          time.Time // the time of the answer; zero: up to where each view was materialized
	Sample      int       // so many keys of each view, the same in every run of a Seed; 0: all
	Seed        uint64
	DropExpired bool // values older than their ttl are served as null
	Limit       int  // how many mismatches a Result holds; 0: none. Counts are of all

	Progress asof.Progress    // may be nil
	Now      func() time.Time // nil is time.Now
}

// Result is how one view's online rows compare.
type Result struct {
	View       string
	At         time.Time
	Keys       int64 // that were compared
	Equal      int64 // that agree
	Ahead      int64 // that hold a row newer than At, which is not compared
	Causes     map[Cause]int64
	Mismatches []Mismatch // the first Limit
	Notes      []string
	Took       time.Duration
}

// Mismatched is how many keys do not agree.
func (r *Result) Mismatched() int64 {
	var n int64
	for _, count := range r.Causes {
		n += count
	}
	return n
}

// Mismatch is a key whose two rows do not agree.
type Mismatch struct {
	Key      []KeyValue
	Cause    Cause
	Why      string   // the cause in words
	Features []string // those that differ; all of the view's where rows do
	Offline  *Row     // the newest row of the source, its values as the point-in-time answer has them; nil: it has none
	Online   *Row     // nil: the store has none
}

// KeyValue is a join key and its value as text.
type KeyValue struct{ Name, Value string }

// Row is one side of a mismatch: its event time, and the values of
// Mismatch.Features as JSON.
type Row struct {
	Event  time.Time
	Values [][]byte
}

// Verify compares the named views, or all that are filled from their sources.
// That keys do not agree is no error.
func (v *Verifier) Verify(ctx context.Context, names []string) ([]Result, error) {
	snapshot, err := v.Registry.Snapshot(ctx, v.Project)
	if err != nil {
		return nil, err
	}
	if snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q has not been applied yet; run `asof apply`", v.Project)
	}
	views, err := snapshot.Filled(names)
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(views))
	for _, view := range views {
		started := v.now()
		r, err := v.view(ctx, view)
		if err != nil {
			return results, asof.Errorf(asof.ErrorCode(err), "feature view %q was not verified: %w", view.Name, err)
		}
		r.Took = v.now().Sub(started)
		results = append(results, *r)
	}
	return results, nil
}

// view compares one view: the rows of its source first, then the keys that only
// the store has.
func (v *Verifier) view(ctx context.Context, view *asof.FeatureView) (*Result, error) {
	c, err := v.begin(ctx, view)
	if err != nil {
		return nil, err
	}
	if err := c.source(ctx, &asof.Latest{View: c.query, To: c.result.At, Sorted: true}); err != nil {
		return nil, err
	}
	return c.result, c.foreign(ctx)
}

// Key compares one key of a view, given as the texts of its join keys. Where
// neither the source nor the store has a row of it, Result.Keys is 0. A view
// without entities has the key of no texts. Registry and Sample are not looked
// at.
func (v *Verifier) Key(ctx context.Context, view *asof.FeatureView, texts map[string]string) (*Result, error) {
	c, err := v.begin(ctx, view)
	if err != nil {
		return nil, err
	}
	row, null, err := c.query.Key(texts)
	if err != nil || null != "" {
		return c.result, err // NULL equals nothing
	}
	if err := c.rows(ctx, &asof.Latest{View: c.query, To: c.result.At, Keys: row}, c.add); err != nil {
		return nil, err
	}
	if err := c.flush(ctx); err != nil || c.result.Keys > 0 || row == nil {
		return c.result, err
	}
	keys, err := c.encoder.EncodeKeys(row)
	if err != nil {
		return nil, err
	}
	return c.result, c.unknown(ctx, keys)
}

// begin says what a view is compared with, and at which time.
func (v *Verifier) begin(ctx context.Context, view *asof.FeatureView) (*comparison, error) {
	q, err := view.Query()
	if err != nil {
		return nil, err
	}
	runs, err := v.Ledger.Materializations(ctx, asof.MaterializationQuery{Project: v.Project, Views: []string{view.Name}})
	if err != nil {
		return nil, err
	}
	r := &Result{View: view.Name, At: v.At.UTC().Truncate(time.Microsecond), Causes: map[Cause]int64{}}
	covered := asof.Covered(runs)
	switch {
	case !v.At.IsZero():
	case !covered.End.IsZero():
		r.At = covered.End
	default:
		r.At = v.now()
		r.Notes = append(r.Notes, "it was never materialized: compared with its source as it is now")
	}
	c, err := v.comparison(view, r, runs)
	if err == nil {
		c.query = q
	}
	return c, err
}

func (v *Verifier) now() time.Time {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	return now().UTC().Truncate(time.Microsecond)
}

// everything is the sample that leaves no key out.
const everything = uint64(math.MaxUint64)
