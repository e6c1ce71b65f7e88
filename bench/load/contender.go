package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// contender is one way to load the file.
type contender struct {
	name    string
	command []string
	prepare func(context.Context) error // before each turn, not measured; nil: nothing
	whole   []time.Duration             // of the process
	load    []time.Duration             // of ours, the load step alone; of others, the whole
	peak    int64                       // bytes
	memory  int64                       // what the process may have, in bytes; 0: as much as there is
}

func (c *contender) measure(ctx context.Context) error {
	if c.prepare != nil {
		if err := c.prepare(ctx); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	if c.memory > 0 { // the kernel refuses more, and the process fails
		cmd = exec.CommandContext(ctx, "prlimit", append([]string{fmt.Sprintf("--data=%d", c.memory), "--"}, c.command...)...)
	}
	var told bytes.Buffer
	cmd.Stderr = &told
	started := time.Now()
	out, err := cmd.Output()
	took := time.Since(started)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, told.Bytes())
	}
	c.whole = append(c.whole, took)
	c.peak = max(c.peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
	if len(out) == 0 {
		c.load = append(c.load, took)
		return nil
	}
	var report struct {
		Steps []struct{ Time float64 }
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Steps) == 0 {
		return fmt.Errorf("%s: its report %q: %v", c.name, out, err)
	}
	c.load = append(c.load, time.Duration(report.Steps[0].Time*float64(time.Second)))
	return nil
}

// report prints medians, and ours, the first, as a part of each other one's
// rate.
func report(title string, contenders ...*contender) {
	fmt.Printf("\n%s\n", title)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tload\twhole\tour load's rate to it\tour whole's\tpeak memory")
	ours := contenders[0]
	for _, c := range contenders {
		load, whole := median(c.load), median(c.whole)
		fmt.Fprintf(w, "%s\t×%d\t%.2f s\t%.2f s\t%.2f\t%.2f\t%d MiB\n", c.name, len(c.whole), load, whole,
			load/median(ours.load), whole/median(ours.whole), c.peak>>20)
	}
	w.Flush()
}

// median returns seconds.
func median(times []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2].Seconds()
}

// child runs a chore.
func child(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, self, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
