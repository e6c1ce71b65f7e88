package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/receipt"
)

// historicalFlags are the flags of get-historical-features that are not the
// request's own.
type historicalFlags struct {
	start, end, at string
	noReceipt      bool
	explain        string // the form in which the plan is printed; "" to run it
}

// trainingGC is the growth of the heap, in percent, after which it is collected.
const trainingGC = 40

func (a *app) historicalCommand() *cobra.Command {
	var q historical.Request
	var f historicalFlags
	cmd := &cobra.Command{
		Use:   "get-historical-features -f VIEW:FEATURE -o FILE | --to-table TABLE",
		Short: "Write training data: features as they were at each row's time",
		Long: "Joins to each entity row (join keys and event_timestamp) the values that the features had at\n" +
			"that time; the answer has one row for each, in their order. Entity rows come from a file, from\n" +
			"SQL over the warehouse, or from JSON; without any, from the views: each key with each event\n" +
			"time between --start and --end, or each key at the time of --as-of. They go to a file (-o), or\n" +
			"into a table of the warehouse (--to-table), which the next call of the same name replaces;\n" +
			"without either they are printed as JSON, as Feast does. Each gets a receipt, from which `asof\n" +
			"dataset reproduce` makes it again. Relative paths start in the repository.",
		Example: a.example("-c my_project get-historical-features --entity-df users.csv -f subs_profile_fv:monthly_fee -o training.parquet",
			`-c my_project get-historical-features --entity-sql "SELECT user_id, as_of AS event_timestamp FROM usage_agg_30d_snapshots" --feature-service churn -o training.csv`,
			"-c my_project get-historical-features --start 2024-01-01 --end 2024-02-29 -f subs_profile_fv:monthly_fee -o training.arrow",
			"-c my_project get-historical-features --as-of 2024-02-29 -f subs_profile_fv:monthly_fee -o scoring.parquet",
			"-c my_project get-historical-features --as-of 2024-02-29 -f subs_profile_fv:monthly_fee --to-table scoring",
			`-c my_project get-historical-features -d '[{"user_id": "3413-BMNZE", "event_timestamp": "2024-01-31"}]' -f subs_profile_fv:monthly_fee`),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.events(&q); err != nil {
				return err
			}
			if err := historicalUsage(cmd, &q); err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error {
				if f.explain != "" {
					return a.explainHistorical(cmd.Context(), r, q, f.explain)
				}
				return a.historical(cmd.Context(), r, q, f.noReceipt)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Entities.Path, "entity-df", "", "the entity rows: a .csv, .parquet, .arrow or .feather file")
	flags.StringVar(&q.Entities.SQL, "entity-sql", "", "or a SELECT that gives them")
	flags.StringVarP(&q.Entities.JSON, "dataframe", "d", "", "or a JSON list of objects")
	flags.StringVarP(&f.start, "start-date", "s", "", "or the keys and event times of the views, from this time on (also --start)")
	flags.StringVarP(&f.end, "end-date", "e", "", "up to this one (also --end; default: now)")
	for name, into := range map[string]*string{"start": &f.start, "end": &f.end} {
		flags.StringVar(into, name, "", "the same as --"+name+"-date, which is Feast's name")
		flags.Lookup(name).Hidden = true
	}
	flags.StringVar(&f.at, "as-of", "", "or every key of the views, at this time")
	flags.StringArrayVarP(&q.References, "features", "f", nil, "a feature: view:feature; once for each")
	flags.StringVar(&q.Service, "feature-service", "", "the features of a service instead")
	flags.BoolVar(&q.FullNames, "full-feature-names", false, "name columns view__feature")
	flags.BoolVar(&q.CreatedCutoff, "filter-by-created-timestamp", false, "leave out what was created after a row's time")
	flags.StringVarP(&q.Output, "out", "o", "", "the file to write: .csv, .parquet or .arrow (default: print JSON)")
	flags.StringVar(&q.Table, "to-table", "", "or the table of the warehouse to write")
	flags.StringVar(&q.Label, "label", "", "the column that goes last")
	flags.BoolVar(&f.noReceipt, "no-receipt", false, "write no receipt")
	flags.StringVar(&f.explain, "explain", "", "say how the offline store would answer, as a table or --explain=json, and write nothing")
	flags.Lookup("explain").NoOptDefVal = "table"
	return cmd
}

// events reads the flags that make entity rows of the views' own.
func (f *historicalFlags) events(q *historical.Request) error {
	if f.start == "" && f.end == "" && f.at == "" {
		return nil
	}
	if f.at != "" && (f.start != "" || f.end != "") {
		return usagef("", "--as-of asks for one time, --start and --end for a span; give one of the two")
	}
	e := &asof.Events{To: time.Now().UTC().Truncate(time.Microsecond)}
	if f.at != "" {
		e.To = time.Time{}
	}
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"--start", f.start, &e.From}, {"--end", f.end, &e.To}, {"--as-of", f.at, &e.At}} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.into, err = parseInstant(t.flag, t.text); err != nil {
			return err
		}
	}
	if e.At.IsZero() && e.From.After(e.To) {
		return usagef("", "--start %s is after --end %s", instant{e.From, ""}, instant{e.To, ""})
	}
	q.Entities.Events = e
	return nil
}

// historicalUsage says what a call leaves out.
func historicalUsage(cmd *cobra.Command, q *historical.Request) error {
	help := cmd.CommandPath() + " --help"
	given := 0
	for _, set := range []bool{q.Entities.Path != "", q.Entities.SQL != "", q.Entities.JSON != "", q.Entities.Events != nil} {
		if set {
			given++
		}
	}
	const ways = "one of --entity-df FILE, --entity-sql SELECT, -d JSON, --start and --end, --as-of TIME"
	switch {
	case given == 0:
		return usagef(help, "say where the entity rows are: %s", ways)
	case given > 1:
		return usagef(help, "entity rows are given in %d ways; give %s", given, ways)
	case len(q.References) > 0 == (q.Service != ""):
		return usagef(help, "say which features: either -f VIEW:FEATURE, once for each, or --feature-service NAME")
	case q.Output != "" && cmd.Flags().Changed("to-table"):
		return usagef(help, "the rows go either to a file, -o %s, or into a table, --to-table %s; give one of the two", q.Output, q.Table)
	case cmd.Flags().Changed("to-table"):
		if err := asof.CheckTableName(q.Table); err != nil {
			return usagef(help, "--to-table: %v", err)
		}
	}
	return nil
}

// historical runs the request.
func (a *app) historical(ctx context.Context, r *repository, q historical.Request, noReceipt bool) error {
	// A training set is few large columns: collecting more often costs little,
	// and halves what is held beside them. GOGC overrides it.
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(trainingGC))
	}
	started := time.Now()
	if err := r.asks(ctx, &q); err != nil {
		return err
	}
	if q.Entities.Path != "" {
		q.Entities.Path = a.input(q.Entities.Path)
	}
	q.Output = a.path(q.Output)
	if noReceipt {
		q.Receipts = ""
	}
	if q.Table != "" {
		var err error
		if q.Warehouse, err = r.Warehouse(ctx); err != nil {
			return err
		}
	}
	progress, end := a.progress()
	q.Progress = progress
	run := historical.Run
	printed := q.Output == "" && q.Table == ""
	if printed {
		q.Receipts = ""
		run = func(ctx context.Context, q historical.Request) (historical.Result, error) {
			return historical.Print(ctx, q, a.stdio.Out)
		}
	}
	ctx, traced := r.trace.Start(ctx, "training set")
	result, err := run(ctx, q)
	traced(err)
	end()
	if err != nil {
		return err
	}
	for _, p := range result.Pulls {
		fmt.Fprintf(a.stdio.Err, "pulled %s of %s from connection %s (%s)\n", count(p.Rows, "row", "rows"), p.View, p.Connection, p.Place)
	}
	if !printed {
		place := q.Output
		if q.Table != "" {
			place = fmt.Sprintf("table %q of the warehouse", q.Table)
		}
		fmt.Fprintf(a.stdio.Out, "Wrote %s of %s to %s in %s.\n", count(result.Rows, "row", "rows"),
			count(int64(len(result.Columns)), "column", "columns"), place, took(time.Since(started)))
	}
	if result.Rows == 0 {
		fmt.Fprintf(a.stdio.Err, "%s %s\n", paint(a.stdio.Err, yellow, "note:"), whyNoRows(&q, result.Receipt))
	}
	if len(result.Empty) > 0 {
		fmt.Fprintf(a.stdio.Err, "%s no row has a value of %s: are keys and times right? `%s explain` tells for one of them\n",
			paint(a.stdio.Err, yellow, "note:"), strings.Join(result.Empty, ", "), a.name)
	}
	return nil
}

// whyNoRows says why an answer is empty. What the sources hold is known where
// there is a receipt.
func whyNoRows(q *historical.Request, made *receipt.Receipt) string {
	if q.Entities.Events == nil {
		return "there were no entity rows, so the answer has no rows"
	}
	why := "no view has a row of that time, so the answer has no rows"
	if made == nil {
		return why
	}
	for _, s := range made.Sources {
		why += fmt.Sprintf("; %s holds %s", s.Name, count(s.Rows, "row", "rows"))
		if s.Rows > 0 {
			why += fmt.Sprintf(" from %s to %s", instant{s.Oldest, ""}, instant{s.Newest, ""})
		}
	}
	return why
}

// asks fills in what every request for training data needs of a repository.
func (r *repository) asks(ctx context.Context, q *historical.Request) error {
	var err error
	if q.Snapshot, err = r.snapshot(ctx); err != nil {
		return err
	}
	if q.Store, err = r.Offline(ctx); err != nil {
		return err
	}
	q.Workers = r.workers()
	q.Version, q.Dir, q.Receipts = Version, r.config.Dir, r.receipts()
	return nil
}

// receipts is the folder that keeps the receipts of a repository's training sets.
func (r *repository) receipts() receipt.Folder {
	return receipt.Folder(filepath.Join(r.config.Dir, "data", "datasets"))
}
