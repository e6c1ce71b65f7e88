package pipeline_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// scheduledHead is a pipeline whose parameters all have a value without being
// given one, and two loads.
const scheduledHead = `name: p
timezone: Europe/Berlin
params:
  seeds: {type: string, default: data/seeds}
  as_of: {type: date, default: last day of last month}
  month: {type: string, default: "{{as_of | %Y-%m}}"}
steps:
  - load: users
    file: "{{seeds}}/{{month}}/users.csv"
    key: id
    columns: {id: integer}
  - load: usage
    file: "{{ seeds }}/{{month}}/usage/{{as_of}}.csv"
    key: id
    columns: {id: integer}
`

// TestScheduleValues: what the runs of a schedule are given.
func TestScheduleValues(t *testing.T) {
	for _, c := range []struct {
		schedule, at string
		found        map[string]string
		want         string
	}{
		{"{cron: 0 6 5 * *}", "2024-03-05T05:00:00Z", nil, "2024-02-29 2024-02 data/seeds"},
		{"{cron: 30 0 1 * *}", "2024-02-29T23:30:00Z", nil, "2024-02-29 2024-02 data/seeds"}, // March in Berlin
		{"{cron: '@daily', params: {as_of: yesterday, seeds: other}}", "2024-03-05T05:00:00Z", nil, "2024-03-04 2024-03 other"},
		{"{folder: '{{seeds}}/{month}'}", "2024-03-05T05:00:00Z", map[string]string{"month": "m_1"}, "2024-02-29 m_1 data/seeds"},
		{"{folder: '{{seeds}}/{as_of}', marker: D}", "2024-03-05T05:00:00Z", map[string]string{"as_of": "2023-01-31"}, "2023-01-31 2023-01 data/seeds"},
	} {
		p, err := loadText(t, scheduledHead+"schedule: "+c.schedule+"\n")
		if err != nil {
			t.Fatal(err)
		}
		entries := p.Entries("/repo", "shop")
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil || len(entries) != 1 {
			t.Fatal(err, entries)
		}
		run, err := entries[0].Run(at, c.found)
		if err != nil || run.Project != "shop" || run.Pipeline != "p" || len(run.Uses) == 0 {
			t.Fatalf("%+v, %v", run, err)
		}
		if text := run.Params["as_of"] + " " + run.Params["month"] + " " + run.Params["seeds"]; text != c.want {
			t.Errorf("%s: %s, want %s", c.schedule, text, c.want)
		}
	}
}

func TestSchedules(t *testing.T) {
	p, err := loadText(t, scheduledHead+"schedule:\n  - cron: 0 6 L * *\n    catch_up: all\n  - every: 6h\n  - folder: \"{{seeds}}/{month}\"\n    settle: 5s\n")
	if err != nil {
		t.Fatal(err)
	}
	after := time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	cron, every, folder := p.Schedules[0], p.Schedules[1], p.Schedules[2]
	if next := cron.Times.Next(after); !next.Equal(time.Date(2024, 2, 29, 5, 0, 0, 0, time.UTC)) || cron.CatchUp != "all" || cron.Text != "cron 0 6 L * *" {
		t.Errorf("%+v, next %s", cron, next)
	}
	if next := every.Times.Next(after); !next.Equal(after.Add(6*time.Hour)) || every.CatchUp != "last" {
		t.Errorf("%+v, next %s", every, next)
	}
	whole := strings.ReplaceAll(scheduledHead, "{{seeds}}/{{month}}/users.csv", "in/{{ month }}/")
	if p, err := loadText(t, whole+"schedule: {folder: 'in/{month}'}\n"); err != nil || !slices.Equal(p.Schedules[0].Folder.Files, []string{"*"}) {
		t.Errorf("%+v, %v", p, err)
	}
	if f := folder.Folder; f.Pattern != "data/seeds/{month}" || !slices.Equal(f.Files, []string{"users.csv", "usage/*.csv"}) || f.Settle != 5*time.Second || folder.CatchUp != "all" {
		t.Errorf("%+v", f)
	}
	p, err = loadText(t, scheduledHead+"schedule: {folder: 'in/{month}', marker: DONE}\n")
	if err != nil || len(p.Schedules) != 1 || p.Schedules[0].Folder.Files != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestScheduleMistakes: each is told with its line, which is the last.
func TestScheduleMistakes(t *testing.T) {
	for schedule, want := range map[string]string{
		"{every: 1h, at: noon}":                      `unknown key "at"`,
		"{catch_up: all}":                            "needs `cron`, `every` or `folder`",
		"{cron: 0 6 * * *, every: 1h}":               "both `cron` and `every`",
		"{cron: 0 25 * * *}":                         "above maximum (23)",
		"{cron: 0 6 31 2 *}":                         "a day that never comes",
		"{every: fortnight}":                         "every has to be a time like 90s, 15m or 6h",
		"{every: 10ms}":                              "whole seconds",
		"{every: 1h, marker: DONE}":                  "`marker` belongs to a schedule with `folder`",
		"{every: 1h, catch_up: some}":                "it has to be none, last, all",
		"{every: 1h, params: {moth: m}}":             `there is no parameter "moth"; did you mean "month"?`,
		"{every: 1h, params: {as_of: never}}":        "has to be a date like 2024-01-31",
		"[{every: 1h}, {every: 1h}]":                 "two schedules every 1h",
		"{folder: data/month}":                       "finds no parameter",
		"{folder: 'data/{moth}', marker: D}":         `did you mean "month"?`,
		"{folder: 'data/{month}'}":                   "no step loads a file of such a folder",
		"{folder: '{{month}}/{as_of}', marker: D}":   "{{month}} needs a default that is the same for all runs; where runs differ in it, write {month}",
		"{folder: 'in/{month}', files: ['a[']}":      "a [ needs its ]",
		"{folder: '{{seeds}}/{month}', settle: -1s}": "settle has to be a time like",
	} {
		_, err := loadText(t, scheduledHead+"schedule: "+schedule+"\n")
		var problems asof.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Place.Line != strings.Count(scheduledHead, "\n")+1 || !strings.Contains(problems[0].Message, want) {
			t.Errorf("%s: %v, want %q", schedule, err, want)
		}
	}
	required := strings.Replace(scheduledHead, ", default: last day of last month", "", 1)
	if _, err := loadText(t, required+"schedule: {every: 1h}\n"); err == nil || !strings.Contains(err.Error(), "the parameter as_of has no default: add it to the `params` of the schedule") {
		t.Errorf("%v", err)
	}
	if _, err := loadText(t, required+"schedule: {folder: '{{seeds}}/{as_of}', marker: D}\n"); err != nil {
		t.Error(err)
	}
}
