//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

var _ asof.Explainer = (*Offline)(nil)

// Explain says how Historical would answer: in memory where the types of all
// views allow it. Whether their rows fit is seen when they are read.
func (o *Offline) Explain(ctx context.Context, q *asof.PointInTime) ([]asof.ViewPlan, error) {
	s, err := o.session(ctx, textsOf(q)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.close() }()
	pulls := o.pulls(s, q.Pulled)
	defer pulls.close()
	query := &pit.Query{Cutoff: q.CreatedCutoff}
	for _, view := range q.Views {
		v, err := pulls.view(ctx, view)
		if err != nil {
			return nil, err
		}
		query.Views = append(query.Views, v)
	}
	var rows *pit.Rows
	if q.Entities.Events == nil || !slices.ContainsFunc(pulls.of, func(c *connection) bool { return c != nil }) {
		if rows, err = o.entities(ctx, s, q, query); err != nil {
			return nil, err
		}
		defer rows.Release()
	}
	var unfit error
	for i, v := range query.Views {
		if rows == nil || pulls.of[i] != nil {
			continue
		}
		schema, err := o.scanned(ctx, s, query, v)
		if err != nil {
			return nil, err
		}
		unfit = errors.Join(unfit, pit.Joins(query, v, rows, schema))
	}
	plans := make([]asof.ViewPlan, len(query.Views))
	for i, v := range query.Views {
		plans[i] = o.planOf(query, v, rows, unfit)
		if c := pulls.of[i]; c != nil {
			plans[i].Why = fmt.Sprintf("its rows are copied from the connection %q; %s", c.name, plans[i].Why)
		}
	}
	return plans, nil
}

// scanned describes what the scan of a view gives.
func (o *Offline) scanned(ctx context.Context, s *session, query *pit.Query, v *pit.View) (*arrow.Schema, error) {
	other, err := o.beside(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := other.query(ctx, "SELECT * FROM (\n"+pit.Scan(pit.DuckDB, query, v)+"\n) AS scan LIMIT 0")
	if err != nil {
		return nil, errors.Join(other.fault(fmt.Sprintf("feature view %q cannot be read", v.ViewQuery.View), err), other.close())
	}
	defer rows.Release()
	return rows.Schema(), nil
}

func (o *Offline) planOf(query *pit.Query, v *pit.View, rows *pit.Rows, unfit error) asof.ViewPlan {
	plan := asof.ViewPlan{View: v.ViewQuery.View, Keys: -1, Rows: -1, EntityRows: -1}
	if rows != nil && rows.All() {
		plan.EntityRows, plan.Keys = rows.Held(), rows.Keys(query, v)
	}
	engine := "ASOF join"
	if query.Cutoff && v.Created != "" {
		engine = "range join"
	}
	if unfit != nil {
		plan.Plan, plan.Why = engine, unfit.Error()
		return plan
	}
	plan.Plan = "in memory"
	plan.Why = fmt.Sprintf("the source is read once; DuckDB's %s if its rows take more than %d MB, or some are of one key and one time", engine, o.budget()>>20)
	return plan
}
