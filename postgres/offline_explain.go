package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

var _ asof.Explainer = (*Offline)(nil)

// Explain says how Historical would answer.
func (o *Offline) Explain(ctx context.Context, q *asof.PointInTime) ([]asof.ViewPlan, error) {
	t, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	query, rows, err := o.ask(ctx, t, q)
	if err != nil {
		return nil, err
	}
	if rows != nil {
		defer rows.Release()
	}
	p, err := o.plan(ctx, t, query, rows)
	if err != nil {
		return nil, err
	}
	plans := make([]asof.ViewPlan, len(p.views))
	for i, view := range p.views {
		plans[i] = p.explain(view)
	}
	return plans, nil
}

func (p *plan) explain(view *viewPlan) asof.ViewPlan {
	v := view.view
	plan := asof.ViewPlan{View: v.ViewQuery.View, EntityRows: int64(p.entities), Keys: -1, Rows: int64(view.found.Rows)}
	if p.rows != nil {
		plan.Keys = p.rows.Keys(p.query, v)
		if !p.rows.All() {
			plan.EntityRows = -1
		}
	}
	switch {
	case p.inMemory:
		plan.Plan = "in memory"
		plan.Why = fmt.Sprintf("the sources are read once, in about %s; the server would take about %s", rough(p.memory), rough(p.server))
	case v.Lookup != pit.NoLookup:
		plan.Plan, plan.Index = "index lookups", view.index.name
		plan.Why = fmt.Sprintf("a lookup for each entity row, about %s in all; %s", rough(view.lookup), p.instead(view))
	case p.query.Cutoff && v.Created != "":
		plan.Plan, plan.Why = "range join", "in the server; "+p.instead(view)
	default:
		plan.Plan, plan.Why = "window", fmt.Sprintf("the server puts the rows in order, in about %s; %s", rough(view.window), p.instead(view))
	}
	return plan
}

// instead says why a view is not joined in memory.
func (p *plan) instead(view *viewPlan) string {
	if view.unfit != nil {
		return view.unfit.Error()
	}
	if p.memory >= never {
		return "another view's rows can't be joined in memory"
	}
	return "reading all sources would take about " + rough(p.memory)
}

func rough(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
