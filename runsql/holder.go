package runsql

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// hold changes the run of a lease that has not been lost. The run's row is kept
// until the end: nobody can claim it in between.
func (s *Store) hold(ctx context.Context, l asof.RunLease, do func(tx Tx, r *row, now time.Time) error) error {
	return s.db.Write(ctx, false, func(tx Tx) error {
		r, err := s.find(ctx, tx, l.Run, tx.Keep())
		if err != nil {
			return err
		}
		if err := r.Held(l); err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return do(tx, r, now)
	})
}

// Renew lets the lease end ttl from now.
func (s *Store) Renew(ctx context.Context, l asof.RunLease, ttl time.Duration) (cancel bool, err error) {
	err = s.hold(ctx, l, func(tx Tx, r *row, now time.Time) error {
		cancel, r.LeaseEnds = r.Cancel, now.Add(ttl)
		return s.save(ctx, tx, r, now, false)
	})
	return cancel, err
}

// Break ends the lease.
func (s *Store) Break(ctx context.Context, l asof.RunLease) error {
	return s.hold(ctx, l, func(tx Tx, r *row, now time.Time) error {
		r.LeaseEnds = now
		return s.save(ctx, tx, r, now, false)
	})
}

// Record writes how the run stands, and attempts at steps.
func (s *Store) Record(ctx context.Context, l asof.RunLease, state asof.RunState, attempts ...asof.RunStep) error {
	return s.hold(ctx, l, func(tx Tx, r *row, now time.Time) error {
		before := r.Run
		r.State = state
		for _, step := range attempts {
			if step.State == asof.RunCompleted {
				r.Takeovers = 0
			}
			err := tx.Exec(ctx, "INSERT INTO "+s.db.Table(steps)+` (run, name, attempt, state, started, finished, row_count, total, input, error, report)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
 ON CONFLICT (run, name, attempt) DO UPDATE SET state = $4, started = $5, finished = $6, row_count = $7, total = $8, input = $9, error = $10, report = $11`,
				r.seq, step.Name, step.Attempt, string(step.State), micros(step.Started), micros(step.Finished), step.Rows, step.Total, step.Input,
				plain(step.Error), text(step.Report))
			if err != nil {
				return err
			}
		}
		if r.State == before.State && r.Takeovers == before.Takeovers {
			return nil
		}
		return s.save(ctx, tx, r, now, false)
	})
}

// linesAtOnce is how many lines one statement inserts.
const linesAtOnce = 100

// Log appends lines.
func (s *Store) Log(ctx context.Context, l asof.RunLease, more ...asof.RunLine) error {
	return s.hold(ctx, l, func(tx Tx, r *row, _ time.Time) error {
		var have int64
		err := tx.Query(ctx, "SELECT coalesce(max(seq), 0) FROM "+s.db.Table(lines)+" WHERE run = $1", []any{r.seq},
			func(scan func(...any) error) error { return scan(&have) })
		if err != nil {
			return err
		}
		for fit := asof.FitRunLines(int(have), more); len(fit) > 0; fit = fit[min(linesAtOnce, len(fit)):] {
			var places []string
			args := []any{r.seq}
			for _, line := range fit[:min(linesAtOnce, len(fit))] {
				have++
				n := len(args)
				places = append(places, fmt.Sprintf("($1, $%d, $%d, $%d, $%d, $%d)", n+1, n+2, n+3, n+4, n+5))
				args = append(args, have, line.At.UnixMicro(), line.Step, line.Level, line.Text)
			}
			if err := tx.Exec(ctx, "INSERT INTO "+s.db.Table(lines)+" (run, seq, at, step, level, line) VALUES "+strings.Join(places, ", "), args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Finish ends the run, or gives it back.
func (s *Store) Finish(ctx context.Context, l asof.RunLease, state asof.RunState, message string, report []byte) error {
	return s.hold(ctx, l, func(tx Tx, r *row, now time.Time) error {
		r.End(state, message, now)
		r.Report = report
		return s.save(ctx, tx, r, now, true)
	})
}
