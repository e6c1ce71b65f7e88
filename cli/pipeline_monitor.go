package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// mostDrifted is of how many features a step says why they have drifted.
const mostDrifted = 20

// monitorStep returns the pipeline's monitor step: statistics of what was
// published, and verdicts, are kept as the command's are.
func (r *repository) monitorStep(progress asof.Progress) pipeline.Monitor {
	return func(ctx context.Context, asOf time.Time, step pipeline.MonitorStep, run string, note func(level, line string)) (told pipeline.Monitored, err error) {
		m, err := r.monitor(ctx, progress)
		if err != nil {
			return told, err
		}
		followed, err := m.Follow(ctx, step.Views, asOf, step.Granularity, run)
		for _, c := range followed.Computed {
			told.Rows += c.Rows
			note("info", fmt.Sprintf("statistics of %s: %s of %s, %s", c.View, count(int64(c.Features), "feature", "features"), count(c.Rows, "row", "rows"), took(c.Took)))
		}
		if err != nil {
			return told, err
		}
		r.pruneStatistics(ctx, m)
		more := 0
		for _, v := range followed.Views {
			for _, f := range v.Features {
				switch {
				case f.Verdict != asof.VerdictDrifted:
				case len(told.Drifted) < mostDrifted:
					told.Drifted = append(told.Drifted, fmt.Sprintf("%s:%s has drifted: %s", v.View, f.Feature, strings.Join(f.Reasons, "; ")))
				default:
					more++
				}
			}
		}
		if more > 0 {
			told.Drifted = append(told.Drifted, count(int64(more), "more feature has", "more features have")+" drifted")
		}
		return told, r.keepDrift(ctx, comparison{}, run, followed.Reference, followed.Current, followed.Views)
	}
}
