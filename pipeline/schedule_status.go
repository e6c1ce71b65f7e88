package pipeline

import (
	"context"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/schedule"
)

// ScheduleStatus is how a schedule stands.
type ScheduleStatus struct {
	Schedule
	Paused bool
	Last   time.Time // the newest time for which it entered a run, or when it was first seen; of a folder, when its files were written; zero: never
	Next   time.Time // zero where there is none, as of folders, or it is paused
}

// Status returns how the pipeline's schedules stand, by what a store of runs
// remembers of the project.
func (p *Pipeline) Status(known []asof.RunSchedule, now time.Time) []ScheduleStatus {
	all := make([]ScheduleStatus, len(p.Schedules))
	for i, s := range p.Schedules {
		status := ScheduleStatus{Schedule: s}
		own := schedule.Entry{Pipeline: p.Name, Text: s.Text}.Name()
		for _, k := range known {
			switch {
			case k.Name == p.Name:
				status.Paused = k.Paused
			case s.Folder != nil && strings.HasPrefix(k.Name, own+" = ") || s.Folder == nil && k.Name == own:
				if k.Last.After(status.Last) {
					status.Last = k.Last
				}
			}
		}
		if s.Times != nil && !status.Paused {
			status.Next = s.Times.Next(now)
		}
		all[i] = status
	}
	return all
}

// Pause stops the schedules of the pipeline from entering runs, or lets them.
func (p *Pipeline) Pause(ctx context.Context, store asof.RunSchedules, project string, paused bool) error {
	if len(p.Schedules) == 0 {
		return asof.Errorf(asof.CodeInvalid, "pipeline %s has no schedule: there is nothing to pause", p.Name)
	}
	return store.Pause(ctx, project, p.Name, paused)
}
