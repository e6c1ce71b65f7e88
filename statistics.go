package asof

import (
	"slices"
	"time"
)

// StatisticsSource is which values statistics are of.
type StatisticsSource string

// The sources: Feast's, and that of a drift's reference alone.
const (
	StatisticsBatch    StatisticsSource = "batch"    // rows of a view's source
	StatisticsLog      StatisticsSource = "log"      // answers that were served
	StatisticsTraining StatisticsSource = "training" // a training set
)

// PeriodName names a span that is one month or one day of UTC, to the
// microsecond: 2024-01, 2024-01-31. Other spans have no name.
func PeriodName(from, to time.Time) (name string, ok bool) {
	from = from.UTC()
	after := to.UTC().Add(time.Microsecond)
	switch {
	case !from.Equal(from.Truncate(24 * time.Hour)):
		return "", false
	case from.Day() == 1 && after.Equal(from.AddDate(0, 1, 0)):
		return from.Format("2006-01"), true
	case after.Equal(from.AddDate(0, 0, 1)):
		return from.Format(time.DateOnly), true
	}
	return "", false
}

// Granularity is how long the span of statistics is.
type Granularity string

// The granularities: Feast's, and that of a baseline of all rows.
const (
	Daily     Granularity = "daily"
	Weekly    Granularity = "weekly"
	Biweekly  Granularity = "biweekly"
	Monthly   Granularity = "monthly"
	Quarterly Granularity = "quarterly"
	AllRows   Granularity = "baseline"
)

// Granularities are those of spans of time, the shortest first.
var Granularities = []Granularity{Daily, Weekly, Biweekly, Monthly, Quarterly}

// Statistics are what a feature was like in a span of event time, as they are
// kept. A feature of a view has one of each source, granularity and span.
type Statistics struct {
	Project     string           `json:"project"`
	View        string           `json:"view"`
	Source      StatisticsSource `json:"source"`
	Granularity Granularity      `json:"granularity"`
	From        time.Time        `json:"from"`
	To          time.Time        `json:"to"`       // included
	Computed    time.Time        `json:"computed"` // by the store's clock, which sets it
	By          string           `json:"by"`       // a command, or "run " and the ID of a pipeline's run
	Baseline    bool             `json:"baseline"` // what later ones are compared with: of a feature and source, one
	Profile     Profile          `json:"profile"`
}

// Same reports whether the statistics are of the same values.
func (s *Statistics) Same(other *Statistics) bool {
	return s.Project == other.Project && s.View == other.View && s.Profile.Feature == other.Profile.Feature && s.Source == other.Source &&
		s.Granularity == other.Granularity && s.From.Equal(other.From) && s.To.Equal(other.To)
}

// FitStatistics returns an error unless kept edges are those of the statistics:
// a store keeps no others. A baseline, and one without bins, always fits.
func FitStatistics(s *Statistics, kept []float64) error {
	if s.Baseline || kept == nil || s.Profile.Edges == nil || slices.Equal(kept, s.Profile.Edges) {
		return nil
	}
	return Errorf(CodeConflict, "statistics of %s:%s were not kept: their bins are not those that the feature has kept; compute them again in these",
		s.View, s.Profile.Feature)
}

// StatisticsSpan is a span of which a view has statistics.
type StatisticsSpan struct {
	View        string           `json:"view"`
	Source      StatisticsSource `json:"source"`
	Granularity Granularity      `json:"granularity"`
	From        time.Time        `json:"from"`
	To          time.Time        `json:"to"`
	Computed    time.Time        `json:"computed"` // the newest of them
	By          string           `json:"by"`       // what computed that one
	Baseline    bool             `json:"baseline"` // of any feature
	Features    int64            `json:"features"`
	Rows        int64            `json:"rows"` // of the feature that has most
}

// StatisticsRetention says which statistics and verdicts are kept. Zero fields
// keep everything. A baseline is always kept.
type StatisticsRetention struct {
	Age   time.Duration // since they were computed
	Spans int           // of each view, source and granularity, the newest so many
}

// Verdict is what becomes of a comparison.
type Verdict string

// The verdicts, from the best to the worst.
const (
	VerdictStable  Verdict = "stable"
	VerdictUnknown Verdict = "unknown" // there is nothing to compare
	VerdictDrifted Verdict = "drifted"
)

// DriftSide is what is compared: values of a source in a span of event time.
type DriftSide struct {
	Source StatisticsSource `json:"source"`
	Name   string           `json:"name,omitempty"` // of a training set; "baseline" of a baseline
	From   time.Time        `json:"from"`
	To     time.Time        `json:"to"` // included
}

// Same reports whether the sides are of the same values.
func (d DriftSide) Same(other DriftSide) bool {
	return d.Source == other.Source && d.Name == other.Name && d.From.Equal(other.From) && d.To.Equal(other.To)
}

// ViewDrift is how all features of a view stood to a reference, as it is kept. A
// view has one of each pair of sides.
type ViewDrift struct {
	Project   string         `json:"project"`
	View      string         `json:"view"`
	Reference DriftSide      `json:"reference"`
	Current   DriftSide      `json:"current"`
	Judged    time.Time      `json:"judged"`  // by the store's clock, which sets it
	By        string         `json:"by"`      // as of Statistics
	Verdict   Verdict        `json:"verdict"` // the worst of its features
	Drifted   int64          `json:"drifted"` // how many of its features have
	Compared  int64          `json:"compared"`
	Features  []FeatureDrift `json:"features"`
}

// FeatureDrift is how a feature stood to its reference.
type FeatureDrift struct {
	Feature  string             `json:"feature"`
	Verdict  Verdict            `json:"verdict"`
	Reasons  []string           `json:"reasons"`  // sentences
	Measures map[string]float64 `json:"measures"` // finite; by their names in JSON, such as psi; without those that there are none of
	New      []string           `json:"new,omitempty"`
	Vanished []string           `json:"vanished,omitempty"`
}
