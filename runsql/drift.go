package runsql

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/asof-dev/asof"
)

// KeepDrift writes verdicts.
func (s *StatisticsStore) KeepDrift(ctx context.Context, list ...asof.ViewDrift) error {
	return s.db.Write(ctx, true, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		for _, d := range list {
			features, err := json.Marshal(d.Features)
			if err != nil {
				return err
			}
			err = tx.Exec(ctx, "INSERT INTO "+s.db.Table(drifts)+` (project, feature_view, source, name, span_from, span_to, reference_source, reference_name, reference_from,
 reference_to, judged, judged_by, verdict, drifted, compared, features) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
 ON CONFLICT (project, feature_view, source, name, span_from, span_to, reference_source, reference_name, reference_from, reference_to) DO UPDATE SET judged = excluded.judged,
 judged_by = excluded.judged_by, verdict = excluded.verdict, drifted = excluded.drifted, compared = excluded.compared, features = excluded.features`,
				d.Project, d.View, string(d.Current.Source), d.Current.Name, d.Current.From.UnixMicro(), d.Current.To.UnixMicro(),
				string(d.Reference.Source), d.Reference.Name, d.Reference.From.UnixMicro(), d.Reference.To.UnixMicro(),
				now.UnixMicro(), d.By, string(d.Verdict), d.Drifted, d.Compared, string(features))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Drifts lists verdicts.
func (s *StatisticsStore) Drifts(ctx context.Context, q asof.DriftQuery) ([]asof.ViewDrift, error) {
	read := "project, feature_view, source, name, span_from, span_to, reference_source, reference_name, reference_from, reference_to, judged, judged_by, verdict, drifted, compared, "
	if q.Brief {
		read += "'null' AS "
	}
	read += "features"
	const newest = "span_to DESC, span_from DESC, judged DESC, seq DESC"
	condition, args := chosen(asof.StatisticsQuery{Project: q.Project, View: q.View, Source: q.Source})
	if q.Each > 0 {
		condition = s.each(drifts, condition, "feature_view, source", newest, q.Each)
	}
	var list []asof.ViewDrift
	err := s.db.Read(ctx, func(tx Tx) error {
		text := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY feature_view, %s LIMIT %d", read, s.db.Table(drifts), condition, newest, cmp.Or(q.Limit, asof.StatisticsLimit))
		return tx.Query(ctx, text, args, func(scan func(...any) error) error {
			var d asof.ViewDrift
			var at [5]int64
			var features string
			err := scan(&d.Project, &d.View, &d.Current.Source, &d.Current.Name, &at[0], &at[1], &d.Reference.Source, &d.Reference.Name, &at[2], &at[3], &at[4], &d.By,
				&d.Verdict, &d.Drifted, &d.Compared, &features)
			if err != nil {
				return err
			}
			d.Current.From, d.Current.To, d.Reference.From, d.Reference.To, d.Judged = instant(&at[0]), instant(&at[1]), instant(&at[2]), instant(&at[3]), instant(&at[4])
			err = json.Unmarshal([]byte(features), &d.Features)
			list = append(list, d)
			return err
		})
	})
	return list, err
}

// Prune removes statistics and verdicts that are not kept.
func (s *StatisticsStore) Prune(ctx context.Context, project string, keep asof.StatisticsRetention, limit int) (gone int64, err error) {
	err = s.db.Write(ctx, true, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		oldest := int64(0)
		if keep.Age > 0 {
			oldest = now.Add(-keep.Age).UnixMicro()
		}
		for _, t := range []struct{ table, age, kind, kept string }{
			{statistics, "computed", "source, granularity", "baseline = 1"},
			{drifts, "judged", "source", "1 = 0"},
		} {
			text := fmt.Sprintf(`SELECT seq FROM (SELECT seq, %[2]s, %[4]s AS stays, dense_rank() OVER (PARTITION BY feature_view, %[3]s ORDER BY span_to DESC, span_from DESC) AS place FROM %[1]s
 WHERE project = $1) AS placed WHERE NOT stays AND (%[2]s < $2 OR $3 > 0 AND place > $3) ORDER BY %[2]s, seq LIMIT $4`, s.db.Table(t.table), t.age, t.kind, t.kept)
			var numbers []string
			err := tx.Query(ctx, text, []any{project, oldest, keep.Spans, limit}, func(scan func(...any) error) error {
				var seq int64
				err := scan(&seq)
				numbers = append(numbers, fmt.Sprint(seq))
				return err
			})
			if err == nil && len(numbers) > 0 {
				err = tx.Exec(ctx, "DELETE FROM "+s.db.Table(t.table)+" WHERE seq IN ("+strings.Join(numbers, ", ")+")")
			}
			if err != nil {
				return err
			}
			gone += int64(len(numbers))
		}
		return nil
	})
	if err != nil {
		gone = 0
	}
	return gone, err
}
