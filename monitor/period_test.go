package monitor

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

func at(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

func spans(list []period) string {
	var found []string
	for _, p := range list {
		found = append(found, p.From.Format(time.DateOnly)+".."+p.To.Add(time.Microsecond).Format(time.DateOnly))
	}
	return strings.Join(found, " ")
}

// TestPeriods divides a time, and finds the period that holds a moment: each is
// named by its first day, and by the one behind its last.
func TestPeriods(t *testing.T) {
	for _, c := range []struct {
		g        asof.Granularity
		from, to string // from the first day to the end of the last
		want     string
	}{
		{asof.Daily, "2024-02-28", "2024-03-01", "2024-02-28..2024-02-29 2024-02-29..2024-03-01 2024-03-01..2024-03-02"},
		{asof.Weekly, "2024-02-28", "2024-03-08", "2024-02-28..2024-03-06 2024-03-06..2024-03-09"},
		{asof.Biweekly, "2024-02-28", "2024-03-12", "2024-02-28..2024-03-13"},
		{asof.Monthly, "2024-01-01", "2024-02-29", "2024-01-01..2024-02-01 2024-02-01..2024-03-01"},
		{asof.Monthly, "2024-01-31", "2024-03-31", "2024-01-31..2024-02-29 2024-02-29..2024-03-31 2024-03-31..2024-04-01"},
		{asof.Quarterly, "2023-11-30", "2024-03-05", "2023-11-30..2024-02-29 2024-02-29..2024-03-06"},
	} {
		got, err := divided(c.g, Span{at(c.from), at(c.to).AddDate(0, 0, 1).Add(-time.Microsecond)})
		if d := cmp.Diff(c.want, spans(got)); err != nil || d != "" {
			t.Errorf("%s: %v -want +got\n%s", c.g, err, d)
		}
	}
	for _, c := range []struct{ at, want string }{
		{"2024-02-29", "2024-02-29..2024-03-01 2024-02-26..2024-03-04 2024-02-19..2024-03-04 2024-02-01..2024-03-01 2024-01-01..2024-04-01"},
		{"2023-01-01", "2023-01-01..2023-01-02 2022-12-26..2023-01-02 2022-12-26..2023-01-09 2023-01-01..2023-02-01 2023-01-01..2023-04-01"},
		{"1969-12-31", "1969-12-31..1970-01-01 1969-12-29..1970-01-05 1969-12-22..1970-01-05 1969-12-01..1970-01-01 1969-10-01..1970-01-01"},
	} {
		var got []period
		for _, g := range asof.Granularities {
			got = append(got, holding(g, at(c.at).Add(23*time.Hour)))
		}
		if d := cmp.Diff(c.want, spans(got)); d != "" {
			t.Errorf("%s: -want +got\n%s", c.at, d)
		}
	}
	if _, err := divided(asof.Daily, Span{at("2000-01-01"), at("2024-01-01")}); err == nil || !strings.Contains(err.Error(), "more than 1000 spans of granularity daily") {
		t.Errorf("24 years of days: %v", err)
	}
	for to, want := range map[string]asof.Granularity{"2024-01-01": asof.Daily, "2024-01-02": asof.Weekly, "2024-01-14": asof.Biweekly, "2024-01-31": asof.Monthly,
		"2024-03-31": asof.Quarterly, "2024-12-31": ""} {
		if got := lengthOf(Span{at("2024-01-01"), at(to).Add(24*time.Hour - time.Microsecond)}); got != want {
			t.Errorf("to %s it is %q, want %q", to, got, want)
		}
	}
}
