package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
)

const (
	months = 12 // that are in the ledger of every view, with statistics and verdicts of drift
	steps  = 6  // of a run
	checks = 30 // of a run
	lines  = 20 // of a run's log
)

// enter keeps runs, materializations and verdicts, by the contracts of their
// stores, in one file.
func enter(ctx context.Context, o options, path string) error {
	runs := sqlite.OpenRuns(path)
	err := enterRuns(ctx, o, runs)
	if err = errors.Join(err, runs.Close()); err != nil {
		return err
	}
	ledger, err := sqlite.OpenLedger(path)
	if err != nil {
		return err
	}
	err = enterMonths(ctx, o, ledger)
	if err = errors.Join(err, ledger.Close()); err != nil {
		return err
	}
	statistics := sqlite.OpenStatistics(path)
	if err = enterVerdicts(ctx, o, statistics); err == nil {
		err = enterStatistics(ctx, o, statistics)
	}
	return errors.Join(err, statistics.Close())
}

// monthEnd returns the last day of a month, counted back from the last one.
func monthEnd(back int) time.Time {
	now := time.Now().UTC()
	return time.Date(now.Year(), now.Month()-time.Month(back), 0, 0, 0, 0, 0, time.UTC)
}

// enterRuns carries runs out as a worker would, one of fifty with a failure.
func enterRuns(ctx context.Context, o options, store asof.RunStore) error {
	for i := range o.runs {
		day := monthEnd(i % 100).Format(time.DateOnly)
		run, _, err := store.Submit(ctx, asof.Run{Project: "large", Pipeline: pipelineName(i % pipelines), Params: map[string]string{"as_of": day}, Cause: "command"}, asof.AgainAlways)
		if err != nil {
			return err
		}
		held, err := store.Claim(ctx, asof.RunClaim{Project: "large", Run: run.ID, Worker: "bench", TTL: time.Minute})
		if err != nil {
			return err
		}
		lease, state, failure := asof.RunLease{Run: run.ID, Epoch: held.Epoch}, asof.RunCompleted, ""
		if i%50 == 49 {
			state, failure = asof.RunFailed, "rows_"+day+".csv:17: table \"rows\": 3 of 7043 rows are empty"
		}
		if err := store.Record(ctx, lease, asof.RunRunning, attempts(state)...); err != nil {
			return err
		}
		if err := store.Log(ctx, lease, told()...); err != nil {
			return err
		}
		report, err := kept(pipelineName(i%pipelines), run.ID, day, state == asof.RunCompleted)
		if err != nil {
			return err
		}
		if err := store.Finish(ctx, lease, state, failure, report); err != nil {
			return err
		}
	}
	return nil
}

func attempts(last asof.RunState) (list []asof.RunStep) {
	for i := range steps {
		state, now := asof.RunCompleted, time.Now()
		if i == steps-1 {
			state = last
		}
		list = append(list, asof.RunStep{Name: fmt.Sprintf("step_%d", i), Attempt: 1, State: state, Started: now, Finished: now.Add(time.Second), Rows: 7043})
	}
	return list
}

func told() (list []asof.RunLine) {
	for i := range lines {
		list = append(list, asof.RunLine{At: time.Now(), Step: fmt.Sprintf("step_%d", i%steps), Level: "info", Text: fmt.Sprintf("%d rows are read, %d of them are new", 7043, i)})
	}
	return list
}

// kept is the report of a run, in the form in which runs keep it.
func kept(pipeline, run, day string, hold bool) ([]byte, error) {
	type object = map[string]any
	var results []object
	for i := range checks {
		results = append(results, object{"rule": "not_null", "columns": []string{fmt.Sprintf("amount_%d", i)}, "expected": "", "severity": "error", "holds": hold || i > 2,
			"measured": i, "of": 7043, "message": fmt.Sprintf("table \"rows\", column \"amount_%d\": %d of 7043 rows are empty: user_id=user_17 (line 18)", i, i), "file": "pipelines/" + pipeline + ".yaml", "line": i + 3})
	}
	return json.Marshal(object{"pipeline": pipeline, "run": run, "as_of": day, "time": 1.5, "steps": []object{
		{"name": "load rows", "rows": 7043, "time": 0.5}, {"name": "check rows", "table": "rows", "rows": 7043, "time": 0.2, "checks": results}}})
}

// enterMonths fills every view with a year; one of a hundred lacks the last
// month.
func enterMonths(ctx context.Context, o options, ledger asof.Ledger) error {
	for i := range o.views {
		for back := months; back > 0; back-- {
			if back == 1 && i%100 == 99 {
				continue
			}
			end := monthEnd(back - 1)
			m := asof.Materialization{Project: "large", View: viewName(i), Span: asof.Interval{From: end, To: end.AddDate(0, 0, 1)}, Started: end.AddDate(0, 0, 2), Cause: "pipeline " + pipelineName(i%pipelines)}
			var err error
			if m.ID, err = ledger.Begin(ctx, m); err != nil {
				return err
			}
			m.Finished, m.Newest, m.Read, m.Written = end.AddDate(0, 0, 3), end, 7043, 7043
			if err := ledger.Finish(ctx, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// enterVerdicts keeps a year of verdicts on every view; one of fifty has
// drifted.
func enterVerdicts(ctx context.Context, o options, store asof.StatisticsStore) error {
	side := func(back int) asof.DriftSide {
		from, to := wholeMonth(back)
		return asof.DriftSide{Source: asof.StatisticsBatch, From: from, To: to}
	}
	for i := range o.views {
		var list []asof.ViewDrift
		for back := range months {
			v := asof.ViewDrift{Project: "large", View: viewName(i), Reference: side(back + 1), Current: side(back), By: "monitor drift", Verdict: asof.VerdictStable, Compared: features}
			for n := range features {
				f := asof.FeatureDrift{Feature: fmt.Sprintf("amount_%d", n), Verdict: asof.VerdictStable, Measures: map[string]float64{"psi": 0.01, "ks": 0.02}}
				if i%50 == 7 && n == 0 {
					f.Verdict, f.Reasons, v.Verdict, v.Drifted = asof.VerdictDrifted, []string{"psi 0.31 is above 0.25"}, asof.VerdictDrifted, 1
				}
				v.Features = append(v.Features, f)
			}
			list = append(list, v)
		}
		if err := store.KeepDrift(ctx, list...); err != nil {
			return err
		}
	}
	return nil
}

// wholeMonth returns a month's first and last microsecond.
func wholeMonth(back int) (from, to time.Time) {
	end := monthEnd(back)
	return end.AddDate(0, 0, 1-end.Day()), end.AddDate(0, 0, 1).Add(-time.Microsecond)
}

// enterStatistics keeps a year of statistics of every feature.
func enterStatistics(ctx context.Context, o options, store asof.StatisticsStore) error {
	number := func(n float64) *float64 { return &n }
	var edges []float64
	bins, quantiles := []int64{7}, make([]float64, len(asof.ProfileLevels))
	for i := range 20 {
		edges, bins = append(edges, float64(50*i)), append(bins, int64(i*31))
	}
	for i := range quantiles {
		quantiles[i] = 1000 * asof.ProfileLevels[i]
	}
	for i := range o.views {
		var list []asof.Statistics
		for back := range months {
			from, to := wholeMonth(back)
			for n := range features {
				list = append(list, asof.Statistics{Project: "large", View: viewName(i), Source: asof.StatisticsBatch, Granularity: asof.Monthly, From: from, To: to, By: "monitor run", Baseline: back == months-1,
					Profile: asof.Profile{Feature: fmt.Sprintf("amount_%d", n), Kind: asof.ProfileNumber, Rows: 7043, Nulls: int64(back), Distinct: 7000, Min: number(0), Max: number(1000), Mean: number(500), Stddev: number(288),
						Quantiles: quantiles, Edges: edges, Bins: bins, Top: []asof.ValueCount{{Number: 17, Count: 3}}}})
			}
		}
		if err := store.Keep(ctx, list...); err != nil {
			return err
		}
	}
	return nil
}
