package runsql

import (
	"context"
	"time"

	"github.com/asof-dev/asof"
)

// Schedules lists what is remembered of a project's schedules.
func (s *Store) Schedules(ctx context.Context, project string) ([]asof.RunSchedule, error) {
	var list []asof.RunSchedule
	err := s.db.Read(ctx, func(tx Tx) error {
		return s.remembered(ctx, tx, "project = $1 ORDER BY name", []any{project}, func(schedule asof.RunSchedule) { list = append(list, schedule) })
	})
	return list, err
}

func (s *Store) remembered(ctx context.Context, tx Tx, condition string, args []any, each func(asof.RunSchedule)) error {
	return tx.Query(ctx, "SELECT project, name, last, paused FROM "+s.db.Table(schedules)+" WHERE "+condition, args, func(scan func(...any) error) error {
		var schedule asof.RunSchedule
		var last *int64
		var paused int64
		err := scan(&schedule.Project, &schedule.Name, &last, &paused)
		schedule.Last, schedule.Paused = instant(last), paused != 0
		each(schedule)
		return err
	})
}

// Fire moves a schedule on and submits its runs, unless somebody else did.
func (s *Store) Fire(ctx context.Context, project, name string, last, at time.Time, runs ...asof.Run) (bool, error) {
	fired := false
	err := s.db.Write(ctx, true, func(tx Tx) error {
		var schedule asof.RunSchedule
		err := s.remembered(ctx, tx, "project = $1 AND name = $2", []any{project, name}, func(one asof.RunSchedule) { schedule = one })
		if err != nil || schedule.Paused || !schedule.Last.Equal(last) {
			return err
		}
		for _, run := range runs {
			if _, _, err := s.submit(ctx, tx, run, asof.AgainNever); err != nil {
				return err
			}
		}
		fired = true
		return s.remember(ctx, tx, project, name, "last", at.UnixMicro(), 0)
	})
	return fired && err == nil, err
}

// Pause stops a schedule from firing, or lets it fire again.
func (s *Store) Pause(ctx context.Context, project, name string, paused bool) error {
	value := 0
	if paused {
		value = 1
	}
	return s.db.Write(ctx, true, func(tx Tx) error { return s.remember(ctx, tx, project, name, "paused", nil, value) })
}

// remember writes one column of a schedule.
func (s *Store) remember(ctx context.Context, tx Tx, project, name, column string, last any, paused int) error {
	return tx.Exec(ctx, "INSERT INTO "+s.db.Table(schedules)+" (project, name, last, paused) VALUES ($1, $2, $3, $4) ON CONFLICT (project, name) DO UPDATE SET "+
		column+" = excluded."+column, project, name, last, paused)
}
