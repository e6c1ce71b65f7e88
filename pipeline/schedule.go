package pipeline

import (
	"maps"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/schedule"
)

// Schedule says when a pipeline is run without being asked: at the times of a
// timetable, or when a folder of files is complete.
type Schedule struct {
	Text    string             // what the file says: "cron 30 6 5 * *"
	Place   asof.Place         // of it
	Times   schedule.Timetable // nil where there is a folder
	Folder  *schedule.Folder   // without its Root
	CatchUp schedule.CatchUp
	Params  map[string]string // instead of defaults
}

// Values are those of a run of the schedule that is due at that time: the
// parameters that were found, then those of the schedule, then defaults.
func (p *Pipeline) scheduled(s Schedule, at time.Time, found map[string]string) (Values, error) {
	own := *p
	own.Params = slices.Clone(p.Params)
	for i, param := range own.Params {
		if text, ok := s.Params[param.Name]; ok {
			own.Params[i].Default, own.Params[i].Required = text, false
		}
	}
	return own.Values(found, at)
}

// Entries are the schedules for a loop, of a repository's folder and its project.
func (p *Pipeline) Entries(root, project string) []schedule.Entry {
	entries := make([]schedule.Entry, len(p.Schedules))
	for i, s := range p.Schedules {
		entries[i] = schedule.Entry{Pipeline: p.Name, Text: s.Text, Times: s.Times, CatchUp: s.CatchUp, Run: func(at time.Time, found map[string]string) (asof.Run, error) {
			values, err := p.scheduled(s, at, found)
			if err != nil {
				return asof.Run{}, err
			}
			return p.NewRun(project, values), nil
		}}
		if s.Folder != nil {
			folder := *s.Folder
			folder.Root = root
			entries[i].Folder = &folder
		}
	}
	return entries
}

// given returns the parameters that a schedule gives to its runs.
func (s Schedule) given() []string {
	given := slices.Collect(maps.Keys(s.Params))
	if s.Folder != nil {
		names, _ := schedule.Captures(s.Folder.Pattern)
		given = append(given, names...)
	}
	return given
}
