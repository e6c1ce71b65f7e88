package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/statistics"
)

// printDrift prints a feature a line, then why.
func (a *app) printDrift(views []monitor.View) error {
	var lines [][]string
	number := func(n *float64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatFloat(*n, 'g', 3, 64)
	}
	for _, v := range views {
		for _, f := range v.Features {
			lines = append(lines, []string{v.View, f.Feature, string(f.Verdict), strconv.FormatInt(f.Reference.Rows, 10), strconv.FormatInt(f.Current.Rows, 10),
				number(f.PSI), number(f.JensenShannon), number(f.KS), number(f.NullShare), number(f.MeanShift)})
		}
	}
	err := plainTable(a.stdio.Out, []string{"VIEW", "FEATURE", "VERDICT", "ROWS BEFORE", "ROWS", "PSI", "JS", "KS", "NULLS", "MEAN"}, lines)
	for _, v := range views {
		for _, f := range v.Features {
			for _, why := range slices.Concat(f.Reasons, monitor.Notes(&f)) {
				fmt.Fprintf(a.stdio.Err, "%s %s:%s: %s\n", paint(a.stdio.Err, yellow, "note:"), v.View, f.Feature, why)
			}
		}
	}
	return err
}

// The JSON of asof monitor drift.
type (
	driftedView struct {
		View      string           `json:"view"`
		Verdict   asof.Verdict     `json:"verdict"`
		Reference asof.DriftSide   `json:"reference"`
		Current   asof.DriftSide   `json:"current"`
		Features  []driftedFeature `json:"features"`
		Took      elapsed          `json:"seconds"`
	}
	driftedFeature struct {
		statistics.Drift
		Thresholds statistics.Thresholds `json:"thresholds"` // null: never
		Levels     []float64             `json:"quantile_levels"`
		Reference  asof.Profile          `json:"reference"`
		Current    asof.Profile          `json:"current"`
	}
)

func driftedJSON(views []monitor.View, reference, current asof.DriftSide) []driftedView {
	list := []driftedView{}
	for _, v := range views {
		one := driftedView{View: v.View, Verdict: v.Verdict, Reference: reference, Current: current, Took: elapsed(v.Took)}
		for _, f := range v.Features {
			one.Features = append(one.Features, driftedFeature{listed(f.Drift), f.Thresholds, asof.ProfileLevels, f.Reference, f.Current})
		}
		list = append(list, one)
	}
	return list
}

// listed has empty lists where there are none, as JSON's readers like them.
func listed(d statistics.Drift) statistics.Drift {
	for _, list := range []*[]string{&d.Reasons, &d.New, &d.Vanished} {
		if *list == nil {
			*list = []string{}
		}
	}
	return d
}
