package historical_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// refused runs a request that has to fail, and checks that nothing was written.
func refused(t *testing.T, r historical.Request, code asof.Code, want string) {
	t.Helper()
	dir := t.TempDir()
	if r.Output == "" {
		r.Output = filepath.Join(dir, "new", "folder", "out.csv")
	}
	_, err := historical.Run(context.Background(), request(t, r))
	if err == nil || asof.ErrorCode(err) != code || err.Error() != want {
		t.Errorf("%v (%s)\nwant %s (%s)", err, asof.ErrorCode(err), want, code)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestChoiceErrors(t *testing.T) {
	odd := project(
		&asof.OnDemandFeatureView{Name: "ratio", Enabled: true, Features: []asof.Field{field("x", asof.TypeFloat64)}},
		onDemand("windowed", "def windowed(df):\n    df['x'] = df['monthly_fee'].rolling(3)\n    return df\n", field("x", asof.TypeFloat64)),
		onDemand("requested", "def requested(df):\n    df['x'] = df['factor'] * df['monthly_fee']\n    return df\n", field("x", asof.TypeFloat64)),
		&asof.FeatureView{Name: "off", Source: &asof.DataSource{}},
		&asof.FeatureView{Name: "stream", Enabled: true, Stream: &asof.DataSource{Kind: asof.SourcePush}},
		&asof.FeatureService{Name: "twice", Projections: []asof.Projection{
			{View: "payments", Features: []asof.Field{{Name: "failed_payments_90d"}}},
			{View: "payments", Features: []asof.Field{{Name: "failed_payments_90d"}}, JoinKeyMap: map[string]string{"user_id": "friend_id"}}}},
		&asof.FeatureService{Name: "old", Projections: []asof.Projection{{View: "payments", Features: []asof.Field{{Name: "failed_payments_30d"}}}}},
		&asof.FeatureService{Name: "computed", Projections: []asof.Projection{{View: "ratio", Features: []asof.Field{{Name: "x"}}}}},
		&asof.FeatureService{Name: "pinned", Projections: []asof.Projection{{View: "payments", VersionTag: new(int32(2))}}},
		&asof.FeatureService{Name: "none"},
		&asof.Opaque{Kind: asof.KindLabelView, Name: "quality"},
		view("a", "rates", nil, field("rate__x", asof.TypeFloat64)), view("a__rate", "rates", nil, field("x", asof.TypeFloat64)),
	)
	entities := historical.Entities{Path: file(t, "users.csv", january)}
	for _, c := range []struct {
		references, service string
		full                bool
		code                asof.Code
		want                string
	}{
		{"", "", false, asof.CodeInvalid, `no features are asked for; name them as view:feature, or name a feature service`},
		{"subs:monthly_fee", "churn", false, asof.CodeInvalid, `features and the feature service "churn" are asked for at once; ask for one of the two`},
		{"monthly_fee", "", false, asof.CodeInvalid, `"monthly_fee" is not a feature reference; write it as view:feature`},
		{"sub:monthly_fee", "", false, asof.CodeNotFound, `feature view "sub" does not exist in this project; did you mean "subs"?`},
		{"subs@v3:monthly_fee", "", false, asof.CodeInvalid, `version 3 of feature view "subs" is asked for, and the registry's definition is version 0; only that one can be read`},
		{"subs@v0:monthly_fee subs@latest:monthly_fee", "", false, asof.CodeInvalid, `feature "subs@latest:monthly_fee" is asked for twice; ask for it once`},
		{"subs:monthly_fees", "", false, asof.CodeNotFound, `feature view "subs" has no feature "monthly_fees"; did you mean "monthly_fee"?`},
		{"subs:monthly_fee subs:net_service subs:monthly_fee", "", false, asof.CodeInvalid, `feature "subs:monthly_fee" is asked for twice; ask for it once`},
		{"subs:monthly_fee usage:monthly_fee", "", false, asof.CodeInvalid,
			`features "subs:monthly_fee" and "usage:monthly_fee" have the same name; ask for full feature names (--full-feature-names), subs__monthly_fee and usage__monthly_fee, or leave one out`},
		{"a:rate__x a__rate:x", "", true, asof.CodeInvalid, `features "a:rate__x" and "a__rate:x" have the same full name "a__rate__x"; leave one out`},
		{"ratio:x", "", false, asof.CodeInvalid, `on-demand feature view "ratio" has no function`},
		{"ratio:y", "", false, asof.CodeNotFound, `on-demand feature view "ratio" has no feature "y"; did you mean "x"?`},
		{"windowed:x", "", false, asof.CodeInvalid, `on-demand feature view "windowed": line 2 of the function (df['x'] = df['monthly_fee'].rolling(3)): .rolling() of a column takes other rows into account, which asof cannot run; use element-wise operations, or configure asof.python`},
		{"requested:x requested:x", "", false, asof.CodeInvalid, `feature "requested:x" is asked for twice; ask for it once`},
		{"requested:x", "", false, asof.CodeInvalid, entities.Path + `: there is no column "factor", request data that on-demand feature view "requested" needs; known: user_id, event_timestamp, churn_label`},
		{"off:x", "", false, asof.CodeInvalid, "feature view \"off\" is disabled and serves no features: `feature-views enable off`, or enabled=True in its definition and `apply`"},
		{"stream:x", "", false, asof.CodeInvalid, `feature view "stream" has no batch source: its history cannot be read`},
		{"quality:good", "", false, asof.CodeNotFound, `"quality" is a label view: it is registered and listed, and its labels are not read`},
		{"", "chrun", false, asof.CodeNotFound, `feature service "chrun" does not exist in this project; did you mean "churn"?`},
		{"", "twice", true, asof.CodeInvalid, `feature service "twice" has "payments:failed_payments_90d" twice; give one of the two views a name of its own with .with_name("…")`},
		{"", "old", false, asof.CodeNotFound, `feature service "old": feature view "payments" has no feature "failed_payments_30d"; did you mean "failed_payments_90d"?`},
		{"", "computed", false, asof.CodeInvalid, `on-demand feature view "ratio" has no function`},
		{"", "pinned", false, asof.CodeInvalid, `feature service "pinned": version 2 of feature view "payments" is asked for, and the registry's definition is version 0; only that one can be read`},
		{"", "none", false, asof.CodeInvalid, `feature service "none" has no features`},
	} {
		refused(t, historical.Request{Snapshot: odd, References: strings.Fields(c.references), Service: c.service, FullNames: c.full, Entities: entities}, c.code, c.want)
	}
}

func TestOutputErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ output, want string }{
		{"train.json", `the output train.json: files that end in ".json" are not written; name a .csv, .parquet or .arrow file`},
		{"train", `the output train: files that end in "" are not written; name a .csv, .parquet or .arrow file`},
		{dir, "the output " + dir + " is a folder; name a .csv, .parquet or .arrow file"},
	} {
		refused(t, historical.Request{References: training, Output: c.output, Entities: historical.Entities{Path: file(t, "users.csv", january)}}, asof.CodeInvalid, c.want)
	}
	if _, err := historical.Run(context.Background(), historical.Request{}); err == nil || err.Error() != "the output is missing; name a .csv, .parquet or .arrow file" {
		t.Error(err)
	}
}

func TestEntityErrors(t *testing.T) {
	typed := project(view("numbers", "payments_90d", []asof.Field{field("n", asof.TypeInt64)}, field("failed_payments_90d", asof.TypeInt64)))
	numbers := []string{"numbers:failed_payments_90d"}
	for _, c := range []struct {
		name, text string
		references []string
		label      string
		want       string // after the file's name
	}{
		{"empty", "", training, "", `: the file is empty; its first line has to name the columns`},
		{"no key", "user,event_timestamp\na,2024-01-31\n", training, "", `: there is no column "user_id", the join key of feature views "subs", "usage", "payments"; known: user, event_timestamp`},
		{"nearly a key", "userid,event_timestamp\na,2024-01-31\n", training[:1], "", `: there is no column "user_id", the join key of feature view "subs"; did you mean "userid"?`},
		{"no time", "user_id,x\na,b\n", training, "", `: there is no column "event_timestamp", the time as of which each row asks, and no other column holds times; known: user_id, x`},
		{"two times", "user_id,a,b\nx,2024-01-31,2024-01-31T10:00:00Z\n", training, "", `: there is no column "event_timestamp", and more than one other holds times: a, b; rename the one that counts to event_timestamp`},
		{"a feature's name", "user_id,event_timestamp,monthly_fee\na,2024-01-31,1\n", training, "", `: column "monthly_fee" has the name of the feature "subs:monthly_fee"; rename the column, leave it out, or ask for full feature names (--full-feature-names), here subs__monthly_fee`},
		{"no label", "user_id,event_timestamp,churn\na,2024-01-31,1\n", training[:1], "churned", `: there is no column "churned" to put last as the label; did you mean "churn"?`},
		{"an index", ",user_id,event_timestamp\n0,a,2024-01-31\n", training, "", `: column 1 has no name; name it, or write the file without its index (to_csv(index=False))`},
		{"one name twice", "user_id,user_id,event_timestamp\na,b,2024-01-31\n", training, "", `: two columns are named "user_id"; rename one`},
		{"semicolons", "user_id;event_timestamp\na;2024-01-31\n", training, "", `:1: the columns are not separated by commas; write the file with commas`},
		{"CR alone", "user_id,event_timestamp\ra,2024-01-31\r", training, "", `: its lines end in CR alone; write it with LF or CRLF`},
		{"a short row", "user_id,event_timestamp\na,2024-01-31\n\nb\n", training, "", `:4: the number of fields is 1, and the header has 2`},
		{"a long row", "user_id,event_timestamp\na,2024-01-31,\n", training, "", `:2: the number of fields is 3, and the header has 2`},
		{"no time there", "user_id,event_timestamp\na,2024-01-31\nb,31/01/2024\n", training, "", `:3: event_timestamp is "31/01/2024", not a time; write it as 2024-01-31, 2024-01-31 10:00:00 or 2024-01-31T10:00:00Z`},
		{"an open quote", "user_id,event_timestamp\n\"a,2024-01-31\nb,2024-01-31\n", training, "", `:2: a quoted field does not end as it should, up to line 3; close its quotes, and double quotes inside it`},
		{"a stray quote", "user_id,event_timestamp\na\"b,2024-01-31\n", training, "", `:2: a quote stands where none can (column 2); quote the whole field, and double quotes inside it`},
		{"Latin-1", "user_id,event_timestamp\nZo\xeb,2024-01-31\n", training, "", `:2: "Zo\xeb" is not UTF-8; save the file as UTF-8`},
		{"UTF-16", "\xff\xfeu\x00", training, "", `: the file is UTF-16; save it as UTF-8`},
		{"a wrong key", "n,event_timestamp\n1,2024-01-31\n\nseven,2024-01-31\n", numbers, "", `:4: n is "seven", which does not fit Int64, the declared type of the join key`},
		{"beyond nanoseconds", "user_id,event_timestamp\na,2024-01-31 00:00:00.000000001\nb,9999-12-31\n", training, "", `:3: event_timestamp is 9999-12-31, which is not a time between 1677 and 2262, the limits of nanoseconds`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := file(t, "users.csv", c.text)
			refused(t, historical.Request{Snapshot: typed, References: c.references, Label: c.label, Entities: historical.Entities{Path: path}}, asof.CodeInvalid, path+c.want)
		})
	}
}

func TestEntitySourceErrors(t *testing.T) {
	broken := file(t, "users.parquet", "PAR1 but no more")
	for _, c := range []struct {
		entities historical.Entities
		want     string
	}{
		{historical.Entities{}, "entity rows are missing: give a .csv, .parquet or .arrow file, SQL, JSON, or a span of time"},
		{historical.Entities{Path: "a.csv", SQL: "SELECT 1"}, "entity rows are given in more than one way; give a file, SQL, JSON, or a span of time"},
		{historical.Entities{Path: "users.xlsx"}, `entity rows users.xlsx: files that end in ".xlsx" are not read; give a .csv, .parquet or .arrow file`},
		{historical.Entities{Path: "absent.csv"}, "entity rows absent.csv cannot be read: no such file or directory"},
		{historical.Entities{Path: "absent.parquet"}, "entity rows absent.parquet cannot be read as Parquet: open absent.parquet: no such file or directory"},
		{historical.Entities{Path: broken}, "entity rows " + broken + " cannot be read as Parquet: parquet: file is smaller than indicated metadata size"},
		{historical.Entities{SQL: "SELECT nothing"}, `data source "entity rows": there is no table "SELECT nothing"; known: SELECT labels, payments_90d, rates, subscriptions, usage_30d`},
	} {
		refused(t, historical.Request{References: training, Entities: c.entities}, asof.CodeInvalid, c.want)
	}
	numbers := project(view("numbers", "payments_90d", []asof.Field{field("churn_label", asof.TypeInt64)}, field("failed_payments_90d", asof.TypeInt64)))
	refused(t, historical.Request{Snapshot: numbers, References: []string{"numbers:failed_payments_90d"}, Entities: historical.Entities{SQL: "SELECT labels"}},
		asof.CodeInvalid, `the SQL of the entity rows: the join key "churn_label" is bool, which cannot be compared with its declared type Int64`)
}
