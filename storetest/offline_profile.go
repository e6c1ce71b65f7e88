package storetest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/asof-dev/asof"
)

// profileTypes are the types of the suite's columns, and what a view declares them as.
var profileTypes = []struct {
	sql  string
	typ  asof.ValueType
	kind asof.ProfileKind
}{
	{"double", asof.TypeFloat64, asof.ProfileNumber}, {"real", asof.TypeFloat32, asof.ProfileNumber}, {"bigint", asof.TypeInt64, asof.ProfileNumber},
	{"numeric(10,2)", asof.TypeFloat32, asof.ProfileNumber}, {"boolean", asof.TypeBool, asof.ProfileCategory}, {"text", asof.TypeString, asof.ProfileCategory},
	{"timestamptz", asof.TypeUnixTimestamp, asof.ProfileTime}, {"date", asof.TypeUnixTimestamp, asof.ProfileTime},
	{"bigint[]", asof.TypeInt64List, asof.ProfileLength}, {"bytea", asof.TypeBytes, asof.ProfileLength}, {"json", asof.TypeMap, asof.ProfileOpaque},
}

// profiled returns a view of a table with a column of each type, whose names
// need quotes.
func profiled(t *testing.T, u OfflineUnderTest, rows [][]*string) asof.ViewQuery {
	made := OfflineTable{Name: "Profilé", Columns: []asof.TableColumn{{Name: "user", Type: "bigint"}, {Name: "at", Type: "timestamptz"}}, Rows: rows}
	view := asof.ViewQuery{View: "profile", Timestamp: "at", Keys: []asof.KeyColumn{{Column: "user", Entity: "user", Type: asof.Scalar(asof.TypeInt64)}}}
	for i, c := range profileTypes {
		name := fmt.Sprintf("Été %d", i)
		made.Columns = append(made.Columns, asof.TableColumn{Name: name, Type: c.sql})
		view.Features = append(view.Features, asof.FeatureColumn{Column: name, Output: c.sql, Type: asof.Scalar(c.typ)})
	}
	view.Source = u.Load(t, made)
	view.Source.TimestampField = "at"
	return view
}

func profiler(t *testing.T, u OfflineUnderTest) asof.Profiler {
	t.Helper()
	p, ok := u.OfflineStore.(asof.Profiler)
	if !ok {
		t.Fatal("the store does not describe values")
	}
	return p
}

var profileEqual = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateApprox(1e-9, 1e-12)}

// A profile says what is in each kind of column, and nothing of what it is not asked for. Columns declared Float32
// are described as such, by their shortest decimals, whatever type the source gives them.
func offlineProfile(t *testing.T, u OfflineUnderTest) {
	var rows [][]*string
	words := [][]string{
		{"1.5", "0.1", "1", "10.3", "true", "été", "2024-01-01", "2024-01-01", "[1,2]", `ab`, `{"a":1}`},
		{"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
		{"NaN", "NaN", "2", "10.3", "false", " ", "2024-01-02", "2024-01-02", "[]", `é`, `{}`},
		{"+Inf", "-Inf", "9007199254740991", "-0.5", "true", "été", "2024-01-01T00:00:00.000001", "1969-12-31", "[-,3,4]", `a`, `{"b":2}`},
		{"-2.5", "2.5", "-3", "99999999.99", "true", "日本", "2024-01-01", "2024-01-01", "[5]", `a`, `[]`},
		{"1e200", "2.5", "1", "10.3", "-", "z'\"", "2024-01-01", "2024-01-01", "[5]", `a`, `1`},
	}
	add := func(at string, values []string) {
		row := []*string{new(strconv.Itoa(len(rows))), &at}
		if at == "-" {
			row[1] = nil
		}
		for _, v := range values {
			if v == "-" {
				row = append(row, nil)
			} else {
				row = append(row, new(v))
			}
		}
		rows = append(rows, row)
	}
	for i, values := range words {
		add([]string{"2024-01-31", "2024-02-29"}[i%2], values)
	}
	for _, at := range []string{"2024-01-30T23:59:59.999999", "2024-02-29T00:00:00.000001", "-"} { // outside of the span
		add(at, words[0])
	}
	view := profiled(t, u, rows)
	edges := map[string][]float64{"double": {-2.5, 0, 1.5}, "real": {math.Nextafter(0.1, 0), 0.1, 2.5}, "numeric(10,2)": {-0.5, 10.3}, "bigint": {1}, "text": {1}, "bigint[]": {0, 1, 2}}
	got, err := profiler(t, u).Profile(t.Context(), &asof.ProfileQuery{View: view, Edges: edges,
		From: time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC), To: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	first := float64(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	texts := func(pairs ...any) (list []asof.ValueCount) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, asof.ValueCount{Text: pairs[i].(string), Count: int64(pairs[i+1].(int))})
		}
		return list
	}
	numbers := func(pairs ...float64) (list []asof.ValueCount) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, asof.ValueCount{Number: pairs[i], Count: int64(pairs[i+1])})
		}
		return list
	}
	want := []asof.Profile{
		{NaNs: 1, Infinite: 2, Distinct: 2, Min: new(-2.5), Max: new(1.5), Mean: new(-0.5), Stddev: new(math.Sqrt(8)), Edges: edges["double"], Bins: []int64{1, 0, 1, 0}, Top: numbers(-2.5, 1, 1.5, 1)},
		{NaNs: 1, Infinite: 1, Distinct: 2, Min: new(0.1), Max: new(2.5), Mean: new((float64(float32(0.1)) + 5) / 3), Stddev: new(math.Sqrt(1.92) - 8.6e-10), Edges: edges["real"], Bins: []int64{0, 1, 2, 0}, Top: numbers(2.5, 2, 0.1, 1)},
		{Distinct: 4, Min: new(-3.0), Max: new(9007199254740991.0), Mean: new(9007199254740992.0 / 5), Stddev: new(4028241869560690.0), Edges: edges["bigint"], Bins: []int64{3, 2}, Top: numbers(1, 2, -3, 1, 2, 1, 9007199254740991, 1)},
		{Distinct: 3, Min: new(-0.5), Max: new(1e8), Mean: new(100000030.4 / 5), Stddev: new(44721356.0), Edges: edges["numeric(10,2)"], Bins: []int64{1, 3, 1}, Top: numbers(10.3, 3, -0.5, 1, 1e8, 1)},
		{Nulls: 1, Distinct: 2, Top: texts("true", 3, "false", 1)},
		{Distinct: 4, Top: texts("été", 2, " ", 1, "z'\"", 1, "日本", 1)},
		{Distinct: 3, Min: new(first), Max: new(first + 86400), Mean: new(first + 86400.000001/5), Stddev: new(38639.0), Top: numbers(first, 3, first+1e-6, 1, first+86400, 1)},
		{Distinct: 3, Min: new(-86400.0), Max: new(first + 86400), Mean: new(first*4/5 + 0), Stddev: new(0.0), Top: numbers(first, 3, -86400, 1, first+86400, 1)},
		{Distinct: 4, Min: new(0.0), Max: new(3.0), Mean: new(1.4), Stddev: new(math.Sqrt(1.3)), Edges: edges["bigint[]"], Bins: []int64{1, 2, 1, 1}, Top: numbers(1, 2, 0, 1, 2, 1, 3, 1)},
		{Distinct: 2, Min: new(1.0), Max: new(2.0), Mean: new(1.4), Stddev: new(math.Sqrt(0.3)), Top: numbers(1, 3, 2, 2)},
		{},
	}
	for i, c := range profileTypes {
		want[i].Feature, want[i].Kind, want[i].Rows, want[i].Nulls = c.sql, c.kind, 6, want[i].Nulls+1
		if n := len(got[i].Quantiles); (n > 0) != (want[i].Min != nil) || n > 0 && !slices.IsSorted(got[i].Quantiles) {
			t.Errorf("%s: quantiles %v", c.sql, got[i].Quantiles)
		}
		got[i].Quantiles = nil
		if wide := want[i].Stddev; wide != nil && (*wide > 1000 || *wide == 0) { // those of the suite's random rows are compared
			want[i].Stddev = got[i].Stddev
		}
	}
	if d := cmp.Diff(want, got, profileEqual); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// Nothing is known of no rows.
func offlineProfileEmpty(t *testing.T, u OfflineUnderTest) {
	view := profiled(t, u, nil)
	got, err := profiler(t, u).Profile(t.Context(), &asof.ProfileQuery{View: view, To: time.Now(), Edges: map[string][]float64{"double": {1, 2}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		want := asof.Profile{Feature: profileTypes[i].sql, Kind: profileTypes[i].kind}
		if i == 0 {
			want.Edges, want.Bins = []float64{1, 2}, []int64{0, 0, 0}
		}
		if d := cmp.Diff(want, p, profileEqual); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	}
	view.Features = nil
	if got, err := profiler(t, u).Profile(t.Context(), &asof.ProfileQuery{View: view, To: time.Now()}); err != nil || len(got) != 0 {
		t.Errorf("of no features: %v, %v", got, err)
	}
	view.Features = []asof.FeatureColumn{{Column: "fee", Output: "fee"}}
	if _, err := profiler(t, u).Profile(t.Context(), &asof.ProfileQuery{View: view, To: time.Now()}); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("of a column that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := profiler(t, u).Profile(ctx, &asof.ProfileQuery{View: view, To: time.Now()}); !isCancelled(err) {
		t.Errorf("cancelled: %v", err)
	}
}

// Random rows have the profile that the oracle makes of them.
func offlineProfileAgrees(t *testing.T, u OfflineUnderTest) {
	r := rand.New(rand.NewPCG(7, 8))
	var rows [][]*string
	for i := range 1500 {
		day := time.Date(2024, 1, 1+r.IntN(60), r.IntN(24), 0, 0, 0, time.UTC)
		values := []string{strconv.FormatFloat(r.NormFloat64()*5, 'g', -1, 64), strconv.Itoa(r.IntN(5)), strconv.Itoa(r.IntN(100) - 50), fmt.Sprintf("%.2f", r.Float64()*100),
			strconv.FormatBool(r.IntN(3) > 0), fmt.Sprintf("é%d", r.IntN(80)), day.Format(time.RFC3339), day.Format(time.DateOnly), "[1,2,3]"[:2*r.IntN(3)+2] + "]", `ab`, "{}"}
		row := []*string{new(strconv.Itoa(i)), new(day.Format(time.RFC3339))}
		for _, v := range values {
			if r.IntN(10) == 0 {
				row = append(row, nil)
			} else {
				row = append(row, new(v))
			}
		}
		rows = append(rows, row)
	}
	q := &asof.ProfileQuery{Edges: map[string][]float64{"double": {-5, -1, 0, 1, 5}, "bigint": {-51, -25, 0, 25, 50}, "date": {1.7e9, 1.71e9}},
		From: time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC), To: time.Date(2024, 2, 20, 0, 0, 0, 0, time.UTC)}
	var answers [][]asof.Profile
	for _, under := range []OfflineUnderTest{MemoryOffline(t), u} {
		q.View = profiled(t, under, rows)
		got, err := profiler(t, under).Profile(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, got)
	}
	if d := cmp.Diff(answers[0], answers[1], profileEqual); d != "" {
		t.Errorf("-memory +%s\n%s", u.Name, d)
	}
}

// ProfileMillion describes a million rows that the engine's SQL makes: all of
// them, and then a sample.
func ProfileMillion(t *testing.T, store asof.Profiler) {
	const n = 1_000_000
	view := asof.ViewQuery{View: "many", Timestamp: "at", Source: &asof.DataSource{Name: "many", Kind: asof.SourcePostgres, TimestampField: "at",
		Query: "SELECT g AS k, timestamptz '2024-01-31 00:00:00+00' AS at, CAST(g % 1000 AS double precision) AS v, CASE WHEN g % 10 <> 0 THEN 'k' || (g % 7) END AS t FROM generate_series(1, 1000000) AS s(g)"},
		Keys:     []asof.KeyColumn{{Column: "k", Entity: "k", Type: asof.Scalar(asof.TypeInt64)}},
		Features: []asof.FeatureColumn{{Column: "v", Output: "v", Type: asof.Scalar(asof.TypeFloat64)}, {Column: "t", Output: "t", Type: asof.Scalar(asof.TypeString)}}}
	q := &asof.ProfileQuery{View: view, To: time.Now(), Edges: map[string][]float64{"v": {99, 499}}}
	whole, err := store.Profile(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	v, text := whole[0], whole[1]
	if v.Rows != n || v.Distinct != 1000 || v.Sampled != 0 || *v.Mean != 499.5 || v.Quantiles[10] != 499.5 || !slices.Equal(v.Bins, []int64{n / 10, 4 * n / 10, n / 2}) {
		t.Errorf("numbers: %+v", v)
	}
	if text.Nulls != n/10 || text.Distinct != 7 || len(text.Top) != 7 || text.Top[0].Count < text.Top[6].Count {
		t.Errorf("categories: %+v", text)
	}
	q.Exact = 100_000
	some, err := store.Profile(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	s := some[0]
	if math.Abs(float64(s.Sampled)-1e5) > 2000 || s.RankError < 0.004 || s.RankError > 0.0044 {
		t.Errorf("%d rows are sampled, with an error of %g", s.Sampled, s.RankError)
	}
	for i, level := range asof.ProfileLevels { // v is uniform: a value's level is a thousandth of it
		if math.Abs(s.Quantiles[i]/1000-level) > 2*s.RankError {
			t.Errorf("the quantile of %g is %g", level, s.Quantiles[i])
		}
	}
	if s.Rows != v.Rows || *s.Mean != *v.Mean || math.Abs(*s.Stddev-*v.Stddev) > 1e-9 || !slices.Equal(s.Bins, v.Bins) || some[1].Nulls != text.Nulls {
		t.Errorf("what is exact of a sample: %+v, want %+v", s, v)
	}
}
