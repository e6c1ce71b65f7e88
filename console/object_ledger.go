package console

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/freshness"
)

// run is a materialization.
type run struct {
	Cause    string    `json:"cause"`
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	Read     int64     `json:"read"`
	Written  int64     `json:"written"`
	Newest   time.Time `json:"newest,omitzero"`
	Error    string    `json:"error,omitempty"`
}

// ledgerLimit is how many runs the page of a view shows, the newest.
const ledgerLimit = 24

// materialized shows the newest runs of a view, and how it stands to its
// calendar by them.
func (s *shown) materialized(ctx context.Context, c *Console, view string) {
	entries, err := part(ctx, func(ctx context.Context) ([]asof.Materialization, error) {
		ledger, err := c.o.Ledger(ctx)
		if err != nil {
			return nil, err
		}
		return ledger.Materializations(ctx, asof.MaterializationQuery{Project: c.o.Project, Views: []string{view}})
	})
	if err != nil {
		s.Unread = err.Error()
		return
	}
	for _, m := range entries[:min(len(entries), ledgerLimit)] {
		s.Ledger = append(s.Ledger, run{m.Cause, m.Span.From, m.Span.To, m.Started, m.Finished, m.Read, m.Written, m.Newest, m.Error})
	}
	calendar, now := c.o.Calendars.Of(view), time.Now().UTC()
	fresh := standing(view, calendar, loadedOf(entries), now)
	if fresh.State == "" && fresh.Newest.IsZero() {
		return
	}
	fresh.Months = freshness.Months(calendar, entries, now, lastMonth(now, fresh.Newest), monthsShown)
	s.Fresh = &fresh
}

// drawMonths draws the months of a view as the home page does.
func (s *shown) drawMonths(c *Console, r *request) error {
	if s.Fresh == nil || !slices.ContainsFunc(s.Fresh.Months, func(m freshness.Month) bool { return m.Arrival != freshness.Nothing }) {
		return nil
	}
	one := freshPart{Views: []viewMonths{*s.Fresh}}
	err := one.draw(c, r.lang)
	s.Months = one.Drawn
	return err
}
