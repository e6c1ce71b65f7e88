// Package monitor computes statistics of what the features of views are like, and
// holds them against what the features were like: a month against the month
// before.
package monitor

import (
	"context"
	"slices"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/statistics"
)

// Monitor describes and compares the features of one project's views.
type Monitor struct {
	Project    string
	Registry   asof.Registry
	Offline    asof.OfflineStore    // an asof.Profiler
	Served     Served               // nil: nothing is logged
	Statistics asof.StatisticsStore // what is kept; nil: nothing is, and Run cannot be called
	Anew       bool                 // what is compared is computed, also where it is kept
	Changed    Changed              // nil: not known of any view
	Thresholds statistics.Wanted    // of all features, of views, and of theirs; tags win
	Progress   asof.Progress        // may be nil
}

// Changed says when the rows of a view's source changed last, as far as it is
// known; zero where it is not. Statistics that were computed before count no more.
type Changed func(ctx context.Context, view string) (time.Time, error)

// View is how the features of a view stand to their reference.
type View struct {
	View     string
	Verdict  asof.Verdict // the worst of its features
	Features []Feature
	Took     time.Duration
}

// Feature is a feature's verdict, from where on it would be another, and the two
// profiles that it comes from: in the same bins, which are chosen from the
// reference.
type Feature struct {
	statistics.Drift
	Thresholds statistics.Thresholds
	Reference  asof.Profile
	Current    asof.Profile
}

// Drift compares the named views, or all whose source has rows with times. Of
// features only those named are compared, and a name that no view has is
// CodeNotFound; without names all are. That a view has drifted is no error.
func (m *Monitor) Drift(ctx context.Context, views, features []string, reference, current Side) ([]View, error) {
	profiler, err := m.profiler()
	if err != nil {
		return nil, err
	}
	snapshot, err := m.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	compared, err := viewsOf(snapshot, views)
	if err != nil {
		return nil, err
	}
	questions, err := m.ask(snapshot, compared, features)
	if err != nil {
		return nil, err
	}
	var found []View
	for i, q := range questions {
		m.Progress.Report("compare", int64(i), int64(len(questions)))
		started := time.Now()
		one, err := m.compare(ctx, profiler, q, reference, current)
		if err != nil {
			return nil, asof.Errorf(asof.ErrorCode(err), "feature view %q was not compared: %w", q.view.Name, err)
		}
		one.Took = time.Since(started)
		found = append(found, *one)
	}
	m.Progress.Report("compare", int64(len(questions)), int64(len(questions)))
	return found, nil
}

func (m *Monitor) profiler() (asof.Profiler, error) {
	profiler, ok := m.Offline.(asof.Profiler)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "the offline store does not describe values; duckdb and postgres do")
	}
	return profiler, nil
}

func (m *Monitor) snapshot(ctx context.Context) (*asof.Snapshot, error) {
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err == nil && snapshot.Project() == nil {
		err = asof.Errorf(asof.CodeNotFound, "project %q has not been applied yet; run `asof apply`", m.Project)
	}
	return snapshot, err
}

// question is a view and what of it is compared.
type question struct {
	view       *asof.FeatureView
	query      asof.ViewQuery
	thresholds []statistics.Thresholds // of each feature of the query
}

// ask makes the questions: no view is read before all of them are right.
func (m *Monitor) ask(snapshot *asof.Snapshot, views []*asof.FeatureView, features []string) ([]question, error) {
	if err := named(m.Thresholds, snapshot); err != nil {
		return nil, err
	}
	queries, err := chosen(views, features)
	if err != nil {
		return nil, err
	}
	var questions []question
	for _, q := range queries {
		asked := question{view: views[slices.IndexFunc(views, func(v *asof.FeatureView) bool { return v.Name == q.View })], query: q}
		for _, f := range q.Features {
			thresholds, err := m.thresholdsOf(asked.view, asked.view.Feature(f.Output))
			if err != nil {
				return nil, err
			}
			asked.thresholds = append(asked.thresholds, thresholds)
		}
		questions = append(questions, asked)
	}
	return questions, nil
}

// compare describes the reference and the current values in the same bins: those
// that the reference keeps, or the feature, or else that the reference decides.
func (m *Monitor) compare(ctx context.Context, profiler asof.Profiler, q question, reference, current Side) (*View, error) {
	edges, err := m.edges(ctx, q.view.Name)
	if err != nil {
		return nil, err
	}
	before, err := m.profiles(ctx, profiler, q, reference, edges)
	if err != nil {
		return nil, err
	}
	now, err := m.profiles(ctx, profiler, q, current, edges)
	if err != nil {
		return nil, err
	}
	v := &View{View: q.view.Name}
	var drifts []statistics.Drift
	for i := range now {
		drift := q.thresholds[i].Judge(&before[i], &now[i])
		drifts = append(drifts, drift)
		v.Features = append(v.Features, Feature{drift, q.thresholds[i], before[i], now[i]})
	}
	v.Verdict = statistics.Worst(drifts)
	return v, nil
}
