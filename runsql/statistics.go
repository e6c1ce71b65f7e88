package runsql

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
)

// StatisticsStore is an asof.StatisticsStore but for Close.
type StatisticsStore struct{ db Database }

// NewStatistics returns the store in a database.
func NewStatistics(db Database) *StatisticsStore { return &StatisticsStore{db} }

const (
	statistics = "asof_statistics"
	edges      = "asof_statistics_edges"
	drifts     = "asof_drift"
)

// StatisticsLayouts are the tables of statistics. Names are ordered by their
// bytes, which %[3]s says.
func StatisticsLayouts() []Layout {
	return []Layout{
		{statistics, `(seq %[1]s, project text NOT NULL, feature_view text %[3]s NOT NULL, feature text %[3]s NOT NULL, source text NOT NULL, granularity text NOT NULL,
 span_from bigint NOT NULL, span_to bigint NOT NULL, computed bigint NOT NULL, computed_by text NOT NULL, baseline bigint NOT NULL, row_count bigint NOT NULL,
 profile text NOT NULL, UNIQUE (project, feature_view, feature, source, granularity, span_from, span_to))`, ""},
		{edges, `(project text, feature_view text, feature text, edges text NOT NULL, PRIMARY KEY (project, feature_view, feature))`, ""},
		{drifts, `(seq %[1]s, project text NOT NULL, feature_view text %[3]s NOT NULL, source text NOT NULL, name text NOT NULL, span_from bigint NOT NULL, span_to bigint NOT NULL,
 reference_source text NOT NULL, reference_name text NOT NULL, reference_from bigint NOT NULL, reference_to bigint NOT NULL, judged bigint NOT NULL, judged_by text NOT NULL,
 verdict text NOT NULL, drifted bigint NOT NULL, compared bigint NOT NULL, features text NOT NULL,
 UNIQUE (project, feature_view, source, name, span_from, span_to, reference_source, reference_name, reference_from, reference_to))`,
			`CREATE INDEX %[2]s_newest ON %[2]s (project, feature_view, source, span_to DESC, span_from DESC, judged DESC, seq DESC)`},
	}
}

// Keep writes statistics.
func (s *StatisticsStore) Keep(ctx context.Context, list ...asof.Statistics) error {
	return s.db.Write(ctx, true, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		for i := range list {
			if err := s.keep(ctx, tx, &list[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *StatisticsStore) keep(ctx context.Context, tx Tx, one *asof.Statistics, now time.Time) error {
	feature := []any{one.Project, one.View, one.Profile.Feature}
	var kept []float64
	err := s.bins(ctx, tx, "project = $1 AND feature_view = $2 AND feature = $3", feature, func(_ string, bins []float64) { kept = bins })
	if err == nil {
		err = asof.FitStatistics(one, kept)
	}
	if err == nil && one.Profile.Edges != nil && (kept == nil || one.Baseline) {
		err = s.decide(ctx, tx, feature, one.Profile.Edges)
	}
	baseline := 0
	if err == nil && one.Baseline {
		baseline = 1
		err = tx.Exec(ctx, "UPDATE "+s.db.Table(statistics)+" SET baseline = 0 WHERE project = $1 AND feature_view = $2 AND feature = $3 AND source = $4 AND baseline = 1",
			append(feature, string(one.Source))...)
	}
	if err != nil {
		return err
	}
	profile, err := json.Marshal(one.Profile)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, "INSERT INTO "+s.db.Table(statistics)+` (project, feature_view, feature, source, granularity, span_from, span_to, computed, computed_by, baseline, row_count, profile)
 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (project, feature_view, feature, source, granularity, span_from, span_to)
 DO UPDATE SET computed = excluded.computed, computed_by = excluded.computed_by, baseline = excluded.baseline, row_count = excluded.row_count, profile = excluded.profile`,
		one.Project, one.View, one.Profile.Feature, string(one.Source), string(one.Granularity), one.From.UnixMicro(), one.To.UnixMicro(), now.UnixMicro(),
		one.By, baseline, one.Profile.Rows, string(profile))
}

// decide writes the bins that a feature keeps.
func (s *StatisticsStore) decide(ctx context.Context, tx Tx, feature []any, bins []float64) error {
	text, err := json.Marshal(bins)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, "INSERT INTO "+s.db.Table(edges)+" (project, feature_view, feature, edges) VALUES ($1, $2, $3, $4)"+
		" ON CONFLICT (project, feature_view, feature) DO UPDATE SET edges = excluded.edges", append(feature, string(text))...)
}

// bins gives the kept bins that a condition chooses to each.
func (s *StatisticsStore) bins(ctx context.Context, tx Tx, condition string, args []any, each func(feature string, bins []float64)) error {
	return tx.Query(ctx, "SELECT feature, edges FROM "+s.db.Table(edges)+" WHERE "+condition, args, func(scan func(...any) error) error {
		var feature, text string
		if err := scan(&feature, &text); err != nil {
			return err
		}
		var bins []float64
		err := json.Unmarshal([]byte(text), &bins)
		each(feature, bins)
		return err
	})
}

// Edges returns the bins of a view's features.
func (s *StatisticsStore) Edges(ctx context.Context, project, view string) (map[string][]float64, error) {
	kept := map[string][]float64{}
	err := s.db.Read(ctx, func(tx Tx) error {
		return s.bins(ctx, tx, "project = $1 AND feature_view = $2", []any{project, view}, func(feature string, bins []float64) { kept[feature] = bins })
	})
	return kept, err
}

// chosen is the condition of a query on statistics, and its arguments.
func chosen(q asof.StatisticsQuery) (condition string, args []any) {
	condition = "1 = 1"
	and := func(text string, arg any) {
		args = append(args, arg)
		condition += fmt.Sprintf(" AND "+text+" $%d", len(args))
	}
	for _, c := range [][2]string{{"project =", q.Project}, {"feature_view =", q.View}, {"feature =", q.Feature}, {"source =", string(q.Source)}, {"granularity =", string(q.Granularity)}} {
		if c[1] != "" {
			and(c[0], c[1])
		}
	}
	if q.Exact || !q.From.IsZero() {
		and("span_from >=", q.From.UnixMicro())
	}
	if q.Exact || !q.To.IsZero() {
		and("span_to <=", q.To.UnixMicro())
	}
	if q.Exact {
		and("span_from <=", q.From.UnixMicro())
		and("span_to >=", q.To.UnixMicro())
	}
	if q.Baseline {
		condition += " AND baseline = 1"
	}
	return condition, args
}

// each is a condition that chooses of the rows of another one the first so many of
// each kind. It looks at their long texts only where they are chosen.
func (s *StatisticsStore) each(table, condition, kind, order string, n int) string {
	return fmt.Sprintf("seq IN (SELECT seq FROM (SELECT seq, row_number() OVER (PARTITION BY %s ORDER BY %s) AS place FROM %s WHERE %s) AS placed WHERE place <= %d)",
		kind, order, s.db.Table(table), condition, n)
}

// Statistics lists what is kept.
func (s *StatisticsStore) Statistics(ctx context.Context, q asof.StatisticsQuery) ([]asof.Statistics, error) {
	const read = "project, feature_view, source, granularity, span_from, span_to, computed, computed_by, baseline, profile"
	const newest = "span_to DESC, span_from DESC, source, granularity"
	condition, args := chosen(q)
	if q.Each > 0 {
		condition = s.each(statistics, condition, "feature_view, feature, source, granularity", newest, q.Each)
	}
	var list []asof.Statistics
	err := s.db.Read(ctx, func(tx Tx) error {
		text := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY feature_view, feature, %s LIMIT %d", read, s.db.Table(statistics), condition, newest, cmp.Or(q.Limit, asof.StatisticsLimit))
		return tx.Query(ctx, text, args, func(scan func(...any) error) error {
			var one asof.Statistics
			var first, last, computed, baseline int64
			var profile string
			if err := scan(&one.Project, &one.View, &one.Source, &one.Granularity, &first, &last, &computed, &one.By, &baseline, &profile); err != nil {
				return err
			}
			one.From, one.To, one.Computed, one.Baseline = instant(&first), instant(&last), instant(&computed), baseline != 0
			err := json.Unmarshal([]byte(profile), &one.Profile)
			list = append(list, one)
			return err
		})
	})
	return list, err
}

// Spans lists of what spans views have statistics.
func (s *StatisticsStore) Spans(ctx context.Context, q asof.StatisticsQuery) ([]asof.StatisticsSpan, error) {
	condition, args := chosen(q)
	const span = "feature_view, source, granularity, span_from, span_to"
	text := strings.NewReplacer("SPAN", span, "FROM_WHERE", "FROM "+s.db.Table(statistics)+" WHERE "+condition).Replace(
		`SELECT SPAN, max(computed), max(CASE WHEN place = 1 THEN computed_by END), max(baseline), count(DISTINCT feature), max(row_count)
 FROM (SELECT SPAN, feature, computed, computed_by, baseline, row_count, row_number() OVER (PARTITION BY SPAN ORDER BY computed DESC, seq DESC) AS place FROM_WHERE) AS placed
 GROUP BY SPAN ORDER BY feature_view, span_to DESC, span_from DESC, source, granularity LIMIT `) + fmt.Sprint(cmp.Or(q.Limit, asof.StatisticsLimit))
	var list []asof.StatisticsSpan
	err := s.db.Read(ctx, func(tx Tx) error {
		return tx.Query(ctx, text, args, func(scan func(...any) error) error {
			var one asof.StatisticsSpan
			var first, last, computed, baseline int64
			err := scan(&one.View, &one.Source, &one.Granularity, &first, &last, &computed, &one.By, &baseline, &one.Features, &one.Rows)
			one.From, one.To, one.Computed, one.Baseline = instant(&first), instant(&last), instant(&computed), baseline != 0
			list = append(list, one)
			return err
		})
	})
	return list, err
}
