package monitor

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// TrainingSet is a file or a table that a model was trained with: a row for each
// entity row, with a column for each feature.
type TrainingSet struct {
	Name      string
	Source    *asof.DataSource // with the column of the entity rows' time
	Reader    asof.OfflineStore
	Columns   []string
	Views     []string // those whose features are in it; nil: not known
	FullNames bool     // the columns are VIEW__FEATURE; where Views are not known, they may be
}

// column returns the column of a feature, "" where there is none.
func (t *TrainingSet) column(view, feature string) string {
	if t.Views != nil && !slices.Contains(t.Views, view) {
		return ""
	}
	full := view + "__" + feature
	if slices.Contains(t.Columns, full) && (t.FullNames || t.Views == nil) {
		return full
	}
	if slices.Contains(t.Columns, feature) && !t.FullNames {
		return feature
	}
	return ""
}

// Has lists the views of which the training set has features, and the names of
// these.
func (t *TrainingSet) Has(views []*asof.FeatureView) (names, features []string) {
	for _, view := range views {
		there := slices.DeleteFunc(view.FeatureNames(), func(f string) bool { return t.column(view.Name, f) == "" })
		if len(there) > 0 {
			names, features = append(names, view.Name), append(features, there...)
		}
	}
	return names, features
}

// Side returns the training set as a side of a comparison.
func (t *TrainingSet) Side(ctx context.Context) (Side, error) {
	profiler, ok := t.Reader.(asof.Profiler)
	if !ok {
		return Side{}, asof.Errorf(asof.CodeInvalid, "the offline store does not describe values; duckdb and postgres do")
	}
	span, err := t.Reader.Range(ctx, t.Source)
	if err != nil {
		return Side{}, asof.Errorf(asof.ErrorCode(err), "the training set %s cannot be read: %w", t.Name, err)
	}
	side := Side{DriftSide: asof.DriftSide{Source: asof.StatisticsTraining, Name: t.Name, From: span.Oldest, To: span.Newest}}
	side.Describe = func(ctx context.Context, view *asof.FeatureView, q *asof.ProfileQuery) ([]asof.Profile, error) {
		return t.describe(ctx, profiler, view, q)
	}
	return side, nil
}

// describe asks for the columns of a view's features. A feature without has no
// rows.
func (t *TrainingSet) describe(ctx context.Context, profiler asof.Profiler, view *asof.FeatureView, q *asof.ProfileQuery) ([]asof.Profile, error) {
	const end = 9999
	ask := asof.ProfileQuery{View: asof.ViewQuery{View: view.Name, Source: t.Source, Timestamp: t.Source.TimestampField}, Edges: q.Edges, Exact: q.Exact,
		To: time.Date(end, 1, 1, 0, 0, 0, 0, time.UTC)}
	profiles := make([]asof.Profile, len(q.View.Features))
	var places []int
	for i, f := range q.View.Features {
		profiles[i] = asof.Profile{Feature: f.Output, Kind: asof.ProfileKindOf(f.Type)}
		if column := t.column(view.Name, f.Output); column != "" {
			ask.View.Features, places = append(ask.View.Features, asof.FeatureColumn{Column: column, Output: f.Output, Type: f.Type}), append(places, i)
		}
	}
	if len(places) == 0 {
		return profiles, nil
	}
	found, err := profiler.Profile(ctx, &ask)
	if err != nil {
		return nil, asof.Errorf(asof.ErrorCode(err), "the training set %s cannot be described: %w", t.Name, err)
	}
	for i, place := range places {
		profiles[place] = found[i]
	}
	return profiles, nil
}

// Baseline is what later statistics are compared with: the profiles that are
// kept as such. That a view has none is CodeNotFound.
func (m *Monitor) Baseline() Side {
	side := Side{DriftSide: asof.DriftSide{Source: asof.StatisticsBatch, Name: "baseline"}}
	side.Describe = func(ctx context.Context, view *asof.FeatureView, q *asof.ProfileQuery) ([]asof.Profile, error) {
		kept, err := m.Statistics.Statistics(ctx, asof.StatisticsQuery{Project: m.Project, View: view.Name, Source: asof.StatisticsBatch, Baseline: true, Limit: len(view.Features) + asof.StatisticsLimit})
		if err != nil {
			return nil, err
		}
		if len(kept) == 0 {
			return nil, asof.Errorf(asof.CodeNotFound, "it has no baseline; `asof monitor run --set-baseline -v %s` computes one", view.Name)
		}
		var profiles []asof.Profile
		for _, f := range q.View.Features {
			p := asof.Profile{Feature: f.Output, Kind: asof.ProfileKindOf(f.Type)}
			if i := slices.IndexFunc(kept, func(s asof.Statistics) bool { return s.Profile.Feature == f.Output }); i >= 0 {
				p = kept[i].Profile
			}
			profiles = append(profiles, p)
		}
		return profiles, nil
	}
	return side
}
