package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// Run returns a run.
func (s *Runs) Run(_ context.Context, id string) (asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(id)
	if err != nil {
		return asof.Run{}, err
	}
	return r.copy(s.now()), nil
}

// Runs lists runs, those last submitted first.
func (s *Runs) Runs(_ context.Context, q asof.RunQuery) ([]asof.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, before := s.now(), q.Before == ""
	if !before {
		if _, err := s.find(q.Before); err != nil {
			return nil, err
		}
	}
	var list []asof.Run
	for _, r := range slices.Backward(s.runs) {
		chosen := before && (q.Project == "" || q.Project == r.Project) && (q.Pipeline == "" || q.Pipeline == r.Pipeline) &&
			(q.States == nil || slices.Contains(q.States, r.At(now).State))
		if chosen && len(list) < cmp.Or(q.Limit, 100) {
			one := r.copy(now)
			if q.Brief {
				one.Report = nil
			}
			list = append(list, one)
		}
		before = before || r.ID == q.Before
	}
	return list, nil
}

// Steps lists a run's attempts at steps.
func (s *Runs) Steps(_ context.Context, run string) ([]asof.RunStep, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(run)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r.steps), nil
}

// Lines lists lines of a run's log.
func (s *Runs) Lines(_ context.Context, run string, after int64, limit int) ([]asof.RunLine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(run)
	if err != nil {
		return nil, err
	}
	lines := r.lines[min(after, int64(len(r.lines))):]
	return slices.Clone(lines[:min(limit, len(lines))]), nil
}

// Prune removes ended runs that are not kept.
func (s *Runs) Prune(_ context.Context, project string, keep asof.RunRetention, limit int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, newer := s.now(), map[string]int{}
	var gone []string
	for _, r := range slices.Backward(s.runs) {
		if r.Project != project || r.Finished.IsZero() {
			continue
		}
		newer[r.Pipeline]++
		if keep.Age > 0 && now.Sub(r.Finished) > keep.Age || keep.Runs > 0 && newer[r.Pipeline] > keep.Runs {
			gone = append(gone, r.ID)
		}
	}
	slices.Reverse(gone)
	gone = gone[:min(limit, len(gone))]
	s.runs = slices.DeleteFunc(s.runs, func(r *heldRun) bool { return slices.Contains(gone, r.ID) })
	return gone, nil
}

// Schedules lists what is remembered of a project's schedules.
func (s *Runs) Schedules(_ context.Context, project string) ([]asof.RunSchedule, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []asof.RunSchedule
	for schedule := range maps.Values(s.schedules) {
		if schedule.Project == project {
			list = append(list, schedule)
		}
	}
	slices.SortFunc(list, func(a, b asof.RunSchedule) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Fire moves a schedule on and submits its runs, unless somebody else did.
func (s *Runs) Fire(_ context.Context, project, name string, last, at time.Time, runs ...asof.Run) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{project, name}
	schedule := s.schedules[key]
	if schedule.Paused || !schedule.Last.Equal(last) {
		return false, nil
	}
	before := slices.Clone(s.runs)
	for _, run := range runs {
		if _, _, err := s.submit(run, asof.AgainNever); err != nil {
			s.runs = before
			return false, err
		}
	}
	s.schedules[key] = asof.RunSchedule{Project: project, Name: name, Last: at.UTC()}
	return true, nil
}

// Pause stops a schedule from firing, or lets it fire again.
func (s *Runs) Pause(_ context.Context, project, name string, paused bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]string{project, name}
	schedule := s.schedules[key]
	schedule.Project, schedule.Name, schedule.Paused = project, name, paused
	s.schedules[key] = schedule
	return nil
}

// Close does nothing: what the store holds can still be read.
func (s *Runs) Close() error { return nil }
