package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof/apply"
)

// applyFlags are the flags of apply and plan.
type applyFlags struct {
	skipSources bool
	retype      bool
	strict      bool
	python      bool
	noPromote   bool
	output      string
}

func (f *applyFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.skipSources, "skip-source-validation", false, "do not hold the sources against what is defined")
	cmd.Flags().BoolVar(&f.retype, "retype", false, "let features that were materialized change their types; they are null until they are filled again")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "refuse on-demand feature views whose functions cannot be run")
	cmd.Flags().BoolVar(&f.python, "python", false, "let an installed feast read the definitions, by python3 on the PATH")
	cmd.Flags().Bool("skip-feature-view-validation", false, "")
	cmd.Flags().Bool("no-progress", false, "")
	for _, name := range []string{"skip-feature-view-validation", "no-progress"} {
		cmd.Flags().Lookup(name).Hidden = true // of Feast; without a meaning here
	}
	cmd.Flags().BoolVar(&f.noPromote, "no-promote", false, "save new versions of views in their history, and leave the views as they are")
	outputFlag(cmd, &f.output)
}

func (a *app) applyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:     "apply",
		Short:   "Bring registry and online store to what the repository defines",
		Example: a.example("-c my_project apply"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			started := time.Now()
			return a.withDefinitions(cmd.Context(), flags, func(ctx context.Context, r *repository, desired apply.Desired, opts apply.Options) error {
				stores, err := r.applyStores(ctx)
				if err != nil {
					return err
				}
				r.noteDefinitions(ctx, "") // what others have changed since is not of this apply
				plan, err := apply.Run(ctx, desired, stores, opts)
				if err != nil {
					return err
				}
				if !plan.Empty() {
					r.noteDefinitions(ctx, apply.CauseApply)
				}
				if err := a.printPlan(plan, flags.output); err != nil {
					return err
				}
				r.noteFeastTables(ctx)
				if flags.output == "table" {
					fmt.Fprintf(a.stdio.Out, "Applied project %s in %s.\n", desired.Project, took(time.Since(started)))
				}
				return nil
			})
		},
	}
	flags.add(cmd)
	return cmd
}

func (a *app) planCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:     "plan",
		Short:   "Show what apply would change, and change nothing",
		Example: a.example("-c my_project plan"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDefinitions(cmd.Context(), flags, func(ctx context.Context, r *repository, desired apply.Desired, opts apply.Options) error {
				registry, err := r.Registry(ctx)
				if err != nil {
					return err
				}
				current, err := registry.Snapshot(ctx, desired.Project)
				if err != nil {
					return err
				}
				plan, err := apply.NewPlan(ctx, desired, current, opts)
				if err != nil {
					return err
				}
				return a.printPlan(plan, flags.output)
			})
		},
	}
	flags.add(cmd)
	return cmd
}

// withDefinitions opens the repository, reads its definitions and hands both on.
func (a *app) withDefinitions(ctx context.Context, flags applyFlags,
	do func(context.Context, *repository, apply.Desired, apply.Options) error) error {
	if flags.output != "table" && flags.output != "json" {
		return badOutput(flags.output, "table", "json")
	}
	return a.withRepository(ctx, func(r *repository) error {
		desired, err := r.definitions(ctx, flags.python)
		if err != nil {
			return err
		}
		offline, err := r.Offline(ctx)
		if err != nil {
			return err
		}
		return do(ctx, r, desired, apply.Options{Sources: offline, SkipSources: flags.skipSources, Retype: flags.retype, NoPromote: flags.noPromote, Strict: flags.strict, Workers: r.workers()})
	})
}

var actionWords = map[apply.Action]struct{ word, colour string }{
	apply.Create: {"Created", green}, apply.Update: {"Updated", yellow}, apply.Delete: {"Deleted", red},
}

// printPlan prints the changes in Feast's words, one object a line and the
// fields of an update below it.
func (a *app) printPlan(plan *apply.Plan, output string) error {
	if output == "json" {
		return printJSON(a.stdio.Out, plan)
	}
	out := a.stdio.Out
	for _, note := range plan.Notes {
		a.note("%s", note)
	}
	for _, warning := range plan.Warnings {
		fmt.Fprintf(a.stdio.Err, "%s %s\n", paint(a.stdio.Err, yellow, "warning:"), warning)
	}
	for _, c := range plan.Changes {
		action := actionWords[c.Action]
		fmt.Fprintf(out, "%s %s %s", action.word, c.Kind, paint(out, action.colour, c.Name))
		if at := c.Place.String(); at != "" {
			fmt.Fprintf(out, " (%s)", at)
		}
		fmt.Fprintln(out)
		for _, f := range c.Fields {
			old, new := excerpts(f.Old, f.New)
			fmt.Fprintf(out, "\t%s: %s -> %s\n", f.Field, old, new)
		}
	}
	if plan.Empty() {
		fmt.Fprintln(out, "No changes to registry")
	}
	return nil
}

// excerpts shortens the two values of a change for a line of a plan: of long
// ones, where they begin to differ.
func excerpts(old, new string) (string, string) {
	const most, context = 80, 20
	a, b := []rune(strings.Join(strings.Fields(old), " ")), []rune(strings.Join(strings.Fields(new), " "))
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	from := max(0, same-context)
	if max(len(a), len(b)) <= most {
		from = 0
	}
	excerpt := func(s []rune) string {
		if len(s) == 0 {
			return `""`
		}
		cut := s[min(from, len(s)):]
		before, after := "", ""
		if from > 0 {
			before = "…"
		}
		if len(cut) > most {
			cut, after = cut[:most-1], "…"
		}
		return before + string(cut) + after
	}
	return excerpt(a), excerpt(b)
}

func (a *app) teardownCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "teardown",
		Short:   "Remove the project from online store, ledger and registry",
		Long:    "Removes what apply and materialize made. Sources and the warehouse are not touched.",
		Example: a.example("-c my_project teardown"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.withRepository(ctx, func(r *repository) error {
				stores, err := r.applyStores(ctx)
				if err != nil {
					return err
				}
				views, err := apply.Teardown(ctx, r.config.Project, stores)
				if err != nil {
					return err
				}
				r.noteDefinitions(ctx, apply.CauseTeardown)
				fmt.Fprintf(a.stdio.Out, "Removed project %s: %s.\n", r.config.Project, count(int64(len(views)), "feature view", "feature views"))
				return nil
			})
		},
	}
}

// applyStores opens what an apply changes.
func (r *repository) applyStores(ctx context.Context) (stores apply.Stores, err error) {
	if stores.Registry, err = r.Registry(ctx); err != nil {
		return stores, err
	}
	if stores.Online, err = r.Online(ctx); err != nil {
		return stores, err
	}
	stores.Ledger, err = r.Ledger(ctx)
	return stores, err
}

// layouts is the optional power of an online store to keep rows as Feast does,
// in Feast's own tables. Noticed are those that hold rows, where nobody said
// which layout to take.
type layouts interface {
	FeastLayout(ctx context.Context) (feast bool, noticed []string, err error)
}

// noteFeastTables says which of Feast's own online tables hold rows, and what
// is made of them.
func (r *repository) noteFeastTables(ctx context.Context) {
	online, err := r.Online(ctx)
	if err != nil {
		return
	}
	store, ok := online.(layouts)
	if !ok {
		return
	}
	feast, tables, err := store.FeastLayout(ctx)
	if err != nil || len(tables) == 0 {
		return
	}
	text := "%s Feast's online tables %s hold rows, and ours hold rows as well: ours are served. " +
		"Drop Feast's when nothing reads them any more, or set `asof.layout: feast` in feature_store.yaml to share them.\n"
	if feast {
		text = "%s Feast's online tables %s hold rows: they are read and written as Feast does. " +
			"When nothing of Feast's reads them any more, set `asof.layout: asof` in feature_store.yaml, apply and materialize: one row for each key is faster.\n"
	}
	fmt.Fprintf(r.app.stdio.Err, text, paint(r.app.stdio.Err, yellow, "note:"), strings.Join(tables, ", "))
}
