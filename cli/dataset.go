package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/receipt"
)

func (a *app) datasetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dataset",
		Short:   "List training sets, and make them again",
		Example: a.example("-c my_project dataset list", "-c my_project dataset reproduce training.parquet.receipt.json"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.datasetListCommand(), a.datasetReproduceCommand())
	return cmd
}

func (a *app) datasetListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the training sets that were written, newest first",
		Example: a.example("-c my_project dataset list", "-c my_project dataset list --output json"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error {
				list, err := r.receipts().List()
				if err != nil {
					return err
				}
				if output == "json" {
					if list == nil {
						list = []*receipt.Receipt{}
					}
					return printJSON(a.stdio.Out, list)
				}
				rows := [][]string{}
				for _, d := range list {
					rows = append(rows, []string{d.ID, d.Output, r.state(d), fmt.Sprint(d.Rows), fmt.Sprint(len(d.Columns)), featuresOf(d), short(d.Content)})
				}
				return a.datasetTable(output, rows)
			})
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (a *app) datasetTable(output string, rows [][]string) error {
	if output != "table" {
		return badOutput(output, "table", "json")
	}
	return plainTable(a.stdio.Out, []string{"ID", "FILE", "STATE", "ROWS", "COLUMNS", "FEATURES", "CONTENT"}, rows)
}

// state says whether the file of a training set is still the one written.
func (r *repository) state(d *receipt.Receipt) string {
	path := d.Output
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.config.Dir, filepath.FromSlash(path))
	}
	if _, err := os.Stat(path); err != nil {
		return "gone"
	}
	if beside, err := receipt.Read(path + receipt.Suffix); err != nil || beside.ID != d.ID {
		return "replaced"
	}
	return "there"
}

func featuresOf(d *receipt.Receipt) string {
	if d.Request.Service != "" {
		return d.Request.Service
	}
	return count(int64(len(d.Request.Features)), "feature", "features")
}

// short is the beginning of a hash, enough to tell two apart by eye.
func short(hash string) string { return hash[:min(len(hash), len("sha256:")+12)] }

func (a *app) datasetReproduceCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "reproduce RECEIPT",
		Short: "Make a training set again, and say what has changed",
		Long: "Makes the training set of a receipt again: a file, or an ID of `dataset list`. Where the content\n" +
			"is not the same as it was, says what has changed and ends with 1.",
		Example: a.example("-c my_project dataset reproduce training.parquet.receipt.json", "-c my_project dataset reproduce 20240229T101500Z-1a2b3c -o again.parquet"),
		Args:    a.args("RECEIPT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRepository(cmd.Context(), func(r *repository) error { return a.reproduce(cmd.Context(), r, args[0], out) })
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "write it: a .csv, .parquet or .arrow file (default: compare only)")
	return cmd
}

func (a *app) reproduce(ctx context.Context, r *repository, name, out string) error {
	old, err := a.receipt(r, name)
	if err != nil {
		return err
	}
	if old.Project != r.config.Project {
		return asof.Errorf(asof.CodeInvalid, "the receipt is of project %s, and this is %s; name its repository with -c", old.Project, r.config.Project)
	}
	started := time.Now()
	q := historical.Request{Output: a.path(out)}
	if err := r.asks(ctx, &q); err != nil {
		return err
	}
	progress, end := a.progress()
	q.Progress = progress
	now, changes, err := historical.Reproduce(ctx, q, old)
	end()
	if err != nil {
		return err
	}
	if now.Content == old.Content {
		fmt.Fprintf(a.stdio.Out, "Reproduced %s of %s in %s: the content is the same, %s.\n", count(now.Rows, "row", "rows"),
			count(int64(len(now.Columns)), "column", "columns"), took(time.Since(started)), now.Content)
		for _, c := range changes {
			fmt.Fprintf(a.stdio.Err, "%s %s\n", paint(a.stdio.Err, yellow, "note:"), c)
		}
		return nil
	}
	fmt.Fprintf(a.stdio.Out, "The content has changed: %s, and it was %s.\n", now.Content, old.Content)
	for _, c := range changes {
		fmt.Fprintf(a.stdio.Out, "  %s\n", c)
	}
	return errReported
}

// receipt reads a receipt by its file or its ID.
func (a *app) receipt(r *repository, name string) (*receipt.Receipt, error) {
	if path := a.input(name); fileExists(path) {
		return receipt.Read(path)
	}
	return r.receipts().Find(name)
}
