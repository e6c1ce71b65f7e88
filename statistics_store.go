package asof

import (
	"context"
	"time"
)

// StatisticsStore keeps what features were like, and whether they had drifted,
// where the runs of pipelines are. Several processes share one. Each method is
// one transaction, and its times are in microseconds.
type StatisticsStore interface {
	// Keep writes statistics, all or none, in place of those of the same values.
	//
	// The first with bins decide the bins of a feature, and a baseline decides
	// them anew. Others must have these: where one has not it is CodeConflict,
	// and the caller counts again in those that Edges returns. Only the newest
	// baseline of a feature and source is one.
	Keep(ctx context.Context, list ...Statistics) error
	// Edges returns the bins of a view's features, by feature, for all sources.
	// A feature without is not there.
	Edges(ctx context.Context, project, view string) (map[string][]float64, error)
	// Statistics lists what is kept: by view, then by feature, the newest span
	// first; of spans with one end, the shortest.
	Statistics(ctx context.Context, q StatisticsQuery) ([]Statistics, error)
	// Spans lists of what spans views have the statistics that q chooses: by view,
	// the newest first. Limit bounds the spans, and Each does not count.
	Spans(ctx context.Context, q StatisticsQuery) ([]StatisticsSpan, error)
	// KeepDrift writes verdicts, all or none, in place of those on the same sides.
	KeepDrift(ctx context.Context, list ...ViewDrift) error
	// Drifts lists verdicts: by view, the newest current span first, of these the
	// last judged.
	Drifts(ctx context.Context, q DriftQuery) ([]ViewDrift, error)
	// Prune removes statistics and verdicts that r does not keep, the oldest
	// first, limit of each at most, and returns how many are gone.
	Prune(ctx context.Context, project string, r StatisticsRetention, limit int) (int64, error)
	Close() error
}

// StatisticsQuery chooses statistics. Zero fields choose all.
type StatisticsQuery struct {
	Project     string
	View        string
	Feature     string
	Source      StatisticsSource
	Granularity Granularity
	From, To    time.Time // spans within, both included
	Exact       bool      // of the very span From to To
	Baseline    bool      // baselines alone
	Each        int       // of each view, feature, source and granularity the newest so many
	Limit       int       // 0: 1000
}

// DriftQuery chooses verdicts. Zero fields choose all.
type DriftQuery struct {
	Project string
	View    string
	Source  StatisticsSource // of what was compared
	Each    int              // of each view and source the newest so many
	Brief   bool             // without Features
	Limit   int              // 0: 1000
}

// StatisticsLimit is how many are listed where a query does not say.
const StatisticsLimit = 1000
