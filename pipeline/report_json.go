package pipeline

import (
	"encoding/json"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// KeptStep is a step's report as it is kept and printed. Time is in seconds,
// warnings are as they are told.
type KeptStep struct {
	Name       string          `json:"name"`
	Table      string          `json:"table,omitempty"` // of a step that checks
	Rows       int64           `json:"rows"`
	Aside      int64           `json:"aside,omitempty"` // rows that were put into Quarantine
	Quarantine string          `json:"quarantine,omitempty"`
	Failed     bool            `json:"failed"`
	Skipped    bool            `json:"skipped"` // left out: its condition did not hold
	Time       float64         `json:"time"`
	Changes    []KeptChange    `json:"changes"`
	Warnings   []string        `json:"warnings"`
	Checks     []check.Kept    `json:"checks"`
	Profile    []check.Profile `json:"profile,omitempty"`
}

// KeptChange is what a publication changed of one table. Skipped says why
// nothing was written.
type KeptChange struct {
	Table   string `json:"table"`
	Added   int64  `json:"added"`
	Changed int64  `json:"changed"`
	Removed int64  `json:"removed"`
	Equal   int64  `json:"equal"`
	Skipped string `json:"skipped"`
}

// MarshalJSON writes the report of a step as KeptStep.
func (s StepReport) MarshalJSON() ([]byte, error) {
	kept := KeptStep{Name: s.Name, Table: s.Table, Rows: s.Rows, Failed: s.Failed, Skipped: s.Skipped, Aside: s.Aside, Quarantine: s.Quarantine, Time: s.Duration.Seconds(), Profile: s.Profile, Changes: []KeptChange{}, Warnings: []string{}}
	for _, c := range s.Changes {
		kept.Changes = append(kept.Changes, KeptChange{c.Table, c.Added, c.Changed, c.Removed, c.Equal, c.Skipped})
	}
	for _, w := range s.Warnings {
		kept.Warnings = append(kept.Warnings, w.String())
	}
	return json.Marshal(struct {
		KeptStep
		Checks []check.Result `json:"checks"`
	}{kept, append([]check.Result{}, s.Checks...)})
}

// KeptReport is the report of a run as it is kept and printed.
type KeptReport struct {
	Pipeline string     `json:"pipeline"`
	Run      string     `json:"run"`
	AsOf     string     `json:"as_of"` // as 2024-01-31
	Time     float64    `json:"time"`
	Steps    []KeptStep `json:"steps"`
}

// reportOf is the report of a run from its attempts at steps: the last of each,
// in the order of the graph, and of what was done after a failure.
func (r *run) reportOf(attempts []asof.RunStep, after []StepReport) (json.RawMessage, error) {
	report := struct {
		KeptReport
		Steps []any `json:"steps"`
	}{KeptReport{Pipeline: r.Pipeline.Name, Run: r.id, AsOf: r.asOf.Format(time.DateOnly), Time: max(time.Since(r.began), 0).Seconds()}, []any{}}
	last := map[string]asof.RunStep{}
	for _, attempt := range attempts {
		last[attempt.Name] = attempt
	}
	for _, s := range r.graph() {
		switch attempt, there := last[s.Name]; {
		case there && attempt.State == asof.RunSkipped:
			report.Steps = append(report.Steps, StepReport{Name: s.Name, Skipped: true})
		case there && attempt.Report != nil:
			report.Steps = append(report.Steps, attempt.Report)
		}
	}
	for _, s := range after {
		report.Steps = append(report.Steps, s)
	}
	return json.Marshal(report)
}
