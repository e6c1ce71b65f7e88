package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/asof-dev/asof/sample"
)

// month is StreamFlow's February after its January, with one set-up: six files
// are loaded, checked, frozen and brought online.
type month struct {
	name                        string
	program, repo, config       string
	fresh                       func(context.Context) error // makes the stores empty
	whole, publish, materialize []time.Duration
}

// makeMonths makes a repository with StreamFlow's definitions and two months.
func makeMonths(ctx context.Context, program, repo string) error {
	if out, err := exec.CommandContext(ctx, program, "init", "streamflow", "-t", "streamflow", "--repo-path", repo).CombinedOutput(); err != nil {
		return fmt.Errorf("making the repository: %w\n%s", err, out)
	}
	_, err := sample.StreamFlow(ctx, filepath.Join(repo, "data", "seeds"), sample.Options{})
	return err
}

func (m *month) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, m.program, append([]string{"-c", m.repo, "-f", m.config}, args...)...)
	cmd.Dir = m.repo
	out, err := cmd.Output()
	if stopped := (*exec.ExitError)(nil); errors.As(err, &stopped) {
		err = fmt.Errorf("%s: %v: %w\n%s", m.name, args, err, stopped.Stderr)
	}
	return out, err
}

// measure loads January, and then, measured, February.
func (m *month) measure(ctx context.Context) error {
	if err := m.fresh(ctx); err != nil {
		return err
	}
	run := func(folder, day string) ([]byte, error) {
		return m.command(ctx, "pipeline", "run", "ingest_month", "month="+folder, "as_of="+day, "--output", "json")
	}
	if _, err := run("month_000", "2024-01-31"); err != nil {
		return err
	}
	if _, err := m.command(ctx, "apply"); err != nil { // the definitions read tables that January has made
		return err
	}
	started := time.Now()
	out, err := run("month_001", "2024-02-29")
	took := time.Since(started)
	if err != nil {
		return err
	}
	var report struct {
		Steps []struct {
			Name string
			Rows int64
			Time float64
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return fmt.Errorf("%s: its report %q: %w", m.name, out, err)
	}
	steps := map[string]time.Duration{}
	for _, s := range report.Steps {
		steps[s.Name] = time.Duration(s.Time * float64(time.Second))
		if s.Name == "materialize" && s.Rows == 0 {
			return fmt.Errorf("%s: nothing came online", m.name)
		}
	}
	m.whole, m.publish, m.materialize = append(m.whole, took), append(m.publish, steps["publish"]), append(m.materialize, steps["materialize"])
	return nil
}

// runMonth measures the month with one set-up and prints medians.
func runMonth(ctx context.Context, runs int, m *month) error {
	for range runs {
		if err := m.measure(ctx); err != nil {
			return err
		}
	}
	fmt.Printf("\nA month of StreamFlow, from six CSV files to the online store\n")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\twhole\tpublish\tmaterialize")
	fmt.Fprintf(w, "%s\t×%d\t%.2f s\t%.2f s\t%.2f s\n", m.name, len(m.whole), median(m.whole), median(m.publish), median(m.materialize))
	return w.Flush()
}

// embeddedMonth is the month in one folder.
func embeddedMonth(program, repo string) *month {
	return &month{name: "embedded", program: program, repo: repo, config: "feature_store.yaml", fresh: func(context.Context) error {
		return removeStores(repo)
	}}
}

// postgresMonth is the month with PostgreSQL as warehouse, offline and online
// store, in a database of its own.
func postgresMonth(program, repo, url string, port int) (*month, error) {
	for name, value := range map[string]string{"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": fmt.Sprint(port), "POSTGRES_DB": "month",
		"POSTGRES_USER": "bench", "POSTGRES_PASSWORD": "none"} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	return &month{name: "PostgreSQL", program: program, repo: repo, config: "feature_store.postgres.yaml", fresh: func(ctx context.Context) error {
		return errors.Join(removeStores(repo), admin(ctx, url, "DROP DATABASE IF EXISTS month", "CREATE DATABASE month"))
	}}, nil
}

// removeStores leaves the months alone.
func removeStores(repo string) error {
	entries, err := os.ReadDir(filepath.Join(repo, "data"))
	for _, e := range entries {
		if e.Name() != "seeds" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(repo, "data", e.Name())))
		}
	}
	return err
}
