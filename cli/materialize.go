package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/ondemand"
)

// fillMemory is what the offline engine may take in the process while a view
// streams through it: with the rows that are on their way it stays under a
// gibibyte, whatever the view's size, and the rest goes to the disk.
const fillMemory = 512 << 20

// materializer wires the journey to the repository's stores.
func (r *repository) materializer(ctx context.Context, progress asof.Progress) (*materialize.Materializer, error) {
	if _, err := r.snapshot(ctx); err != nil {
		return nil, err
	}
	m := &materialize.Materializer{Project: r.config.Project, Progress: progress, Programs: &ondemand.Programs{Workers: r.workers()}}
	var err error
	if m.Registry, err = r.Registry(ctx); err != nil {
		return nil, err
	}
	r.memory.Store(fillMemory)
	if m.Offline, err = r.Offline(ctx); err != nil {
		return nil, err
	}
	if m.Online, err = r.Online(ctx); err != nil {
		return nil, err
	}
	_, m.FeastIntervals = m.Online.(asof.FeastLayout)
	if store, ok := m.Online.(layouts); ok {
		if m.FeastIntervals, _, err = store.FeastLayout(ctx); err != nil {
			return nil, err
		}
	}
	m.Ledger, err = r.Ledger(ctx)
	return m, err
}

// materializeFlags are what materialize and materialize-incremental have in common.
type materializeFlags struct {
	views   []string
	output  string
	overlap time.Duration
	noWait  bool
	dryRun  bool
	version string // of the one view
}

func (f *materializeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.views, "views", "v", nil, "only this view; once for each")
	cmd.Flags().BoolVar(&f.noWait, "no-wait", false, "fail where another run materializes the view, instead of waiting for it")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print windows and row counts, and write nothing")
	cmd.Flags().StringVar(&f.version, "version", "", "only where this is the version of the one view, such as v2")
	outputFlag(cmd, &f.output)
}

// materialized opens the repository, runs the journey with its progress shown,
// and prints what became of each view.
func (a *app) materialized(ctx context.Context, flags materializeFlags, run func(*materialize.Materializer) ([]materialize.Result, error)) error {
	if flags.output != "table" && flags.output != "json" {
		return badOutput(flags.output, "table", "json")
	}
	return a.withSnapshot(ctx, func(r *repository, snapshot *asof.Snapshot) error {
		if err := isVersion(snapshot, flags); err != nil {
			return err
		}
		progress, end := a.progress()
		m, err := r.materializer(ctx, progress)
		if err != nil {
			end()
			return err
		}
		m.Overlap, m.NoWait, m.DryRun = flags.overlap, flags.noWait, flags.dryRun
		results, err := run(m)
		end()
		if len(flags.views) == 0 {
			a.noteSkipped(snapshot)
		}
		if printed := a.printResults(flags, results); printed != nil {
			return printed
		}
		return err
	})
}

func (a *app) printResults(flags materializeFlags, results []materialize.Result) error {
	headers := []string{"VIEW", "FROM", "TO", "ROWS READ", "KEYS WRITTEN", "NEWEST EVENT", "TIME"}
	if flags.dryRun {
		headers = []string{"VIEW", "FROM", "TO", "KEYS IN WINDOW", "KEYS WITH LATE ROWS", "NEWEST EVENT", "TIME"}
	}
	rows := [][]any{}
	for _, r := range results {
		if r.Err != nil {
			continue
		}
		effect := r.Written
		if flags.dryRun {
			effect = r.Late
		}
		rows = append(rows, []any{r.View, instant{r.Span.From, "the oldest row"}, instant{r.Span.To, ""}, r.Read,
			effect, instant{r.Newest, "-"}, elapsed(r.Took)})
	}
	if len(rows) > 0 || flags.output == "json" {
		if err := a.printList(flags.output, headers, rows); err != nil {
			return err
		}
	}
	a.printNotes(results)
	return nil
}

func (a *app) printNotes(results []materialize.Result) {
	for _, r := range results {
		for _, note := range r.Notes {
			fmt.Fprintf(a.stdio.Err, "%s %s: %s\n", paint(a.stdio.Err, yellow, "note:"), r.View, note)
		}
	}
}

func (a *app) materializeCommand() *cobra.Command {
	var flags materializeFlags
	var all bool
	cmd := &cobra.Command{
		Use:     "materialize START END",
		Short:   "Copy the newest values of a span of time to the online store",
		Long:    "Copies, for each key, the newest row with START <= event time <= END. Times are ISO 8601;\nwithout a zone they are UTC.",
		Example: a.example("-c my_project materialize 2024-01-01T00:00:00 2024-02-01T00:00:00", "-c my_project materialize 2024-01-01 2024-02-01 -v usage_agg_30d_fv --dry-run"),
		Args: func(cmd *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return usagef(cmd.CommandPath()+" --help", "START and END go without --disable-event-timestamp")
			}
			if all {
				return nil
			}
			return a.args("START", "END")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			start, end := time.Unix(0, 0).UTC(), time.Now()
			if !all {
				var err error
				if start, err = parseInstant("START", args[0]); err != nil {
					return err
				}
				if end, err = parseInstant("END", args[1]); err != nil {
					return err
				}
				if start.After(end) {
					return usagef("", "START %s is after END %s", instant{start, ""}, instant{end, ""})
				}
			}
			return a.materialized(cmd.Context(), flags, func(m *materialize.Materializer) ([]materialize.Result, error) {
				return m.Materialize(cmd.Context(), start, end, flags.views)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&all, "disable-event-timestamp", false, "everything from 1970 to now, without START and END")
	return cmd
}

func (a *app) materializeIncrementalCommand() *cobra.Command {
	var flags materializeFlags
	cmd := &cobra.Command{
		Use:   "materialize-incremental END",
		Short: "Copy what came since the last run to the online store",
		Long: "Goes on from where the ledger says that each view has got to; a view that was never\n" +
			"materialized begins at its oldest row. An end in the future is taken as now.",
		Example: a.example("-c my_project materialize-incremental $(date +%Y-%m-%d)"),
		Args:    a.args("END"),
		RunE: func(cmd *cobra.Command, args []string) error {
			end, err := parseInstant("END", args[0])
			if err != nil {
				return err
			}
			if flags.overlap < 0 {
				return usagef("", "--overlap %s: write how long before the last end, such as 48h", flags.overlap)
			}
			return a.materialized(cmd.Context(), flags, func(m *materialize.Materializer) ([]materialize.Result, error) {
				return m.Incremental(cmd.Context(), end, flags.views)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().DurationVar(&flags.overlap, "overlap", 0, "begin this long before the last end, for rows that came late: 48h")
	return cmd
}

func (a *app) materializationsCommand() *cobra.Command {
	var view, output string
	var limit int
	cmd := &cobra.Command{
		Use:     "materializations",
		Short:   "List what was materialized, newest first",
		Example: a.example("-c my_project materializations --view usage_agg_30d_fv"),
		Args:    a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("", "--limit %d: write how many of the newest to list, or 0 for all", limit)
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				ledger, err := r.Ledger(cmd.Context())
				if err != nil {
					return err
				}
				q := asof.MaterializationQuery{Project: r.config.Project, Limit: limit}
				if view != "" {
					q.Views = []string{view}
				}
				entries, err := ledger.Materializations(cmd.Context(), q)
				if err != nil {
					return err
				}
				if view != "" && len(entries) == 0 {
					if err := r.knownView(cmd.Context(), view); err != nil {
						return err
					}
				}
				rows := [][]any{}
				for _, m := range entries {
					from := "the oldest row"
					if m.Span.To.IsZero() {
						from = "" // a rollback after which nothing is covered
					}
					rows = append(rows, []any{m.ID, m.View, instant{m.Span.From, from}, instant{m.Span.To, ""},
						instant{m.Started, ""}, outcome(m), m.Read, m.Written, m.Cause, m.Error})
				}
				return a.printList(output, []string{"ID", "VIEW", "FROM", "TO", "STARTED", "STATE", "ROWS READ", "KEYS WRITTEN", "CAUSE", "ERROR"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&view, "view", "", "only this view")
	cmd.Flags().IntVar(&limit, "limit", 0, "only the newest so many; 0 is all")
	outputFlag(cmd, &output)
	return cmd
}

// knownView returns an error, with near names, where no such view is registered.
func (r *repository) knownView(ctx context.Context, view string) error {
	snapshot, err := r.snapshot(ctx)
	if err != nil {
		return err
	}
	_, err = snapshot.View(view)
	return err
}

func outcome(m asof.Materialization) string {
	switch {
	case m.Undone():
		return "rolled back"
	case m.Error != "":
		return "failed"
	case m.Finished.IsZero():
		return "not finished"
	}
	return "done"
}

// The forms in which a time may be given; without a zone it is UTC.
var instantForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly}

func parseInstant(name, text string) (time.Time, error) {
	for _, form := range instantForms {
		if t, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("", "%s %q is no time; write 2024-01-31 or 2024-01-31T12:00:00", name, text)
}
