package console

import (
	"context"
	"slices"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/verify"
)

// lookedCause says why a view's rows of the key differ.
type lookedCause struct {
	View  link   `json:"view"`
	Cause string `json:"cause"` // of the texts, "cause.CAUSE"
	Why   string `json:"why,omitempty"`
}

// causeWords are the causes as texts have them.
var causeWords = map[verify.Cause]string{verify.NeverLoaded: "never-loaded", verify.OlderRow: "older-row", verify.LateRow: "late-row",
	verify.Corrected: "corrected-row", verify.OtherType: "type", verify.Expired: "expired", verify.ForeignWrite: "foreign-write"}

// Causes that verify does not have.
const (
	causeAhead  = "ahead"  // the online row is newer than the time
	causeNobody = "nobody" // neither side has a row of the key
)

// causesLimit is how many views are compared for one page.
const causesLimit = 20

// causes holds against each other the rows of the views whose values differ, or
// that have none, and reports whether no view has the key at all.
func (q *inquiry) causes(ctx context.Context, values []lookedValue) (list []lookedCause, nobody bool, wrong string) {
	var doubtful []usedView
	for i, v := range values {
		if !v.Differs && v.Online.Status != statusNames[asof.StatusNotFound] {
			continue
		}
		for _, used := range q.features[i].views {
			if !slices.ContainsFunc(doubtful, func(other usedView) bool { return other.view == used.view && sameKeys(other, used) }) {
				doubtful = append(doubtful, used)
			}
		}
	}
	if len(doubtful) == 0 {
		return nil, false, ""
	}
	wrong = q.within(ctx, offlineTime, "the comparison", func(ctx context.Context) error {
		v, err := q.verifier(ctx)
		if err != nil {
			return err
		}
		for _, used := range doubtful[:min(len(doubtful), causesLimit)] {
			result, err := v.Key(ctx, used.view, used.texts(q.texts))
			if err != nil {
				return err
			}
			if cause, why := causeOf(result); cause != "" {
				list = append(list, lookedCause{linkTo(used.view), cause, why})
			}
		}
		return nil
	})
	nobody = len(list) == len(q.views()) && !slices.ContainsFunc(list, func(c lookedCause) bool { return c.Cause != causeNobody })
	return list, nobody, wrong
}

func (q *inquiry) verifier(ctx context.Context) (*verify.Verifier, error) {
	reader, err := q.c.o.Lookup.Reader(ctx)
	if err != nil {
		return nil, err
	}
	v := &verify.Verifier{Project: q.c.o.Project, Online: reader.Online, At: q.at, DropExpired: reader.OnExpired == "drop", Limit: 1, Now: reader.Now}
	if v.Offline, err = q.c.o.Lookup.Offline(ctx); err != nil {
		return nil, err
	}
	v.Ledger, err = q.c.o.Ledger(ctx)
	return v, err
}

// causeOf returns what the comparison of one key came to; "" where it agrees.
func causeOf(r *verify.Result) (cause, why string) {
	switch {
	case len(r.Mismatches) > 0:
		return causeWords[r.Mismatches[0].Cause], r.Mismatches[0].Why
	case r.Keys == 0:
		return causeNobody, ""
	case r.Ahead > 0:
		return causeAhead, ""
	}
	return "", ""
}
