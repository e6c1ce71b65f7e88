package pipelineapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// states are those by which runs can be chosen.
var states = []asof.RunState{asof.RunScheduled, asof.RunPending, asof.RunLate, asof.RunRunning, asof.RunRetrying,
	asof.RunCompleted, asof.RunFailed, asof.RunCrashed, asof.RunCancelled}

// runs answers GET /runs and GET /pipelines/{name}/runs.
func (h *handler) runs(r *http.Request, store asof.RunStore) (answer, error) {
	query := r.URL.Query()
	q := asof.RunQuery{Project: h.Project, Pipeline: query.Get("pipeline"), Before: query.Get("before")}
	if r.PathValue("name") != "" {
		p, err := h.named(r)
		if err != nil {
			return answer{}, err
		}
		q.Pipeline = p.Name
	}
	for name := range query {
		if known := []string{"pipeline", "state", "before", "limit"}; !slices.Contains(known, name) {
			return answer{}, asof.Errorf(asof.CodeInvalid, "there is no parameter %.60q%s", name, asof.DidYouMean(name, known))
		}
	}
	for _, state := range query["state"] {
		for _, one := range strings.Split(state, ",") {
			if !slices.Contains(states, asof.RunState(one)) {
				return answer{}, asof.Errorf(asof.CodeInvalid, "there is no state %.60q%s", one, asof.DidYouMean(one, texts(states)))
			}
			q.States = append(q.States, asof.RunState(one))
		}
	}
	var err error
	if q.Limit, err = number(query.Get("limit"), "limit", 100, 1, mostListed); err != nil {
		return answer{}, err
	}
	q.Brief = true // GET /runs/{id} has their reports
	runs, err := store.Runs(r.Context(), q)
	if err != nil {
		return answer{}, err
	}
	undone, err := h.undone(r.Context(), runs...)
	return answer{body: map[string]any{"runs": formOfRuns(runs, undone)}}, err
}

func texts[T ~string](list []T) []string {
	all := make([]string, len(list))
	for i, one := range list {
		all[i] = string(one)
	}
	return all
}

// number reads a parameter of a request.
func number(text, name string, otherwise, least, most int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, asof.Errorf(asof.CodeInvalid, "%s is %.60q; it has to be a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// own returns the run of a request, which is one of the project's.
func (h *handler) own(r *http.Request, store asof.RunStore) (asof.Run, error) {
	id := r.PathValue("id")
	run, err := store.Run(r.Context(), id)
	if err == nil && run.Project != h.Project {
		err = asof.Errorf(asof.CodeNotFound, "there is no run %.60q", id)
	}
	return run, err
}

// undone returns when runs were rolled back. Of runs that have not ended nothing
// is asked.
func (h *handler) undone(ctx context.Context, runs ...asof.Run) (map[string]time.Time, error) {
	if !slices.ContainsFunc(runs, func(r asof.Run) bool { return !r.Finished.IsZero() }) {
		return nil, nil
	}
	return h.RolledBack(ctx)
}

// rollback answers POST /runs/{id}/rollback when tables, snapshots and online
// store are as they were before the run.
func (h *handler) rollback(r *http.Request, store asof.RunStore) (answer, error) {
	run, err := h.own(r, store)
	if err != nil {
		return answer{}, err
	}
	done, err := h.Rollback(r.Context(), run.ID)
	if err != nil {
		return answer{}, err
	}
	type change struct {
		Table   string `json:"table"`
		Added   int64  `json:"added"`
		Changed int64  `json:"changed"`
		Removed int64  `json:"removed"`
	}
	tables := make([]change, len(done.Tables))
	for i, c := range done.Tables {
		tables[i] = change{c.Table, c.Added, c.Changed, c.Removed}
	}
	undone := map[string]time.Time{run.ID: done.Publication.Undone}
	return answer{body: map[string]any{"run": formOfRun(run, undone), "tables": tables, "gone": append([]string{}, done.Gone...)}}, nil
}

// run answers GET /runs/{id}: with every attempt at each step.
func (h *handler) run(r *http.Request, store asof.RunStore) (answer, error) {
	run, err := h.own(r, store)
	if err != nil {
		return answer{}, err
	}
	attempts, err := store.Steps(r.Context(), run.ID)
	if err != nil {
		return answer{}, err
	}
	steps := make([]stepJSON, len(attempts))
	for i, s := range attempts {
		steps[i] = formOfStep(s)
	}
	undone, err := h.undone(r.Context(), run)
	return answer{body: struct {
		runJSON
		Steps []stepJSON `json:"steps"`
	}{formOfRun(run, undone), steps}}, err
}

// logs answers GET /runs/{id}/logs. What comes after is asked for with
// ?after=NEXT.
func (h *handler) logs(r *http.Request, store asof.RunStore) (answer, error) {
	run, err := h.own(r, store)
	if err != nil {
		return answer{}, err
	}
	after, err := number(r.URL.Query().Get("after"), "after", 0, 0, 1<<53)
	if err != nil {
		return answer{}, err
	}
	limit, err := number(r.URL.Query().Get("limit"), "limit", mostListed, 1, mostListed)
	if err != nil {
		return answer{}, err
	}
	lines, err := store.Lines(r.Context(), run.ID, int64(after), limit)
	if err != nil {
		return answer{}, err
	}
	forms := make([]lineJSON, len(lines))
	for i, l := range lines {
		forms[i] = formOfLine(l)
		after = int(l.Seq)
	}
	return answer{body: map[string]any{"lines": forms, "next": after}}, nil
}

// change answers POST /runs/{id}/cancel and /resume.
func (h *handler) change(how func(asof.RunStore, context.Context, string) (asof.Run, error)) serving {
	return func(r *http.Request, store asof.RunStore) (answer, error) {
		run, err := h.own(r, store)
		if err != nil {
			return answer{}, err
		}
		if run, err = how(store, r.Context(), run.ID); err != nil {
			return answer{}, err
		}
		if h.Entered != nil {
			h.Entered()
		}
		undone, err := h.undone(r.Context(), run)
		return answer{status: http.StatusAccepted, body: formOfRun(run, undone)}, err
	}
}
