package runsql

import (
	"context"
	"encoding/json"
	"time"

	"github.com/asof-dev/asof"
)

// Submit enters a run, or returns an earlier one of its key.
func (s *Store) Submit(ctx context.Context, run asof.Run, again asof.RunAgain) (entered asof.Run, created bool, err error) {
	err = s.db.Write(ctx, true, func(tx Tx) error {
		entered, created, err = s.submit(ctx, tx, run, again)
		return err
	})
	return entered, created && err == nil, err
}

func (s *Store) submit(ctx context.Context, tx Tx, run asof.Run, again asof.RunAgain) (asof.Run, bool, error) {
	now, err := tx.Now(ctx)
	if err != nil {
		return asof.Run{}, false, err
	}
	if run.Key != "" {
		var earlier *row
		err := s.choose(ctx, tx, "project = $1 AND pipeline = $2 AND run_key = $3 ORDER BY seq DESC LIMIT 1"+tx.Keep(),
			[]any{run.Project, run.Pipeline, run.Key}, func(r row) error {
				earlier = &r
				return nil
			})
		switch {
		case err != nil:
			return asof.Run{}, false, err
		case earlier != nil && again.Returns(earlier.Run):
			return earlier.At(now), false, nil
		case earlier != nil && earlier.Again(now) == nil:
			return earlier.At(now), false, s.save(ctx, tx, earlier, now, false)
		}
	}
	entered := asof.NewRun(run, now)
	if _, err := s.find(ctx, tx, entered.ID, ""); err == nil {
		return asof.Run{}, false, asof.Errorf(asof.CodeConflict, "there is a run %s already", entered.ID)
	} else if asof.ErrorCode(err) != asof.CodeNotFound {
		return asof.Run{}, false, err
	}
	return entered, true, s.insert(ctx, tx, entered)
}

// change changes one run.
func (s *Store) change(ctx context.Context, id string, do func(r *row, now time.Time) error) (asof.Run, error) {
	var changed asof.Run
	err := s.db.Write(ctx, true, func(tx Tx) error {
		r, err := s.find(ctx, tx, id, tx.Keep())
		if err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if err := do(r, now); err != nil {
			return err
		}
		changed = r.At(now)
		return s.save(ctx, tx, r, now, !r.Finished.IsZero())
	})
	return changed, err
}

// Cancel ends a run that waits, and asks the worker of another.
func (s *Store) Cancel(ctx context.Context, run string) (asof.Run, error) {
	return s.change(ctx, run, func(r *row, now time.Time) error {
		r.AskToEnd(now)
		return nil
	})
}

// Resume makes a run that ended without being completed wait again.
func (s *Store) Resume(ctx context.Context, run string) (asof.Run, error) {
	return s.change(ctx, run, func(r *row, now time.Time) error { return r.Again(now) })
}

// Due returns the store's time, and when the next run can be claimed.
func (s *Store) Due(ctx context.Context, project string) (now, due time.Time, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		if now, err = tx.Now(ctx); err != nil {
			return err
		}
		return tx.Query(ctx, "SELECT min(claim_at) FROM "+s.db.Table(runs)+" WHERE project = $1 AND claim_at IS NOT NULL", []any{project},
			func(scan func(...any) error) error {
				var first *int64
				err := scan(&first)
				due = instant(first)
				return err
			})
	})
	return now, due, err
}

// Claim gives the caller a run. Nothing is written where none is claimable,
// which a worker asks several times a second.
func (s *Store) Claim(ctx context.Context, c asof.RunClaim) (*asof.Run, error) {
	there := false
	err := s.db.Read(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return tx.Query(ctx, "SELECT 1 FROM "+s.db.Table(runs)+" WHERE project = $1 AND claim_at <= $2 AND ($3 = '' OR id = $3) LIMIT 1",
			[]any{c.Project, now.UnixMicro(), c.Run}, func(func(...any) error) error {
				there = true
				return nil
			})
	})
	if err != nil || !there {
		return nil, err
	}
	var claimed *asof.Run
	err = s.db.Write(ctx, true, func(tx Tx) error {
		claimed, err = s.claim(ctx, tx, c)
		return err
	})
	return claimed, err
}

func (s *Store) claim(ctx context.Context, tx Tx, c asof.RunClaim) (*asof.Run, error) {
	now, err := tx.Now(ctx)
	if err != nil {
		return nil, err
	}
	using, err := s.using(ctx, tx, c.Project, now)
	if err != nil {
		return nil, err
	}
	waiting, err := s.waiting(ctx, tx, c, now)
	if err != nil {
		return nil, err
	}
	for _, r := range waiting {
		if !r.FreeFor(using) {
			continue
		}
		r, err := s.find(ctx, tx, r.ID, tx.Keep())
		if err != nil {
			return nil, err
		}
		if !r.Finished.IsZero() || r.Claimable().After(now) {
			continue // its worker was still alive
		}
		takenOver := r.Claim(c, now)
		if err := s.save(ctx, tx, r, now, takenOver); err != nil {
			return nil, err
		}
		if r.Finished.IsZero() {
			return &r.Run, nil
		}
	}
	return nil, nil
}

// using counts the runs that go on, by the names that they use.
func (s *Store) using(ctx context.Context, tx Tx, project string, now time.Time) (map[string]int, error) {
	using := map[string]int{}
	err := s.uses(ctx, tx, "project = $1 AND claim_at > $2 AND lease_ends IS NOT NULL", []any{project, now.UnixMicro()}, func(r asof.Run) {
		for _, use := range r.Uses {
			using[use.Name]++
		}
	})
	return using, err
}

// waiting lists the runs that are due, those that have waited for longest first,
// with their IDs and Uses alone: there may be many.
func (s *Store) waiting(ctx context.Context, tx Tx, c asof.RunClaim, now time.Time) ([]asof.Run, error) {
	var list []asof.Run
	err := s.uses(ctx, tx, "project = $1 AND claim_at <= $2 AND ($3 = '' OR id = $3) ORDER BY due, seq", []any{c.Project, now.UnixMicro(), c.Run},
		func(r asof.Run) { list = append(list, r) })
	return list, err
}

func (s *Store) uses(ctx context.Context, tx Tx, condition string, args []any, each func(asof.Run)) error {
	return tx.Query(ctx, "SELECT id, uses FROM "+s.db.Table(runs)+" WHERE "+condition, args, func(scan func(...any) error) error {
		var r asof.Run
		var uses string
		if err := scan(&r.ID, &uses); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(uses), &r.Uses); err != nil {
			return err
		}
		each(r)
		return nil
	})
}
