package cli

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/asof-dev/asof/historical"
)

// explainHistorical prints how the offline store would answer the request.
func (a *app) explainHistorical(ctx context.Context, r *repository, q historical.Request, output string) error {
	if output != "table" && output != "json" {
		return badOutput(output, "table", "json")
	}
	if err := r.asks(ctx, &q); err != nil {
		return err
	}
	if q.Entities.Path != "" {
		q.Entities.Path = a.input(q.Entities.Path)
	}
	plans, err := historical.Plan(ctx, q)
	if err != nil {
		return err
	}
	rows := make([][]any, len(plans))
	for i, p := range plans {
		rows[i] = []any{p.View, p.Plan, p.Index, expected(p.EntityRows), expected(p.Keys), expected(p.Rows), p.Why}
	}
	return a.printList(output, []string{"VIEW", "PLAN", "INDEX", "ENTITY ROWS", "KEYS", "ROWS", "WHY"}, rows)
}

// expected is a count that an engine may not have.
type expected int64

func (n expected) String() string {
	if n < 0 {
		return "-"
	}
	return strconv.FormatInt(int64(n), 10)
}

// MarshalJSON writes null for none.
func (n expected) MarshalJSON() ([]byte, error) {
	if n < 0 {
		return []byte("null"), nil
	}
	return json.Marshal(int64(n))
}
