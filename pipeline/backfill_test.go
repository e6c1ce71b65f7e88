package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof/pipeline"
)

var march2024 = time.Date(2024, 3, 5, 12, 0, 0, 0, time.UTC)

// TestBackfill: one run for each period, whose parameters follow from its day.
func TestBackfill(t *testing.T) {
	derived := strings.Replace(scheduledHead, `"{{as_of | %Y-%m}}"`, `"{{as_of | m_%Y_%m}}"`, 1)
	derived = strings.Replace(derived, "steps:", "  before: {type: date, default: first day of last month}\nsteps:", 1)
	p, err := loadText(t, derived)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, by, want string }{
		{"2023-11", "2024-02", "month", "2023-11-30 m_2023_11 2023-11-01, 2023-12-31 m_2023_12 2023-12-01, 2024-01-31 m_2024_01 2024-01-01, 2024-02-29 m_2024_02 2024-02-01"},
		{"2024-01-15", "2024-02-28", "month", "2024-01-31 m_2024_01 2024-01-01"},
		{"2024-01-31", "2024-01-31", "month", "2024-01-31 m_2024_01 2024-01-01"},
		{"2024-02-28", "2024-03-01", "day", "2024-02-28 m_2024_02 2024-01-01, 2024-02-29 m_2024_02 2024-02-01, 2024-03-01 m_2024_03 2024-02-01"},
	} {
		b, err := pipeline.NewBackfill(c.from, c.to, c.by, march2024)
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.Values(p, map[string]string{"seeds": "other"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range all {
			got = append(got, v["as_of"]+" "+v["month"]+" "+v["before"])
			if v["seeds"] != "other" {
				t.Errorf("%v: what was given is lost", v)
			}
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s to %s by %s:\n got %s\nwant %s", c.from, c.to, c.by, text, c.want)
		}
	}
	b, err := pipeline.NewBackfill("2024-01", "2024-01", "day", march2024)
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"as_of": "leave it out", "moth": `did you mean "month"?`} {
		if _, err := b.Values(p, map[string]string{given: "x"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", given, err, want)
		}
	}
}

func TestBackfillMistakes(t *testing.T) {
	for _, c := range []struct{ from, to, by, want string }{
		{"January", "2024-02", "month", "from has to be a day like 2024-01-31 or a month like 2024-01, and not \"January\""},
		{"2024-01", "", "month", "to has to be a day"},
		{"2024-02", "2024-01", "month", "ends before it begins"},
		{"2024-01", "2024-03", "month", "ends on 2024-03-31, which has not come yet"},
		{"2024-01-01", "2024-01-30", "month", "no month ends in the range"},
		{"2019-01", "2024-01", "day", "is more than 1000 runs"},
		{"2024-01", "2024-02", "week", "by day or month, and not by \"week\""},
	} {
		if _, err := pipeline.NewBackfill(c.from, c.to, c.by, march2024); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if _, err := pipeline.NewBackfill("1000-01", "2024-02", "month", march2024); err == nil {
		t.Error("a thousand years are not refused")
	}
}
