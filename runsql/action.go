package runsql

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/asof-dev/asof"
)

// BeginAction enters an action, and lets the oldest go.
func (s *Store) BeginAction(ctx context.Context, a asof.Action, keep int) (asof.Action, error) {
	details, err := json.Marshal(a.Details)
	if err != nil {
		return a, err
	}
	table := s.db.Table(actions)
	err = s.db.Write(ctx, false, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		a.At = instant(micros(now))
		err = tx.Query(ctx, "INSERT INTO "+table+` (project, at, who, address, what, object, details, outcome, error)
 VALUES ($1, $2, $3, $4, $5, $6, $7, '', '') RETURNING seq`,
			[]any{a.Project, a.At.UnixMicro(), plain(a.Who), plain(a.From), a.What, plain(a.On), plain(string(details))},
			func(scan func(...any) error) error { return scan(&a.Seq) })
		if err != nil {
			return err
		}
		return tx.Exec(ctx, "DELETE FROM "+table+" WHERE project = $1 AND seq <= (SELECT seq FROM "+table+" WHERE project = $1 ORDER BY seq DESC LIMIT 1 OFFSET $2)", a.Project, keep)
	})
	return a, err
}

// EndAction says what became of an action.
func (s *Store) EndAction(ctx context.Context, seq int64, outcome, failed string) error {
	return s.db.Write(ctx, false, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return tx.Exec(ctx, "UPDATE "+s.db.Table(actions)+" SET finished = $2, outcome = $3, error = $4 WHERE seq = $1 AND finished IS NULL",
			seq, now.UnixMicro(), plain(outcome), plain(failed))
	})
}

// Actions lists actions, the newest first.
func (s *Store) Actions(ctx context.Context, q asof.ActionQuery) ([]asof.Action, error) {
	var list []asof.Action
	err := s.db.Read(ctx, func(tx Tx) error {
		condition := fmt.Sprintf(" WHERE ($1 = '' OR project = $1) AND ($2 = '' OR object = $2) AND ($3 = 0 OR seq < $3) AND ($4 = '' OR what = $4) ORDER BY seq DESC LIMIT %d", cmp.Or(q.Limit, 100))
		return tx.Query(ctx, "SELECT seq, project, at, who, address, what, object, details, finished, outcome, error FROM "+s.db.Table(actions)+condition,
			[]any{q.Project, q.On, q.Before, q.What}, func(scan func(...any) error) error {
				var a asof.Action
				var at int64
				var finished *int64
				var details string
				if err := scan(&a.Seq, &a.Project, &at, &a.Who, &a.From, &a.What, &a.On, &details, &finished, &a.Outcome, &a.Error); err != nil {
					return err
				}
				a.At, a.Finished = instant(&at), instant(finished)
				list = append(list, a)
				return json.Unmarshal([]byte(details), &list[len(list)-1].Details)
			})
	})
	return list, err
}
