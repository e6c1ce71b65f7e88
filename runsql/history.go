package runsql

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Run returns a run.
func (s *Store) Run(ctx context.Context, id string) (run asof.Run, err error) {
	run, _, err = s.look(ctx, id, nil)
	return run, err
}

// look reads a run, and what more of it.
func (s *Store) look(ctx context.Context, id string, more func(tx Tx, seq int64) error) (run asof.Run, there bool, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		r, err := s.find(ctx, tx, id, "")
		if err != nil {
			return err
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		run, there = r.At(now), true
		if more == nil {
			return nil
		}
		return more(tx, r.seq)
	})
	if err == nil && !there {
		err = notFound(id)
	}
	return run, there, err
}

// state is an expression for a run's state at $1, as asof.Run.At has it.
var state = fmt.Sprintf(`CASE WHEN finished IS NOT NULL OR lease_ends > $1 THEN state WHEN lease_ends IS NOT NULL THEN 'crashed' WHEN started IS NOT NULL THEN 'pending'
 WHEN due > $1 THEN 'scheduled' WHEN due < $1 - %d THEN 'late' ELSE 'pending' END`, asof.RunLateAfter.Microseconds())

// Runs lists runs, those last submitted first.
func (s *Store) Runs(ctx context.Context, q asof.RunQuery) ([]asof.Run, error) {
	var list []asof.Run
	before := asof.Run{}
	err := s.db.Read(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		condition, args := "CAST($1 AS bigint) IS NOT NULL", []any{now.UnixMicro()}
		and := func(text string, arg any) {
			args = append(args, arg)
			condition += fmt.Sprintf(" AND "+text, len(args))
		}
		if q.Project != "" {
			and("project = $%d", q.Project)
		}
		if q.Pipeline != "" {
			and("pipeline = $%d", q.Pipeline)
		}
		if q.States != nil {
			var places []string
			for _, one := range q.States {
				args = append(args, string(one))
				places = append(places, fmt.Sprintf("$%d", len(args)))
			}
			condition += " AND " + state + " IN (" + strings.Join(append(places, "''"), ", ") + ")"
			if !slices.ContainsFunc(q.States, asof.RunState.Ended) {
				condition += " AND claim_at IS NOT NULL" // of which there are few, and an index
			}
		}
		if q.Before != "" {
			r, err := s.find(ctx, tx, q.Before, "")
			if err != nil {
				return err
			}
			before = r.Run
			and("seq < $%d", r.seq)
		}
		condition += fmt.Sprintf(" ORDER BY seq DESC LIMIT %d", cmp.Or(q.Limit, 100))
		what := columns
		if q.Brief {
			what = brief + ", NULL"
		}
		return s.selected(ctx, tx, what, condition, args, func(r row) error {
			list = append(list, r.At(now))
			return nil
		})
	})
	if err == nil && before.ID != q.Before {
		err = notFound(q.Before)
	}
	return list, err
}

// Steps lists a run's attempts at steps.
func (s *Store) Steps(ctx context.Context, run string) ([]asof.RunStep, error) {
	var list []asof.RunStep
	_, _, err := s.look(ctx, run, func(tx Tx, seq int64) error {
		return tx.Query(ctx, "SELECT name, attempt, state, started, finished, row_count, total, input, error, report FROM "+s.db.Table(steps)+
			" WHERE run = $1 ORDER BY seq", []any{seq}, func(scan func(...any) error) error {
			var step asof.RunStep
			var started, finished *int64
			var report *string
			err := scan(&step.Name, &step.Attempt, &step.State, &started, &finished, &step.Rows, &step.Total, &step.Input, &step.Error, &report)
			step.Started, step.Finished, step.Report = instant(started), instant(finished), document(report)
			list = append(list, step)
			return err
		})
	})
	return list, err
}

// Lines lists lines of a run's log.
func (s *Store) Lines(ctx context.Context, run string, after int64, limit int) ([]asof.RunLine, error) {
	var list []asof.RunLine
	_, _, err := s.look(ctx, run, func(tx Tx, seq int64) error {
		return tx.Query(ctx, "SELECT seq, at, step, level, line FROM "+s.db.Table(lines)+" WHERE run = $1 AND seq > $2 ORDER BY seq LIMIT $3",
			[]any{seq, after, limit}, func(scan func(...any) error) error {
				var line asof.RunLine
				var at int64
				err := scan(&line.Seq, &at, &line.Step, &line.Level, &line.Text)
				line.At = time.UnixMicro(at).UTC()
				list = append(list, line)
				return err
			})
	})
	return list, err
}

// Prune removes ended runs that are not kept.
func (s *Store) Prune(ctx context.Context, project string, keep asof.RunRetention, limit int) ([]string, error) {
	var gone []string
	err := s.db.Write(ctx, true, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		oldest := int64(0)
		if keep.Age > 0 {
			oldest = now.Add(-keep.Age).UnixMicro()
		}
		var numbers []int64
		err = tx.Query(ctx, `SELECT seq, id FROM (SELECT seq, id, finished, row_number() OVER (PARTITION BY pipeline ORDER BY seq DESC) AS place FROM `+s.db.Table(runs)+
			` WHERE project = $1 AND finished IS NOT NULL) AS ended WHERE finished < $2 OR $3 > 0 AND place > $3 ORDER BY seq LIMIT $4`,
			[]any{project, oldest, keep.Runs, limit}, func(scan func(...any) error) error {
				var seq int64
				var id string
				err := scan(&seq, &id)
				numbers, gone = append(numbers, seq), append(gone, id)
				return err
			})
		if err != nil {
			return err
		}
		for _, seq := range numbers {
			for _, column := range [][2]string{{lines, "run"}, {steps, "run"}, {runs, "seq"}} {
				if err := tx.Exec(ctx, "DELETE FROM "+s.db.Table(column[0])+" WHERE "+column[1]+" = $1", seq); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return gone, err
}
