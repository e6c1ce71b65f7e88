package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// valuesOf returns the parameters of a pipeline that has these.
func valuesOf(t *testing.T, params string, given map[string]string, now time.Time) (pipeline.Values, error) {
	t.Helper()
	head, body, _ := strings.Cut(head, "params:\n")
	_, steps, _ := strings.Cut(body, "steps:\n")
	p, err := loadText(t, head+"timezone: Pacific/Auckland\nparams:\n"+params+"steps:\n"+strings.ReplaceAll(steps, "{{month}}", "{{as_of}}"))
	if err != nil {
		t.Fatal(err)
	}
	return p.Values(given, now)
}

func TestDefaultsInWords(t *testing.T) {
	now := time.Date(2024, 3, 30, 20, 15, 30, 123, time.UTC) // in Auckland a Sunday, the 31st
	for words, want := range map[string]string{
		"today": "2024-03-31", "yesterday": "2024-03-30", "tomorrow": "2024-04-01", "2024-02-29": "2024-02-29",
		"today - 1 month": "2024-02-29", "today + 1 year - 1 month": "2025-02-28", "today - 2 weeks": "2024-03-17", "today+1day": "2024-04-01",
		"last day of last month": "2024-02-29", "first day of next month": "2024-04-01", "last day of this month": "2024-03-31",
		"first day of this week": "2024-03-25", "last day of this week": "2024-03-31", "last day of last quarter": "2023-12-31",
		"first day of this quarter": "2024-01-01", "last day of next year": "2025-12-31", "last day of last month - 1 quarter": "2023-11-29",
	} {
		got, err := valuesOf(t, "  as_of: {type: date, default: "+words+"}\n", nil, now)
		if err != nil || got["as_of"] != want {
			t.Errorf("%s: %v, %v; want %s", words, got["as_of"], err, want)
		}
	}
	params := `  as_of: {type: date, default: last day of last month}
  month: {default: "month_{{as_of | %Y_%m}}"}
  before: {type: date, default: last day of last month of as_of}
  week: {type: date, default: as_of - 7 days}
  at: {type: datetime, default: now - 90 minutes}
  noon: {type: datetime, default: "{{as_of}} 12:00"}
  later: {type: datetime, default: noon + 1 day}
  full: {type: boolean, default: false}
  share: {type: number, default: 1e-1}
  retries: {type: integer, default: 007}
  size: {type: enum, values: [small, 10], default: 10}
`
	got, err := valuesOf(t, params, map[string]string{"as_of": "2024-02-29"}, now)
	want := pipeline.Values{"as_of": "2024-02-29", "month": "month_2024_02", "before": "2024-01-31", "week": "2024-02-22",
		"at": "2024-03-30T18:45:30Z", "noon": "2024-02-29T12:00:00Z", "later": "2024-03-01T12:00:00Z", "full": "false", "share": "0.1", "retries": "7", "size": "10"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, d)
	}
	if got := got.AsOf(); !got.Equal(time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("as of %s", got)
	}
	// What a run began with is what it goes on with.
	again, err := valuesOf(t, params, got, now.AddDate(0, 1, 0))
	if d := cmp.Diff(got, again); d != "" || err != nil {
		t.Errorf("%v, -first +again\n%s", err, d)
	}
}

func TestParametersOfTheWrongTypeAreToldTogether(t *testing.T) {
	params := `  as_of: {type: date}
  at: {type: datetime}
  full: {type: boolean}
  share: {type: number}
  retries: {type: integer}
  size: {type: enum, values: [small, large]}
  name: {}
`
	given := map[string]string{"as_of": "2024-02-30", "at": "soon", "full": "yes", "share": "NaN", "retries": "99999999999999999999", "size": "huge", "nam": "x"}
	_, err := valuesOf(t, params, given, time.Now())
	if asof.ErrorCode(err) != asof.CodeInvalid {
		t.Fatal(err)
	}
	for _, want := range []string{
		`as_of has to be a date like 2024-01-31, and not "2024-02-30"`, `at has to be a time like 2024-01-31T10:00:00Z, and not "soon"`,
		`full has to be true or false, and not "yes"`, `share has to be a number, and not "NaN"`, `retries has to be a whole number`,
		`size has to be one of small, large, and not "huge"`, "name is missing: add name=VALUE", `there is no parameter "nam"; did you mean "name"?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s\n%v", want, err)
		}
	}
	for _, missing := range []string{"as_of=2024-01-31", "at=2024-01-31T10:00:00Z", "full=true", "share=0.5", "retries=1", "size=small"} {
		if _, err := valuesOf(t, params, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "add "+missing) {
			t.Errorf("%s: %v", missing, err)
		}
	}
}
