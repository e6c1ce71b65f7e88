package monitor_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/statistics"
)

func month(m time.Month) monitor.Side {
	from := time.Date(2024, m, 1, 0, 0, 0, 0, time.UTC)
	return monitor.Rows(from, from.AddDate(0, 1, 0).Add(-time.Microsecond))
}

// shop has a month of 200 fees from 10 to 29 and of three plans, and one in
// which fees are 20 more and a plan is new.
func shop(t *testing.T, tags map[string]string) *monitor.Monitor {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "user", Type: arrow.PrimitiveTypes.Int64}, {Name: "at", Type: asof.Timestamp},
		{Name: "fee", Type: arrow.PrimitiveTypes.Float64}, {Name: "plan", Type: arrow.BinaryTypes.String}, {Name: "age", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(arrowmemory.DefaultAllocator, schema)
	defer b.Release()
	for i := range 400 {
		at, fee, plan := month(1).To, float64(10+i%20), []string{"basic", "plus", "été"}[i%3]
		if i >= 200 {
			at, fee = month(2).To, fee+20
			if i%2 == 0 {
				plan = "ultra"
			}
		}
		b.Field(0).(*array.Int64Builder).Append(int64(i % 200))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixMicro()))
		b.Field(2).(*array.Float64Builder).Append(fee)
		b.Field(3).(*array.StringBuilder).Append(plan)
		b.Field(4).(*array.Int64Builder).Append(int64(20 + i%50))
	}
	rows := b.NewRecordBatch()
	defer rows.Release()
	offline := memory.NewOffline()
	t.Cleanup(func() { _ = offline.Close() })
	offline.Put("users", rows)
	view := &asof.FeatureView{Name: "users", Kind: asof.ViewPlain, Online: true, Enabled: true, Entities: []string{"user"}, Tags: map[string]string{"team": "churn"},
		EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.Field{{Name: "fee", Type: asof.Scalar(asof.TypeFloat64), Tags: tags}, {Name: "plan", Type: asof.Scalar(asof.TypeString)},
			{Name: "age", Type: asof.Scalar(asof.TypeInt64)}},
		Source: &asof.DataSource{Name: "users", Kind: asof.SourcePostgres, Table: "users", TimestampField: "at"}}
	registry := memory.NewRegistry(time.Now)
	if _, err := registry.Apply(t.Context(), "p", asof.Change{Put: []asof.Object{&asof.Project{Name: "p"}, view}}); err != nil {
		t.Fatal(err)
	}
	return &monitor.Monitor{Project: "p", Registry: registry, Offline: offline}
}

func verdicts(views []monitor.View) string {
	var list []string
	for _, v := range views {
		list = append(list, fmt.Sprintf("%s=%s", v.View, v.Verdict))
		for _, f := range v.Features {
			list = append(list, fmt.Sprintf("%s=%s", f.Feature, f.Verdict))
		}
	}
	return strings.Join(list, " ")
}

func TestDrift(t *testing.T) {
	for name, c := range map[string]struct {
		tags               map[string]string
		features           []string
		reference, current monitor.Side
		want               string
	}{
		"January and February":       {nil, nil, month(1), month(2), "users=drifted fee=drifted plan=drifted age=stable"},
		"January and itself":         {nil, nil, month(1), month(1), "users=stable fee=stable plan=stable age=stable"},
		"one feature":                {nil, []string{"age"}, month(1), month(2), "users=stable age=stable"},
		"a month without rows":       {nil, nil, month(1), month(3), "users=unknown fee=unknown plan=unknown age=unknown"},
		"a reference without rows":   {nil, []string{"fee"}, month(3), month(1), "users=unknown fee=unknown"},
		"thresholds that never hold": {map[string]string{"asof.monitor.psi": "never", "asof.monitor.ks": "never", "asof.monitor.jensen_shannon": "never", "asof.monitor.mean_shift": "9"}, []string{"fee"}, month(1), month(2), "users=stable fee=stable"},
	} {
		views, err := shop(t, c.tags).Drift(t.Context(), nil, c.features, c.reference, c.current)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, verdicts(views)); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
	m := shop(t, map[string]string{"asof.monitor.psi": "99"})
	m.Thresholds = statistics.Wanted{Own: map[string]float64{"psi": 98, "mean_shift": 98}, Of: map[string]statistics.Wanted{
		"users": {Own: map[string]float64{"ks": math.NaN(), "mean_shift": 97}, Of: map[string]statistics.Wanted{"fee": {Own: map[string]float64{"psi": 97, "new_share": 96}}}}}}
	wanted, err := m.Drift(t.Context(), nil, nil, month(1), month(2))
	if err != nil {
		t.Fatal(err)
	}
	fees, plans := wanted[0].Features[0].Thresholds, wanted[0].Features[1].Thresholds
	if fees.PSI != 99 || !math.IsNaN(fees.KS) || fees.MeanShift != 97 || fees.NewShare != 96 || plans.PSI != 98 || plans.NewShare != 0.05 {
		t.Errorf("thresholds of fee %+v, of plan %+v", fees, plans)
	}
	views, err := shop(t, nil).Drift(t.Context(), []string{"users"}, nil, month(1), month(2))
	if err != nil {
		t.Fatal(err)
	}
	fee, plan := views[0].Features[0], views[0].Features[1]
	if !cmp.Equal(fee.Reference.Edges, fee.Current.Edges) || *fee.Current.Mean-*fee.Reference.Mean != 20 || fee.Current.Bins[len(fee.Current.Bins)-1] != 200 {
		t.Errorf("fee: bins %v, then %v", fee.Reference.Bins, fee.Current.Bins)
	}
	if d := cmp.Diff([]string{"ultra"}, plan.New); d != "" || *plan.NewShare != 0.5 {
		t.Errorf("new plans: %s, share %v", d, *plan.NewShare)
	}
	if got := statistics.Worst([]statistics.Drift{fee.Drift, plan.Drift}); got != views[0].Verdict {
		t.Errorf("the view is %s, its features %s", views[0].Verdict, got)
	}
}

func TestDriftMistakes(t *testing.T) {
	for says, ask := range map[string]func() error{
		`did you mean "users"`: func() error {
			_, err := shop(t, nil).Drift(t.Context(), []string{"user"}, nil, month(1), month(2))
			return err
		},
		`asof.monitor.thresholds.views: `: func() error { return wanted(t, statistics.Wanted{Of: map[string]statistics.Wanted{"user": {}}}) },
		`asof.monitor.thresholds.views.users.features: the view has no feature "fees"; did you mean "fee"?`: func() error {
			return wanted(t, statistics.Wanted{Of: map[string]statistics.Wanted{"users": {Of: map[string]statistics.Wanted{"fees": {}}}}})
		},
		`did you mean "fee"`: func() error {
			_, err := shop(t, nil).Drift(t.Context(), nil, []string{"fees"}, month(1), month(2))
			return err
		},
		`names no measure; did you mean "psi"`:          func() error { return tagged(t, "asof.monitor.psy", "1") },
		`is "much"; write a number from 0 on, or never`: func() error { return tagged(t, "asof.monitor.psi", "much") },
		`run ` + "`asof apply`": func() error {
			m := shop(t, nil)
			m.Project = "q"
			_, err := m.Drift(t.Context(), nil, nil, month(1), month(2))
			return err
		},
	} {
		if err := ask(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want one that says %s", err, says)
		}
	}
}

func wanted(t *testing.T, w statistics.Wanted) error {
	m := shop(t, nil)
	m.Thresholds = w
	_, err := m.Drift(t.Context(), nil, nil, month(1), month(2))
	return err
}

func tagged(t *testing.T, tag, value string) error {
	_, err := shop(t, map[string]string{tag: value}).Drift(t.Context(), nil, nil, month(1), month(2))
	return err
}
