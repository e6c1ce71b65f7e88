package chart

import (
	"strings"
	"testing"
	"time"
)

// TestTimeline draws attempts that are short, long, go on, or end before they
// begin by another clock.
func TestTimeline(t *testing.T) {
	at := time.Date(2024, 2, 1, 6, 0, 0, 0, time.UTC)
	rows := []TimelineRow{{"load <users>", []Span{{at, at.Add(time.Millisecond), "failed", "first & last"}, {at.Add(time.Second), at.Add(2 * time.Second), "completed", "again"}}},
		{strings.Repeat("é", 60), []Span{{From: at.Add(2 * time.Second), Class: "running", Says: "goes on"}}}, {"back", []Span{{From: at.Add(time.Second), To: at}}}, {Label: "waits"}}
	p := parse(t, Timeline{Frame: Frame{Title: "steps", Empty: "none"}, Rows: rows, Now: at.Add(10 * time.Second)}.SVG())
	p.says(t, "load <users>", "first & last", "goes on", "0 s", "10 s", "waits")
	if p.names["rect bar failed"] != 1 || p.names["rect bar completed"] != 1 || p.names["rect bar running"] != 1 || p.names["rect bar"] != 1 {
		t.Errorf("%v", p.names)
	}
	parse(t, Timeline{Rows: rows, Now: at.Add(48 * time.Hour)}.SVG()).says(t, "02-01 12:00", "02-02 12:00")
	parse(t, Timeline{Frame: Frame{Empty: "none", Width: 100}, Now: at}.SVG()).says(t, "none")
	parse(t, Timeline{Frame: Frame{Empty: "none"}, Rows: []TimelineRow{{"a", []Span{{From: at, To: at}}}}}.SVG()).says(t, "a")
}
