package monitor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Served describes what servers answered: the values of a view's features, as
// they were logged. A value that was not there is NULL.
type Served interface {
	asof.Profiler
	// Logged says how much is logged of a view; Rows is 0 of one that is not.
	Logged(ctx context.Context, view string) (asof.SourceRange, error)
}

// Request says of what statistics are computed and kept.
//
// With From and To they are of that time, divided from its begin by Granularity;
// without a Granularity of the whole. With a Granularity alone they are of all
// periods of the calendar from the oldest row to the newest. With neither they
// are, as in Feast, of each granularity's period that holds the newest row; and
// of all rows, as a baseline, of features that have none.
type Request struct {
	Views       []string                // none: all that have a source with a timestamp
	Features    []string                // none: all
	Sources     []asof.StatisticsSource // batch and log; none: batch
	From, To    time.Time               // included
	Granularity asof.Granularity
	Filled      bool   // with From and To: spans without rows are left out here too
	Baseline    bool   // what is computed is the baseline: one span, or without times all rows
	By          string // as of asof.Statistics

	keepsBins bool // of a baseline that was not asked for: it is counted in the bins that there are
}

// Computed says of what statistics were computed.
type Computed struct {
	View        string
	Source      asof.StatisticsSource
	Granularity asof.Granularity // "": nothing was, since there are no rows
	Span        Span
	Features    int
	Rows        int64
	Baseline    bool
	Took        time.Duration
}

// Run computes statistics and keeps them. Of a view that fails the others are
// computed nonetheless, and the error has all reasons.
func (m *Monitor) Run(ctx context.Context, r Request) ([]Computed, error) {
	dated, err := r.dated()
	if err != nil {
		return nil, err
	}
	questions, err := m.asked(ctx, r)
	if err != nil {
		return nil, err
	}
	var all []rows // before any of them is read
	for _, q := range questions {
		for _, source := range r.sources() {
			of, err := m.rows(source, q)
			if err != nil {
				return nil, err
			}
			all = append(all, of)
		}
	}
	var done []Computed
	var failed []error
	for i, of := range all {
		m.Progress.Report("statistics", int64(i), int64(len(all)))
		computed, err := m.statistics(ctx, r, of, dated)
		done = append(done, computed...)
		if err != nil {
			failed = append(failed, asof.Errorf(asof.ErrorCode(err), "feature view %q was not described: %w", of.query.View, err))
		}
		if ctx.Err() != nil {
			return done, ctx.Err()
		}
	}
	m.Progress.Report("statistics", int64(len(all)), int64(len(all)))
	return done, errors.Join(failed...)
}

func (r *Request) sources() []asof.StatisticsSource {
	if len(r.Sources) == 0 {
		return []asof.StatisticsSource{asof.StatisticsBatch}
	}
	return r.Sources
}

// rows are those of a view in a source, and who describes them.
type rows struct {
	asof.Profiler
	query  asof.ViewQuery
	source asof.StatisticsSource
	span   func(ctx context.Context) (asof.SourceRange, error)
}

func (m *Monitor) rows(source asof.StatisticsSource, q asof.ViewQuery) (rows, error) {
	if source == asof.StatisticsLog {
		if m.Served == nil {
			return rows{}, asof.Errorf(asof.CodeInvalid, "no answers of servers are logged in project %q: there is nothing to compute statistics of", m.Project)
		}
		return rows{m.Served, q, source, func(ctx context.Context) (asof.SourceRange, error) { return m.Served.Logged(ctx, q.View) }}, nil
	}
	profiler, err := m.profiler()
	return rows{profiler, q, source, func(ctx context.Context) (asof.SourceRange, error) { return m.Offline.Range(ctx, q.Source) }}, err
}

// Check says whether the time that is asked for can be divided as asked for:
// CodeInvalid where it cannot.
func (r *Request) Check() error {
	_, err := r.dated()
	return err
}

// dated returns the periods of the time that is asked for, none where none is.
func (r *Request) dated() ([]period, error) {
	span := Span{r.From, r.To}
	switch {
	case r.To.IsZero():
		return nil, nil
	case r.Granularity != "":
		return r.one(divided(r.Granularity, span))
	}
	whole := lengthOf(span)
	if whole == "" {
		return nil, asof.Errorf(asof.CodeInvalid, "from %s to %s is longer than a quarter: divide it by --granularity", span.From.Format(time.DateOnly), span.To.Format(time.DateOnly))
	}
	return []period{{span, whole}}, nil
}

// one refuses several periods as a baseline.
func (r *Request) one(periods []period, err error) ([]period, error) {
	if err == nil && r.Baseline && len(periods) > 1 {
		err = asof.Errorf(asof.CodeInvalid, "a baseline is one span, and these are %d: leave --granularity out, or give --start-date and --end-date", len(periods))
	}
	return periods, err
}

// statistics computes and keeps those of one view.
func (m *Monitor) statistics(ctx context.Context, r Request, of rows, dated []period) (done []Computed, err error) {
	if dated != nil {
		return m.keepAll(ctx, r, of, dated)
	}
	there, err := of.span(ctx)
	if err != nil {
		return nil, err
	}
	if there.Rows == 0 || there.Newest.IsZero() {
		return []Computed{{View: of.query.View, Source: of.source}}, nil
	}
	all := period{Span{there.Oldest.UTC(), there.Newest.UTC()}, asof.AllRows}
	switch {
	case r.Granularity != "":
		periods, err := r.one(divided(r.Granularity, Span{calendar(r.Granularity, there.Oldest), holding(r.Granularity, there.Newest).To}))
		if err != nil {
			return nil, err
		}
		return m.keepAll(ctx, r, of, periods)
	case r.Baseline:
		return m.keepAll(ctx, r, of, []period{all})
	}
	if done, err = m.baseline(ctx, r, of, all); err != nil {
		return done, err
	}
	var periods []period
	for _, g := range asof.Granularities {
		periods = append(periods, holding(g, there.Newest))
	}
	more, err := m.keepAll(ctx, r, of, periods)
	return append(done, more...), err
}

// baseline computes that of the features that have none, in the bins that they
// have: nobody asked for others, and the months before are counted in them.
func (m *Monitor) baseline(ctx context.Context, r Request, of rows, all period) ([]Computed, error) {
	have, err := m.Statistics.Statistics(ctx, asof.StatisticsQuery{Project: m.Project, View: of.query.View, Source: of.source, Baseline: true, Limit: len(of.query.Order) + asof.StatisticsLimit})
	if err != nil {
		return nil, err
	}
	of.query.Features = slices.DeleteFunc(slices.Clone(of.query.Features), func(f asof.FeatureColumn) bool {
		return slices.ContainsFunc(have, func(s asof.Statistics) bool { return s.Profile.Feature == f.Output })
	})
	if len(of.query.Features) == 0 {
		return nil, nil
	}
	r.Baseline, r.keepsBins = true, true
	return m.keepAll(ctx, r, of, []period{all})
}

// keepAll computes and keeps the statistics of periods.
func (m *Monitor) keepAll(ctx context.Context, r Request, of rows, periods []period) (done []Computed, _ error) {
	for _, p := range periods {
		computed, err := m.keep(ctx, r, of, p)
		if err != nil {
			return done, err
		}
		if computed.Features > 0 {
			done = append(done, computed)
		}
	}
	return done, nil
}

// keep computes and keeps the statistics of one period. Where somebody else has
// decided bins meanwhile, they are counted again in these.
func (m *Monitor) keep(ctx context.Context, r Request, of rows, p period) (Computed, error) {
	started := time.Now()
	c := Computed{View: of.query.View, Source: of.source, Granularity: p.Granularity, Span: p.Span, Baseline: r.Baseline}
	for again := false; ; again = true {
		edges, err := map[string][]float64{}, error(nil)
		if !r.Baseline || r.keepsBins {
			edges, err = m.edges(ctx, c.View)
		}
		if err != nil {
			return c, err
		}
		profiles, err := describe(ctx, of, of.query, p.From, p.To, edges)
		if err != nil {
			return c, err
		}
		var list []asof.Statistics
		for _, profile := range profiles {
			c.Rows = max(c.Rows, profile.Rows)
			list = append(list, asof.Statistics{Project: m.Project, View: c.View, Source: of.source, Granularity: p.Granularity, From: p.From, To: p.To,
				By: r.By, Baseline: r.Baseline, Profile: profile})
		}
		if c.Rows == 0 && (r.Filled || r.To.IsZero()) {
			return c, nil
		}
		err = m.Statistics.Keep(ctx, list...)
		if asof.ErrorCode(err) == asof.CodeConflict && !again {
			continue
		}
		c.Features, c.Took = len(list), time.Since(started)
		return c, err
	}
}
