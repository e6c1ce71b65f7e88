package historical_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

const january = "user_id,event_timestamp,churn_label\n3413-BMNZE,2024-01-31,False\n7590-VHVEG,2024-01-31,True\n0000-NONEX,2024-01-31,\n"

// training is what StreamFlow asks for, in its order.
var training = []string{"subs:months_active", "subs:monthly_fee", "subs:paperless_billing",
	"usage:watch_hours_30d", "usage:avg_session_mins_7d", "payments:failed_payments_90d"}

func TestStreamFlowTrainingSet(t *testing.T) {
	result, text := run(t, historical.Request{
		References: training, Label: "churn_label", Entities: historical.Entities{Path: file(t, "users.csv", january)}})
	want := `user_id,event_timestamp,months_active,monthly_fee,paperless_billing,watch_hours_30d,avg_session_mins_7d,failed_payments_90d,churn_label
3413-BMNZE,2024-01-31,1,45.25,False,32.09199,29.141045,0,False
7590-VHVEG,2024-01-31,,29.85,True,24.48365,29.141045,1,True
0000-NONEX,2024-01-31,,,,,,,
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	if result.Rows != 3 || len(result.Columns) != 9 || result.Columns[8] != "churn_label" || result.Empty != nil {
		t.Errorf("result %+v", result)
	}
}

func TestEntitySQL(t *testing.T) {
	_, text := run(t, historical.Request{
		References: training[:2], Label: "churn_label", Entities: historical.Entities{SQL: "SELECT labels;\n"}})
	want := `user_id,event_timestamp,months_active,monthly_fee,churn_label
7590-VHVEG,2024-01-31,,29.85,True
3413-BMNZE,2024-01-31,1,45.25,False
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

// The views are read one after the other; the columns come as they were asked.
func TestOrderAndNames(t *testing.T) {
	entities := file(t, "users.csv", "event_timestamp,note,user_id\n2024-03-01,a,3413-BMNZE\n")
	aliased := &asof.FeatureService{Name: "friends", Projections: []asof.Projection{
		{View: "payments", Alias: "mine", Features: []asof.Field{{Name: "failed_payments_90d"}}},
		{View: "payments", Alias: "friends", Features: []asof.Field{{Name: "failed_payments_90d"}}, JoinKeyMap: map[string]string{"user_id": "friend_id"}},
	}}
	for _, c := range []struct {
		name string
		ask  historical.Request
		want string
	}{
		{"references of several views", historical.Request{References: []string{"payments:failed_payments_90d", "usage:watch_hours_30d", "global:rate"}},
			"event_timestamp,note,user_id,failed_payments_90d,watch_hours_30d,rate\n2024-03-01,a,3413-BMNZE,0,32.09199,0.5\n"},
		{"a view's features apart", historical.Request{References: []string{"subs:net_service", "payments:failed_payments_90d", "subs:months_active"}},
			"event_timestamp,note,user_id,net_service,failed_payments_90d,months_active\n2024-03-01,a,3413-BMNZE,DSL,0,2\n"},
		{"full names", historical.Request{References: []string{"usage:monthly_fee", "subs:monthly_fee"}, FullNames: true},
			"event_timestamp,note,user_id,usage__monthly_fee,subs__monthly_fee\n2024-03-01,a,3413-BMNZE,1.0,45.25\n"},
		{"a service", historical.Request{Service: "churn"},
			"event_timestamp,note,user_id,watch_hours_30d,monthly_fee,months_active\n2024-03-01,a,3413-BMNZE,32.09199,45.25,2\n"},
		{"a service's aliases and keys", historical.Request{Service: "friends", FullNames: true, Snapshot: project(aliased),
			Entities: historical.Entities{Path: file(t, "friends.csv", "user_id,friend_id,event_timestamp\n3413-BMNZE,7590-VHVEG,2024-03-01\n")}},
			"user_id,friend_id,event_timestamp,mine__failed_payments_90d,friends__failed_payments_90d\n3413-BMNZE,7590-VHVEG,2024-03-01,0,1\n"},
		{"a feature as the label", historical.Request{Service: "churn", Label: "watch_hours_30d"},
			"event_timestamp,note,user_id,monthly_fee,months_active,watch_hours_30d\n2024-03-01,a,3413-BMNZE,45.25,2,32.09199\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.ask.Entities.Path == "" {
				c.ask.Entities.Path = entities
			}
			if _, text := run(t, c.ask); text != c.want {
				t.Error(cmp.Diff(c.want, text))
			}
		})
	}
}

func TestEmptyEntityRows(t *testing.T) {
	for _, out := range []string{"out.csv", "out.parquet"} {
		result, text := run(t, historical.Request{References: training[:2], Output: filepath.Join(t.TempDir(), out),
			Entities: historical.Entities{Path: file(t, "users.csv", "user_id,event_timestamp,note\n")}})
		want := []string{"user_id", "event_timestamp", "note", "months_active", "monthly_fee"}
		if diff := cmp.Diff(want, result.Columns); diff != "" || result.Rows != 0 || result.Empty != nil {
			t.Errorf("%s: %+v %s", out, result, diff)
		}
		if out == "out.csv" && text != "user_id,event_timestamp,note,months_active,monthly_fee\n" {
			t.Errorf("wrote %q", text)
		}
	}
}

func TestFeaturesWithoutAnyValueAreNamed(t *testing.T) {
	result, _ := run(t, historical.Request{References: training,
		Entities: historical.Entities{Path: file(t, "users.csv", "user_id,event_timestamp\n3413-BMNZE,2024-01-31\n0000-NONEX,2023-01-01\n")}})
	if result.Empty != nil {
		t.Errorf("%v is said to be empty", result.Empty)
	}
	result, _ = run(t, historical.Request{References: training[:2],
		Entities: historical.Entities{Path: file(t, "users.csv", "user_id,event_timestamp\n3413-BMNZE,2023-01-31\n")}})
	if diff := cmp.Diff([]string{"months_active", "monthly_fee"}, result.Empty); diff != "" {
		t.Error(diff)
	}
}

func TestRecords(t *testing.T) {
	r := request(t, historical.Request{References: training[:1], Entities: historical.Entities{Path: file(t, "users.csv", january)}})
	rows, err := historical.Records(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	var total int64
	for rows.Next() {
		total += rows.RecordBatch().NumRows()
		if got := rows.RecordBatch().ColumnName(3); got != "months_active" {
			t.Errorf("column 3 is %q", got)
		}
	}
	if rows.Err() != nil || total != 3 {
		t.Errorf("%d rows, %v", total, rows.Err())
	}
}
