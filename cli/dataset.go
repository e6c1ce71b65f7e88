package cli

import (
	"context"
	"fmt"
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

func (a *app) datasetReproduceCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "reproduce TRAINING_SET",
		Short: "Make a training set again, and say what has changed",
		Long: "Makes a training set again that has a receipt. It is named by its file or its receipt's, by its\n" +
			"table, or by its ID in `dataset list`. Where the content is not the same as it was, says what has\n" +
			"changed and ends with 1.",
		Example: a.example("-c my_project dataset reproduce training.parquet.receipt.json", "-c my_project dataset reproduce 20240229T101500Z-1a2b3c -o again.parquet"),
		Args:    a.args("TRAINING_SET"),
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

// receipt reads a receipt by its file, the file beside which it lies, its ID, or
// its table.
func (a *app) receipt(r *repository, name string) (*receipt.Receipt, error) {
	if path := a.input(name); fileExists(path + receipt.Suffix) {
		return receipt.Read(path + receipt.Suffix)
	} else if fileExists(path) {
		return receipt.Read(path)
	}
	return r.receipts().Find(name)
}
