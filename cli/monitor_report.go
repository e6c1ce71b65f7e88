package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
	"github.com/asof-dev/asof/report"
)

func (a *app) driftReportCommand() *cobra.Command {
	var c comparison
	var out, output string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write what features are like and were like as one HTML file",
		Long: "Compares features as `monitor drift` does, and writes both distributions of each, what was measured with\n" +
			"its thresholds, and why it has drifted, as one HTML file that needs no network. Ends with 0 where the file\n" +
			"is written, whatever it says.\n" + spans,
		Example: a.example("-c my_project monitor report --current 2024-02 -o drift.html", "-c my_project monitor report --reference 2024-01-31 --current 2024-02-29 -v usage_agg_30d_fv -o usage.html",
			"-c my_project monitor report --current 2024-02 --output json"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case output != "html" && output != "json":
				return badOutput(output, "html", "json")
			case output == "html" && out == "":
				return usagef(cmd.CommandPath()+" --help", "-o is missing: the file that the report is written to")
			}
			reference, current, err := c.sides(cmd)
			if err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				return r.driftReport(cmd.Context(), c, output, out, reference, current)
			})
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "the file to write (json: standard output without it)")
	cmd.Flags().StringVar(&output, "output", "html", "html or json")
	return cmd
}

func (r *repository) driftReport(ctx context.Context, c comparison, output, out string, reference, current monitor.Side) error {
	views, err := r.compare(ctx, c, &reference, &current)
	if err != nil {
		return err
	}
	var made bytes.Buffer
	if output == "json" {
		err = printJSON(&made, driftedJSON(views, reference.DriftSide, current.DriftSide))
	} else {
		d := report.Drift{Project: r.config.Project, Made: time.Now(), By: "asof " + Version, Reference: reference.DriftSide, Current: current.DriftSide, Views: views}
		err = d.HTML(&made)
	}
	if err != nil {
		return err
	}
	if out == "" {
		_, err = r.app.stdio.Out.Write(made.Bytes())
		return err
	}
	if err := writeWhole(r.app.path(out), made.Bytes()); err != nil {
		return err
	}
	if err := r.keepDrift(ctx, c, "monitor report", reference, current, views); err != nil {
		return err
	}
	features, drifted := drifted(views)
	fmt.Fprintf(r.app.stdio.Err, "%s of %s drifted: %s\n", thousands(drifted), count(features, "feature", "features"), r.app.path(out))
	return nil
}

// writeWhole puts a file into its place whole, or not at all.
func writeWhole(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part")
	if err != nil {
		return unwritten(path, err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return unwritten(path, err)
	}
	return nil
}

// unwritten says why a report is not there: of its own path, not of the file that
// would have become it.
func unwritten(path string, err error) error {
	var file *fs.PathError
	var rename *os.LinkError
	switch {
	case errors.As(err, &file):
		err = file.Err
	case errors.As(err, &rename):
		err = rename.Err
	}
	return asof.Errorf(asof.CodeInvalid, "the report cannot be written: %s: %w", path, err)
}
