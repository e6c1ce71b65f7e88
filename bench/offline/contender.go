package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// contender is one way to make the training set.
type contender struct {
	name    string
	command []string
	output  string
	turns   int
	times   []time.Duration // from the start of the process to its end
	cpu     []time.Duration
	peak    int64 // bytes
}

// measure runs the contender as a process. What a process takes at most is at
// least what its parent took when it was started: this one stays small.
func (c *contender) measure(ctx context.Context) error {
	if err := os.RemoveAll(c.output); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	started := time.Now()
	out, err := cmd.CombinedOutput()
	c.times = append(c.times, time.Since(started))
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, out)
	}
	c.cpu = append(c.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	c.peak = max(c.peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
	return nil
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// report prints medians and their ratios to the first contender.
func (t *trial) report(out io.Writer) {
	fmt.Fprintf(out, "\n%s, 11 features, Parquet to Parquet\n", t.name)
	base := median(t.contenders[0].times)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tmedian\tmin\tmax\tto the floor\tCPU\tpeak memory")
	for _, c := range t.contenders {
		fmt.Fprintf(w, "%s\t×%d\t%.2f s\t%.2f s\t%.2f s\t%.2f\t%.2f s\t%.2f GiB\n", c.name, len(c.times), median(c.times).Seconds(),
			slices.Min(c.times).Seconds(), slices.Max(c.times).Seconds(), float64(median(c.times))/float64(base),
			median(c.cpu).Seconds(), float64(c.peak)/(1<<30))
	}
	w.Flush()
}

// compareTrials prints what our cost is in each trial beside the first.
func compareTrials(out io.Writer, list []*trial) {
	if len(list) < 2 {
		return
	}
	fmt.Fprintf(out, "\ncost per entity row, beside %s\n", list[0].name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\ttime\tCPU\tat most\tpeak memory")
	for _, t := range list[1:] {
		for i, c := range t.contenders {
			first := list[0].contenders[i]
			rows := float64(t.entities) / float64(list[0].entities)
			atMost := ""
			if i == ours {
				atMost = fmt.Sprintf("%.1f\t%.2f of %.2f GiB", t.atMost, float64(c.peak)/(1<<30), float64(t.memory)/(1<<30))
			}
			fmt.Fprintf(w, "%s\t%s\t%.2f\t%.2f\t%s\n", t.name, c.name, float64(median(c.times))/float64(median(first.times))/rows,
				float64(median(c.cpu))/float64(median(first.cpu))/rows, atMost)
		}
	}
	w.Flush()
}
