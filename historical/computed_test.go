package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// onDemand is an on-demand view of subs' fee and usage's hours, and of a request's factor.
func onDemand(name, text string, features ...asof.Field) *asof.OnDemandFeatureView {
	return &asof.OnDemandFeatureView{Name: name, Mode: "pandas", Enabled: true, Features: features,
		Function: &asof.Function{Name: name, Text: text, Mode: "pandas"},
		Sources: []asof.OnDemandSource{
			{Name: "subs", View: &asof.Projection{View: "subs", Features: []asof.Field{field("monthly_fee", asof.TypeFloat32)}}},
			{Name: "usage", View: &asof.Projection{View: "usage", Features: []asof.Field{field("watch_hours_30d", asof.TypeFloat32), field("monthly_fee", asof.TypeFloat32)}}},
			{Name: "request", Request: &asof.DataSource{Name: "request", Kind: asof.SourceRequest, Schema: []asof.Field{field("factor", asof.TypeInt64)}}},
		}}
}

const computing = `@on_demand_feature_view(sources=[subs, usage, request], schema=[Field(name="x", dtype=Float64)])
def computed(df: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame()
    out["scaled"] = df["subs__monthly_fee"] * df["factor"]
    out["user"] = df["user_id"].str.slice(0, 4)
    out["heavy"] = (df["watch_hours_30d"] > 30) & (df["usage__monthly_fee"] > 0)
    return out
`

func TestOnDemandFeatures(t *testing.T) {
	entities := file(t, "users.csv", "user_id,event_timestamp,factor\n3413-BMNZE,2024-01-31,2\n7590-VHVEG,2024-01-31,10\n0000-NONEX,2024-01-31,1\n3413-BMNZE,2024-01-31,3\n")
	view := onDemand("computed", computing, field("scaled", asof.TypeFloat64), field("user", asof.TypeString), field("heavy", asof.TypeBool))
	service := &asof.FeatureService{Name: "model", Projections: []asof.Projection{
		{View: "computed", Alias: "c", Features: []asof.Field{{Name: "scaled"}}}, {View: "usage", Features: []asof.Field{{Name: "monthly_fee"}}}}}
	for _, c := range []struct {
		name string
		ask  historical.Request
		want string
	}{
		{"beside what they read", historical.Request{References: []string{"computed:heavy", "subs:monthly_fee", "computed:scaled"}},
			`user_id,event_timestamp,factor,heavy,monthly_fee,scaled
3413-BMNZE,2024-01-31,2,True,45.25,90.5
7590-VHVEG,2024-01-31,10,False,29.85,298.50000381469727
0000-NONEX,2024-01-31,1,False,,
3413-BMNZE,2024-01-31,3,True,45.25,135.75
`},
		{"alone, a key in use", historical.Request{References: []string{"computed:user"}, Label: "factor"},
			`user_id,event_timestamp,user,factor
3413-BMNZE,2024-01-31,3413,2
7590-VHVEG,2024-01-31,7590,10
0000-NONEX,2024-01-31,0000,1
3413-BMNZE,2024-01-31,3413,3
`},
		{"in a service, full names", historical.Request{Service: "model", FullNames: true},
			`user_id,event_timestamp,factor,c__scaled,usage__monthly_fee
3413-BMNZE,2024-01-31,2,90.5,1.0
7590-VHVEG,2024-01-31,10,298.50000381469727,2.0
0000-NONEX,2024-01-31,1,,
3413-BMNZE,2024-01-31,3,135.75,1.0
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.ask.Snapshot, c.ask.Entities = project(view, service), historical.Entities{Path: entities}
			if _, text := run(t, c.ask); text != c.want {
				t.Error(cmp.Diff(c.want, text))
			}
		})
	}
}

// What a function cannot compute ends the run, and leaves no file.
func TestOnDemandFailures(t *testing.T) {
	for name, c := range map[string]struct{ text, factor, want string }{
		"a mistake of the function": {"def computed(df):\n    df['scaled'] = df['watch_hours_30d'].astype(int)\n    return df\n", "1",
			`on-demand feature view "computed": line 2 of the function (df['scaled'] = df['watch_hours_30d'].astype(int)): a null cannot be made an integer: use fillna first, or astype("Int64")`},
		"request data of another type": {computing, "much", `column "factor" of the entity rows, which on-demand feature view "computed" needs: "much" does not fit Int64`},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.csv")
			entities := file(t, "users.csv", "user_id,event_timestamp,factor\n0000-NONEX,2024-01-31,"+c.factor+"\n")
			_, err := historical.Run(context.Background(), request(t, historical.Request{References: []string{"computed:scaled"}, Output: out,
				Snapshot: project(onDemand("computed", c.text, field("scaled", asof.TypeFloat64))), Entities: historical.Entities{Path: entities}}))
			if err == nil || err.Error() != c.want || asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("there is a file")
			}
		})
	}
}
