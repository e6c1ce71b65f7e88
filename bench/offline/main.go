// Command offline measures training data: ours, Feast's, and the floor, which
// is the bare engine running the shortest correct SQL from file to file. All of
// it runs in one go and in turns, because ratios within a run say something and
// seconds on a shared machine do not.
//
//	make bench-offline
//	go run ./bench/offline -entities 10000000 -feast ""
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// options are what is measured, and with what.
type options struct {
	entities, users, months int
	runs                    int
	asof                    string // our binary
	feast                   string // a Python that has Feast; "" leaves Feast out
	dir                     string // where the data is
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "floor" {
		exit(floor(os.Args[2]))
		return
	}
	var o options
	flag.IntVar(&o.entities, "entities", 1_000_000, "entity rows")
	flag.IntVar(&o.users, "users", 100_000, "users, each with a row a month in every view")
	flag.IntVar(&o.months, "months", 24, "months")
	flag.IntVar(&o.runs, "runs", 5, "turns; medians are printed. Feast has at most two")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.StringVar(&o.feast, "feast", ".cache/feast-venv/bin/python", "a Python that has Feast; empty leaves Feast out")
	flag.Parse()
	exit(run(context.Background(), o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-offline:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	fmt.Printf("%d entity rows × three views of %d rows, 11 features, Parquet to Parquet\n", o.entities, o.users*o.months)
	if err := makeData(ctx, o); err != nil {
		return fmt.Errorf("making the data: %w", err)
	}
	contenders, err := prepare(o)
	if err != nil {
		return err
	}
	for turn := range o.runs {
		for _, c := range contenders {
			if turn < c.turns {
				if err := c.measure(ctx); err != nil {
					return err
				}
			}
		}
		if turn == 0 { // outputs are compared before times are
			if err := compare(ctx, o, contenders); err != nil {
				return err
			}
		}
	}
	report(contenders)
	return nil
}

// contender is one way to make the training set.
type contender struct {
	name    string
	command []string
	output  string
	turns   int
	times   []time.Duration
	peak    int64 // bytes
}

// measure runs the contender as a process, from its start to its end.
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
	c.peak = max(c.peak, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss<<10)
	return nil
}

func (c *contender) median() time.Duration {
	sorted := slices.Sorted(slices.Values(c.times))
	return sorted[len(sorted)/2]
}

// report prints medians and their ratios to the floor.
func report(contenders []*contender) {
	base := contenders[0].median()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tmedian\tmin\tmax\tto the floor\tpeak memory")
	for _, c := range contenders {
		fmt.Fprintf(w, "%s\t×%d\t%.2f s\t%.2f s\t%.2f s\t%.2f\t%.2f GB\n", c.name, len(c.times), c.median().Seconds(),
			slices.Min(c.times).Seconds(), slices.Max(c.times).Seconds(), float64(c.median())/float64(base), float64(c.peak)/1e9)
	}
	w.Flush()
}

// prepare writes our repository and Feast's script, and lists the contenders,
// the floor first.
func prepare(o options) ([]*contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"feature_store.yaml": storeYAML, "features.py": featuresPy, "feast_run.py": feastPy} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if out, err := exec.Command(o.asof, "-c", o.dir, "apply").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("asof apply: %w\n%s", err, out)
	}
	ours := []string{o.asof, "-c", o.dir, "get-historical-features", "--entity-df", "entities.parquet", "-o", "ours.parquet"}
	for _, ref := range references {
		ours = append(ours, "-f", ref)
	}
	all := []*contender{
		{name: "floor: bare DuckDB", command: []string{self, "floor", o.dir}, output: filepath.Join(o.dir, "floor.parquet"), turns: o.runs},
		{name: "asof", command: ours, output: filepath.Join(o.dir, "ours.parquet"), turns: o.runs},
	}
	if o.feast != "" {
		all = append(all, &contender{name: "Feast 0.67, DuckDB", command: append([]string{o.feast, filepath.Join(o.dir, "feast_run.py"), o.dir}, references...),
			output: filepath.Join(o.dir, "feast.parquet"), turns: min(o.runs, 2)})
	}
	return all, nil
}
