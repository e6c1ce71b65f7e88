package console

import (
	"context"
	"time"

	"github.com/asof-dev/asof"
)

// dismissed is the action after which Home names a failed run no more. Its
// record is all that it changes.
const dismissed = "dismiss"

// dismissals returns when runs of the project were dismissed last, of the newest
// dismissals.
func (c *Console) dismissals(ctx context.Context, log asof.ActionLog) (map[string]time.Time, error) {
	list, err := log.Actions(ctx, asof.ActionQuery{Project: c.o.Project, What: dismissed, Limit: 5 * runsLooked})
	at := map[string]time.Time{}
	for _, a := range list {
		if a.Error == "" && a.At.After(at[a.On]) {
			at[a.On] = a.At
		}
	}
	return at, err
}

// needsNobody reports whether a failed run was dismissed after it ended.
func needsNobody(run asof.Run, dismissals map[string]time.Time) bool {
	at, known := dismissals[onRun(run)]
	return known && !at.Before(run.Finished)
}

// onRun is a run as the record of actions has it.
func onRun(run asof.Run) string { return "run " + run.ID }

func askDismiss(ctx context.Context, c *Console, r *request) (*question, error) {
	q, run, err := askRun(ctx, c, r, dismissed)
	if err != nil {
		return nil, err
	}
	if run.Finished.IsZero() || !failed(run) {
		return nil, asof.Errorf(asof.CodeConflict, "run %s is %s; only one that has failed can be dismissed", run.ID, run.State)
	}
	store, err := c.o.Runs(ctx)
	if err != nil {
		return nil, err
	}
	before, err := store.Actions(ctx, asof.ActionQuery{Project: c.o.Project, On: q.On, What: dismissed, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(before) > 0 && before[0].Error == "" && !before[0].At.Before(run.Finished) {
		return nil, asof.Errorf(asof.CodeConflict, "run %s was dismissed already, by %s", run.ID, before[0].Who)
	}
	q.Will = []string{r.say("dismiss.will", run.ID, run.Pipeline), r.say("dismiss.stays")}
	return q, nil
}

func doDismiss(_ context.Context, _ *Console, r *request, _ *question) (done, error) {
	id := r.PathValue("id")
	return done{to: lastRun{ID: id}.Path(), said: r.say("dismiss.done", id), outcome: "dismissed"}, nil
}
