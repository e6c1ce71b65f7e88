package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// contender is one way to fill a store.
type contender struct {
	name    string
	dir     string // where it runs
	command []string
	turns   int
	times   []time.Duration // from the start of the process to its end
	cpu     []time.Duration
	peak    int64 // bytes
}

func (c *contender) measure(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	cmd.Dir = c.dir
	started := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, out)
	}
	c.times = append(c.times, time.Since(started))
	c.cpu = append(c.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	c.peak = max(c.peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
	return nil
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// report prints medians, and our rate as a part of each other one's.
func report(store string, rows int, contenders []*contender) {
	fmt.Printf("\n%s\n", store)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tmedian\tmin\tmax\trows/s\tasof's rate to it\tCPU\tpeak memory")
	for _, c := range contenders {
		took := median(c.times)
		fmt.Fprintf(w, "%s\t×%d\t%.2f s\t%.2f s\t%.2f s\t%.0f\t%.2f\t%.2f s\t%d MiB\n", c.name, len(c.times), took.Seconds(),
			slices.Min(c.times).Seconds(), slices.Max(c.times).Seconds(), float64(rows)/took.Seconds(),
			took.Seconds()/median(contenders[0].times).Seconds(), median(c.cpu).Seconds(), c.peak>>20)
	}
	w.Flush()
}

// child runs a chore.
func child(ctx context.Context, args ...string) error {
	_, err := childSays(ctx, args...)
	return err
}

// childSays runs a chore and returns what it prints.
func childSays(ctx context.Context, args ...string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return says(ctx, "", self, args...)
}

// says runs a command and returns what it prints.
func says(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return string(out), err
}
