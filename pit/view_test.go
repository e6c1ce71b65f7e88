package pit_test

import (
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

func TestViewNamesWhatItsSourceLacks(t *testing.T) {
	have := columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal", "months", "int")
	for _, c := range []struct {
		change func(*asof.ViewQuery)
		want   string
	}{
		{func(q *asof.ViewQuery) { q.Keys[0].Column = "userid" }, `feature view "profile": its source "profiles" has no column "userid", the join key; did you mean "user_id"?`},
		{func(q *asof.ViewQuery) { q.Features[0].Column = "fee" }, `feature view "profile": its source "profiles" has no column "fee", a feature; known: user_id, as_of, monthly_fee, months`},
		{func(q *asof.ViewQuery) { q.Timestamp = "asof" }, `feature view "profile": its source "profiles" has no column "asof", its timestamp; did you mean "as_of"?`},
		{func(q *asof.ViewQuery) { q.Timestamp = "months" }, `feature view "profile": column "months" of its source "profiles" is BIGINT, not a timestamp or a date`},
		{func(q *asof.ViewQuery) { q.Timestamp = "" }, `feature view "profile": its source "profiles" has no timestamp_field`},
	} {
		q := profile()
		q.Source = &asof.DataSource{Name: "profiles"}
		c.change(&q)
		_, err := pit.NewView(q, "profiles", have)
		if err == nil || err.Error() != c.want || asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%v (%s)\nwant %s", err, asof.ErrorCode(err), c.want)
		}
	}
}

// A column that only decides between equal rows may be gone from the source.
func TestViewLeavesOutAbsentTieBreakers(t *testing.T) {
	q := profile()
	q.Source = &asof.DataSource{Name: "profiles"}
	v, err := pit.NewView(q, "profiles", columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal"))
	if err != nil {
		t.Fatal(err)
	}
	if sql := pit.Historical(pit.DuckDB, &pit.Query{Views: []*pit.View{v}}); strings.Contains(sql, "months") {
		t.Errorf("the query reads a column that is not there:\n%s", sql)
	}
}
