package cli

import (
	"bytes"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
)

// TestFewAnswers compares answers of a view that was asked for often, of one
// that was asked for 99 times, and of one that nobody asked for.
func TestFewAnswers(t *testing.T) {
	var views []monitor.View
	for name, rows := range map[string]int64{"often": fewAnswers, "seldom": fewAnswers - 1, "never": 0} {
		views = append(views, monitor.View{View: name, Features: []monitor.Feature{{Current: asof.Profile{Rows: rows / 3}}, {Current: asof.Profile{Rows: rows}}}})
	}
	for source, want := range map[asof.StatisticsSource]string{
		asof.StatisticsLog:   "note: few answers are compared, and each key weighs by its requests (seldom: 99 answers)\n",
		asof.StatisticsBatch: "",
	} {
		var says bytes.Buffer
		a := &app{stdio: Stdio{Err: &says}}
		a.noteFew(asof.DriftSide{Source: source}, views)
		if says.String() != want {
			t.Errorf("of %s it says %q, want %q", source, &says, want)
		}
	}
}
