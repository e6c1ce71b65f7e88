package console

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

// deeds is the page of what was done by whom.
type deeds struct {
	On    string `json:"on,omitempty"` // only what was done to this
	List  []deed `json:"actions"`
	Older int64  `json:"older,omitempty"` // the Seq that the next page begins before; 0: there is none
}

// deed is an action as pages show it.
type deed struct {
	Seq      int64             `json:"seq"`
	At       time.Time         `json:"at"`
	Who      string            `json:"who"`
	From     string            `json:"from,omitempty"`
	What     string            `json:"what"`
	Verb     string            `json:"-"` // what, for people
	On       string            `json:"on"`
	Details  map[string]string `json:"details,omitempty"`
	Finished time.Time         `json:"finished,omitzero"`
	Outcome  string            `json:"outcome,omitempty"`
	Error    string            `json:"error,omitempty"`
}

// Given are the details, a line each.
func (d deed) Given() (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(d.Details)) {
		lines = append(lines, name+" = "+d.Details[name])
	}
	return lines
}

// deedsAtOnce is how many actions a page shows.
const deedsAtOnce = 50

// listActions shows who did what.
func listActions(ctx context.Context, c *Console, r *request) (any, error) {
	d := &deeds{On: r.URL.Query().Get("on")}
	before, err := seqOf("before", r.URL.Query().Get("before"))
	if err != nil {
		return nil, err
	}
	if d.List, err = c.deeds(ctx, r, asof.ActionQuery{On: d.On, Before: before, Limit: deedsAtOnce + 1}); err != nil {
		return nil, err
	}
	if len(d.List) > deedsAtOnce {
		d.List = d.List[:deedsAtOnce]
		d.Older = d.List[deedsAtOnce-1].Seq
	}
	return d, nil
}

// deeds reads actions of the project, which who may describe it may see.
func (c *Console) deeds(ctx context.Context, r *request, q asof.ActionQuery) ([]deed, error) {
	if c.o.Runs == nil {
		return nil, asof.Errorf(asof.CodeUnavailable, "this console keeps no record of actions, and takes none")
	}
	if err := c.may(ctx, permission.Describe); err != nil {
		return nil, err
	}
	store, err := c.o.Runs(ctx)
	if err != nil {
		return nil, err
	}
	q.Project = c.o.Project
	actions, err := store.Actions(ctx, q)
	list := make([]deed, len(actions))
	for i, a := range actions {
		verb, unknown := r.lang.text("act." + a.What)
		if unknown != nil { // of another version
			verb = a.What
		}
		list[i] = deed{a.Seq, a.At, a.Who, a.From, a.What, verb, a.On, a.Details, a.Finished, a.Outcome, a.Error}
	}
	return list, err
}

// seqOf reads the Seq of an action or a line of an address; 0 where there is none.
func seqOf(name, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seq < 0 {
		return 0, asof.Errorf(asof.CodeInvalid, "%s is %.60q; it has to be the number of an action or a line", name, text)
	}
	return seq, nil
}
