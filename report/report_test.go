package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/report"
	"github.com/asof-dev/asof/statistics"
)

func day(month time.Month, day int) asof.DriftSide {
	from := time.Date(2024, month, day, 0, 0, 0, 0, time.UTC)
	return asof.DriftSide{From: from, To: from.AddDate(0, 0, 1).Add(-time.Microsecond)}
}

// numbers is a profile of 1000 values from low to low+100 in ten bins.
func numbers(feature string, kind asof.ProfileKind, low float64, bins ...int64) asof.Profile {
	p := asof.Profile{Feature: feature, Kind: kind, Rows: 1000, Distinct: 900, Bins: bins}
	high, mean, deviation := low+100, low+50, 28.9
	p.Min, p.Max, p.Mean, p.Stddev = &low, &high, &mean, &deviation
	for i := range len(bins) - 1 {
		p.Edges = append(p.Edges, float64(10*(i+1)))
	}
	for _, level := range asof.ProfileLevels {
		p.Quantiles = append(p.Quantiles, low+100*level)
	}
	return p
}

func texts(feature string, counts ...asof.ValueCount) asof.Profile {
	p := asof.Profile{Feature: feature, Kind: asof.ProfileCategory, Nulls: 10, Rows: 10, Distinct: int64(len(counts)), Top: counts}
	for _, c := range counts {
		p.Rows += c.Count
	}
	return p
}

func judged(t statistics.Thresholds, before, now asof.Profile) monitor.Feature {
	return monitor.Feature{Drift: t.Judge(&before, &now), Thresholds: t, Reference: before, Current: now}
}

// drift compares what is hostile, and one feature of each kind.
func drift() *report.Drift {
	const hostile = `"><script>alert(1)</script>`
	never := statistics.Defaults()
	never.PSI = math.NaN()
	opaque := asof.Profile{Feature: "map", Kind: asof.ProfileOpaque, Rows: 10}
	var many []asof.ValueCount
	for i := range 50 {
		many = append(many, asof.ValueCount{Text: fmt.Sprint("city ", i), Count: int64(100 - i)})
	}
	features := []monitor.Feature{
		judged(never, numbers("fee", asof.ProfileNumber, 0, 100, 400, 400, 100), numbers("fee", asof.ProfileNumber, 60, 0, 100, 100, 800)),
		judged(statistics.Defaults(), texts("plan", asof.ValueCount{Text: hostile, Count: 50}, asof.ValueCount{Text: "", Count: 40}), texts("plan", asof.ValueCount{Text: "été", Count: 90})),
		judged(statistics.Defaults(), texts("city", many...), texts("city", many...)),
		judged(statistics.Defaults(), numbers("since", asof.ProfileTime, 1.7e9, 0, 1000), numbers("since", asof.ProfileTime, 1.7e9, 0, 1000)),
		judged(statistics.Defaults(), opaque, opaque),
		judged(statistics.Defaults(), opaque, numbers("map", asof.ProfileNumber, 0, 1, 2)),
		judged(statistics.Defaults(), texts("none", asof.ValueCount{Text: "a", Count: 3}), asof.Profile{Feature: "none", Kind: asof.ProfileCategory}),
		judged(statistics.Defaults(), asof.Profile{Feature: "new one", Kind: asof.ProfileNumber}, numbers("new one", asof.ProfileNumber, 0, 500, 500)),
	}
	return &report.Drift{Project: hostile, Made: time.Date(2024, 3, 1, 7, 0, 0, 0, time.UTC), By: "asof test", Reference: day(1, 31), Current: day(2, 29),
		Views: []monitor.View{{View: "users" + hostile, Verdict: asof.VerdictDrifted, Features: features}}}
}

func html(t *testing.T, d *report.Drift) string {
	t.Helper()
	var out bytes.Buffer
	if err := d.HTML(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestHTML holds that a report says what it should, escapes what others wrote,
// and asks nothing of a network.
func TestHTML(t *testing.T) {
	text := html(t, drift())
	for _, says := range []string{"3 of 8 features drifted, 2 could not be compared", "2024-02-29 against 2024-01-31", "KS is 0.7, from 0.2 on it has drifted", "vanished: ", "new: été",
		`<td class="number">never</td>`, "(empty text)", "(all others)", `<td class="number">100.00 %</td><td class="number">–</td>`, "it is number, and was opaque", "the reference has no rows", "2023-11-14 22:13:20", `id="users&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;.new_one"`} {
		if !strings.Contains(text, says) {
			t.Errorf("the report does not say %s", says)
		}
	}
	if strings.Contains(text, "<script") || regexp.MustCompile(`(?i)(src|href)="(https?:|//|data:|javascript:)|url\(|@import`).MatchString(text) {
		t.Error("the report holds a script, or asks something of a network")
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(text, -1) {
		ids[id[1]] = true
	}
	if n := strings.Count(text, "<svg"); n != 6 {
		t.Errorf("%d charts", n)
	}
	if len(ids) != 2+7 { // the feature "map" is there twice
		t.Errorf("anchors %v", ids)
	}
}

// TestManyFeatures writes 400 features, each with its place in the contents.
func TestManyFeatures(t *testing.T) {
	d := &report.Drift{Project: "p", Reference: day(1, 31), Current: day(2, 29)}
	for v := range 4 {
		view := monitor.View{View: fmt.Sprint("view", v), Verdict: asof.VerdictStable}
		for f := range 100 {
			name := fmt.Sprint("f", f)
			view.Features = append(view.Features, judged(statistics.Defaults(), numbers(name, asof.ProfileNumber, 0, 100, 400, 400, 100), numbers(name, asof.ProfileNumber, 0, 100, 400, 390, 110)))
		}
		d.Views = append(d.Views, view)
	}
	text := html(t, d)
	for _, place := range []string{`"#view3.f99"`, `id="view3.f99"`, "0 of 400 features drifted."} {
		if !strings.Contains(text, place) {
			t.Errorf("%s is not there", place)
		}
	}
	if len(text) > 400*8<<10 {
		t.Errorf("%d bytes", len(text))
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestNothing(t *testing.T) {
	if text := html(t, &report.Drift{Project: "p", Reference: day(1, 31), Current: day(2, 29)}); !strings.Contains(text, "No feature was compared") {
		t.Error(text)
	}
	if err := drift().HTML(full{}); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
}

func TestSideName(t *testing.T) {
	at := func(text string) time.Time {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err)
		}
		return t
	}
	answered := day(1, 31)
	answered.Source = asof.StatisticsLog
	for want, side := range map[string]asof.DriftSide{
		"2024-01-31": day(1, 31), "the baseline": {Name: "baseline"}, "train.csv": {Name: "train.csv", To: at("2024-01-31T00:00:00Z")},
		"2024-02":                              {From: at("2024-02-01T00:00:00Z"), To: at("2024-02-29T23:59:59.999999Z")},
		"2024-02-03 to 2024-02-29":             {From: at("2024-02-03T00:00:00Z"), To: at("2024-02-29T23:59:59.999999Z")},
		"2024-02-03 01:00 to 2024-02-03 02:00": {From: at("2024-02-03T02:00:00+01:00"), To: at("2024-02-03T02:00:00Z")},
		"until 2024-02-03":                     {To: at("2024-02-03T02:00:00Z")}, "all rows": {}, "answers of 2024-01-31": answered,
	} {
		if got := report.SideName(side); got != want {
			t.Errorf("%+v is %q, want %q", side, got, want)
		}
	}
}
