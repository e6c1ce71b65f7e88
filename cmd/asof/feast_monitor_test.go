package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
)

// feastMonitors makes a repository in the folder of its argument, runs Feast's
// monitor there, and prints the metrics that this wrote.
const feastMonitors = `
import json, os, sys
import numpy as np, pandas as pd
from click.testing import CliRunner
from feast.cli.cli import cli
os.chdir(sys.argv[1]); os.mkdir('data')
open('feature_store.yaml', 'w').write('''
project: drivers
registry: data/registry.db
offline_store: {type: duckdb}
online_store: {type: sqlite, path: data/online.db}
entity_key_serialization_version: 3
''')
open('definitions.py', 'w').write('''
from datetime import timedelta
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Bool, Float32, Float64, Int64, String
view = FeatureView(name="stats", entities=[Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)], ttl=timedelta(days=365),
    schema=[Field(name="rate", dtype=Float32), Field(name="trips", dtype=Int64), Field(name="score", dtype=Float64), Field(name="plan", dtype=String),
            Field(name="vip", dtype=Bool), Field(name="empty", dtype=Float64), Field(name="five", dtype=Int64)],
    source=FileSource(name="stats_source", path="data/stats.parquet", timestamp_field="at"))
''')
r, n = np.random.default_rng(7), 3000
table = pd.DataFrame({'driver_id': np.arange(n) % 500, 'at': pd.Timestamp('2024-01-01', tz='UTC') + pd.to_timedelta(r.integers(0, 60 * 86400 * 10**3, n), unit='ms'),
    'rate': r.random(n).astype('float32'), 'trips': r.integers(0, 40, n), 'score': pd.Series(r.normal(1e6, 3, n), dtype='Float64'),
    'plan': r.choice(['basic', 'plus', 'été'], n), 'vip': r.random(n) < .3, 'empty': pd.Series([None] * n, dtype='Float64'), 'five': np.full(n, 5)})
table.loc[::7, 'score'] = None
table.loc[::5, 'plan'] = None
table.to_parquet('data/stats.parquet')
for command in (['apply'], ['monitor', 'run', '--start-date', '2024-01-01', '--end-date', '2024-01-31', '-g', 'monthly'], ['monitor', 'run', '--set-baseline']):
    result = CliRunner().invoke(cli, command)
    os.chdir(sys.argv[1])
    if result.exit_code != 0:
        sys.exit(f'{command}: {result.output} {result.exception!r}')
metrics = pd.read_parquet('feast_monitoring/feast_monitoring_feature_metrics.parquet')
print(metrics.drop(columns=['metric_date', 'computed_at', 'max_event_timestamp']).to_json(orient='records', double_precision=15))
`

// feastMetric is what Feast's monitor says of a feature.
type feastMetric struct {
	Feature     string   `json:"feature_name"`
	Granularity string   `json:"granularity"`
	Baseline    bool     `json:"is_baseline"`
	Kind        string   `json:"feature_type"`
	Rows        int64    `json:"row_count"`
	Nulls       int64    `json:"null_count"`
	Mean        *float64 `json:"mean"`
	Stddev      *float64 `json:"stddev"`
	Min         *float64 `json:"min_val"`
	Max         *float64 `json:"max_val"`
	P50         *float64 `json:"p50"`
	P75         *float64 `json:"p75"`
	P90         *float64 `json:"p90"`
	P95         *float64 `json:"p95"`
	P99         *float64 `json:"p99"`
	Histogram   string   `json:"histogram"`
}

// TestStatisticsAreFeasts holds monitor run against Feast's on the same file: a
// month, and the baseline of all rows.
func TestStatisticsAreFeasts(t *testing.T) {
	dir := t.TempDir()
	var theirs []feastMetric
	if err := json.Unmarshal(storetest.RunPython(t, feastMonitors, dir), &theirs); err != nil || len(theirs) != 14 {
		t.Fatalf("%d metrics of Feast, %v", len(theirs), err)
	}
	run(t, "feast", "-c", dir, "monitor", "run", "--start-date", "2024-01-01", "--end-date", "2024-01-31", "-g", "monthly")
	run(t, "feast", "-c", dir, "monitor", "run", "--set-baseline")
	var ours []asof.Statistics
	for _, granularity := range []string{"monthly", "baseline"} {
		var some []asof.Statistics
		if err := json.Unmarshal(run(t, "asof", "-c", dir, "monitor", "show", "stats", "-g", granularity, "--output", "json"), &some); err != nil {
			t.Fatal(err)
		}
		ours = append(ours, some...)
	}
	for _, want := range theirs {
		i := slices.IndexFunc(ours, func(s asof.Statistics) bool {
			return s.Profile.Feature == want.Feature && string(s.Granularity) == want.Granularity
		})
		if i < 0 {
			t.Errorf("no %s statistics of %s", want.Granularity, want.Feature)
			continue
		}
		p := ours[i].Profile
		name := want.Granularity + " " + want.Feature
		if p.Rows != want.Rows || p.Nulls != want.Nulls || ours[i].Baseline != want.Baseline {
			t.Errorf("%s: %d rows, %d nulls, baseline %t; in Feast %d, %d, %t", name, p.Rows, p.Nulls, ours[i].Baseline, want.Rows, want.Nulls, want.Baseline)
		}
		if want.Kind == "categorical" {
			sameCategories(t, name, want.Histogram, p)
			continue
		}
		quantile := func(level float64) *float64 {
			if p.Quantiles == nil {
				return nil
			}
			return &p.Quantiles[slices.Index(asof.ProfileLevels, level)]
		}
		for what, pair := range map[string][2]*float64{"mean": {want.Mean, p.Mean}, "stddev": {want.Stddev, p.Stddev}, "min": {want.Min, p.Min}, "max": {want.Max, p.Max},
			"p50": {want.P50, quantile(0.5)}, "p75": {want.P75, quantile(0.75)}, "p90": {want.P90, quantile(0.9)}, "p95": {want.P95, quantile(0.95)}, "p99": {want.P99, quantile(0.99)}} {
			if theirs, mine := pair[0], pair[1]; (theirs == nil) != (mine == nil) || theirs != nil && !sameFigure(*theirs, *mine, want.Feature == "rate") {
				t.Errorf("%s: %s is %s, in Feast %s", name, what, said(mine), said(theirs))
			}
		}
	}
}

// sameFigure compares two figures of a feature. A value of a Float32 feature is
// its shortest decimal with us, and fifteen digits of the float32 in Feast.
func sameFigure(theirs, mine float64, float bool) bool {
	if float && math.Abs(float64(float32(theirs))-theirs) < 1e-14 {
		return strconv.FormatFloat(theirs, 'g', -1, 32) == strconv.FormatFloat(mine, 'g', -1, 64)
	}
	return math.Abs(theirs-mine) <= 1e-9*math.Max(1, math.Abs(theirs))
}

func said(f *float64) string {
	if f == nil {
		return "not there"
	}
	return fmt.Sprint(*f)
}

// sameCategories compares how often each category is there, and how many are.
func sameCategories(t *testing.T, name, histogram string, p asof.Profile) {
	t.Helper()
	var want struct {
		Values []struct {
			Value any // a bool stays one
			Count int64
		}
		Unique int64 `json:"unique_count"`
	}
	if err := json.Unmarshal([]byte(histogram), &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Values) < 2 || want.Unique != p.Distinct {
		t.Errorf("%s: %d categories, in Feast %d", name, p.Distinct, want.Unique)
	}
	for i, v := range want.Values {
		if p.Top[i].Text != fmt.Sprint(v.Value) || p.Top[i].Count != v.Count {
			t.Errorf("%s: %+v, in Feast %+v", name, p.Top[i], v)
		}
	}
}
