package cli

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/monitor"
)

// granularities are those of Feast, as flags take them.
var granularities = []string{"daily", "weekly", "biweekly", "monthly", "quarterly"}

// statisticsSources are the values of --source-type.
var statisticsSources = map[string][]asof.StatisticsSource{"batch": {asof.StatisticsBatch}, "log": {asof.StatisticsLog},
	"all": {asof.StatisticsBatch, asof.StatisticsLog}}

type monitorRunFlags struct {
	project, service string
	views, features  []string
	start, end       string
	granularity      string
	baseline         bool
	source           string
	output           string
	from, to         time.Time
}

func (a *app) monitorRunCommand() *cobra.Command {
	var flags monitorRunFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Compute statistics of features, and keep them",
		Long: "Counts what features hold in spans of event time, and keeps it: rows, nulls, distinct values, least, greatest,\n" +
			"mean, standard deviation, quantiles, a histogram in bins that stay, the most frequent values.\n" +
			"Without dates it is done for the day, the week, two weeks, the month and the quarter of a view's newest row,\n" +
			"and for all rows, as a baseline, of features that have none; with -g alone for all of them since the oldest\n" +
			"row. A time from --start-date to --end-date, both included and in UTC, is divided by -g.",
		Example: a.example("-c my_project monitor run -g monthly", "-c my_project monitor run --start-date 2024-02-01 --end-date 2024-02-29 -v usage_agg_30d_fv",
			"-c my_project monitor run --start-date 2024-01-01 --end-date 2024-01-31 --set-baseline --output json"),
		Args: a.args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.read(cmd); err != nil {
				return err
			}
			return a.withRepository(cmd.Context(), func(r *repository) error { return r.monitorRun(cmd.Context(), flags) })
		},
	}
	f := cmd.Flags()
	f.StringVarP(&flags.project, "project", "p", "", "of another project of the registry")
	f.StringArrayVarP(&flags.views, "feature-view", "v", nil, "of this view; may be given again; of all without it")
	f.StringArrayVarP(&flags.features, "feature-name", "f", nil, "of this feature; may be given again; of all without it")
	f.StringVar(&flags.start, "start-date", "", "from this day on (default: the day before --end-date)")
	f.StringVar(&flags.end, "end-date", "", "up to this day (default: today)")
	f.StringVarP(&flags.granularity, "granularity", "g", "", "daily, weekly, biweekly, monthly or quarterly")
	f.BoolVar(&flags.baseline, "set-baseline", false, "what is computed is the baseline: it decides the bins")
	f.StringVarP(&flags.service, "feature-service", "s", "", "of the views of this service")
	f.StringVar(&flags.source, "source-type", "batch", "batch: rows of the sources; log: answers of servers; or all")
	outputFlag(cmd, &flags.output)
	return cmd
}

// read checks the flags, and reads the days.
func (f *monitorRunFlags) read(cmd *cobra.Command) (err error) {
	help := cmd.CommandPath() + " --help"
	switch {
	case f.output != "table" && f.output != "json":
		return badOutput(f.output, "table", "json")
	case f.granularity != "" && !slices.Contains(granularities, f.granularity):
		return usagef(help, "--granularity is %q%s", f.granularity, asof.DidYouMean(f.granularity, granularities))
	case statisticsSources[f.source] == nil:
		return usagef(help, "--source-type is %q; write batch, log or all", f.source)
	case f.service != "" && len(f.views) > 0:
		return usagef(help, "--feature-service and --feature-view both say which views; give one of them")
	case f.start == "" && f.end == "":
		return nil
	}
	day := func(name, text string, otherwise time.Time) time.Time {
		d, e := time.Parse(time.DateOnly, text)
		if text == "" {
			return otherwise
		}
		if e != nil && err == nil {
			err = usagef(help, "%s %q is no day; write 2024-01-31", name, text)
		}
		return d
	}
	last := day("--end-date", f.end, time.Now().UTC().Truncate(24*time.Hour))
	f.from, f.to = day("--start-date", f.start, last.AddDate(0, 0, -1)), last.AddDate(0, 0, 1).Add(-time.Microsecond)
	if err == nil && f.to.Before(f.from) {
		err = usagef(help, "--start-date %s is behind --end-date %s", f.from.Format(time.DateOnly), last.Format(time.DateOnly))
	}
	if err != nil {
		return err
	}
	ask := monitor.Request{From: f.from, To: f.to, Granularity: asof.Granularity(f.granularity), Baseline: f.baseline}
	if err := ask.Check(); err != nil {
		return usagef(help, "%s", err)
	}
	return nil
}

// monitor returns what describes and compares the repository's features.
func (r *repository) monitor(ctx context.Context, progress asof.Progress) (*monitor.Monitor, error) {
	if _, err := r.snapshot(ctx); err != nil {
		return nil, err
	}
	m := &monitor.Monitor{Project: r.config.Project, Thresholds: r.config.Asof.Monitor.Thresholds, Progress: progress}
	var err error
	if m.Registry, err = r.Registry(ctx); err != nil {
		return nil, err
	}
	if m.Statistics, err = r.Statistics(ctx); err != nil {
		return nil, err
	}
	m.Changed = r.changed
	m.Offline, err = r.Offline(ctx)
	return m, err
}

func (r *repository) monitorRun(ctx context.Context, flags monitorRunFlags) error {
	progress, end := r.app.progress()
	m, err := r.monitor(ctx, progress)
	if err == nil && flags.source != "batch" && flags.project == "" { // another project logs where its own repository says
		if logs, oldest, e := r.served(ctx); !oldest.IsZero() {
			m.Served = logs
		} else {
			err = e
		}
	}
	if err != nil {
		end()
		return err
	}
	if flags.project != "" {
		m.Project = flags.project
	}
	ask := monitor.Request{Views: flags.views, Features: flags.features, Sources: statisticsSources[flags.source], From: flags.from, To: flags.to,
		Granularity: asof.Granularity(flags.granularity), Baseline: flags.baseline, By: "monitor run"}
	if flags.source == "all" && m.Served == nil {
		r.app.note("no answers of servers are logged: statistics are those of the sources alone")
		ask.Sources = statisticsSources["batch"]
	}
	if flags.service != "" {
		ask.Views, err = servedViews(ctx, m, flags.service)
	}
	var done []monitor.Computed
	if err == nil {
		done, err = m.Run(ctx, ask)
	}
	end()
	if err == nil || len(done) > 0 {
		if e := r.app.printComputed(flags.output, done); e != nil {
			return e
		}
		r.pruneStatistics(ctx, m)
	}
	return err
}

// servedViews lists the views that a service takes features of.
func servedViews(ctx context.Context, m *monitor.Monitor, name string) ([]string, error) {
	snapshot, err := m.Registry.Snapshot(ctx, m.Project)
	if err != nil {
		return nil, err
	}
	service, err := snapshot.Service(name)
	if err != nil {
		return nil, err
	}
	var views []string
	for _, p := range service.Projections {
		if snapshot.Object(asof.KindFeatureView, p.View) != nil {
			views = append(views, p.View)
		}
	}
	if len(views) == 0 {
		err = asof.Errorf(asof.CodeInvalid, "feature service %q takes features of no view that has a source", name)
	}
	return views, err
}

func (a *app) printComputed(output string, done []monitor.Computed) error {
	var rows [][]any
	for _, c := range done {
		if c.Granularity == "" {
			a.note("feature view %s: there are no rows (%s)", c.View, c.Source)
			continue
		}
		rows = append(rows, []any{c.View, c.Source, c.Granularity, dayOrTime(c.Span.From), dayOrTime(c.Span.To), c.Features, c.Rows, yesNo(c.Baseline), elapsed(c.Took)})
	}
	return a.printList(output, []string{"VIEW", "SOURCE", "GRANULARITY", "FROM", "TO", "FEATURES", "ROWS", "BASELINE", "TOOK"}, rows)
}

// prunedAtOnce bounds how many statistics, and verdicts, one command removes.
const prunedAtOnce = 5000

// pruneStatistics removes what is kept no longer. What fails of it is tried again
// the next time.
func (r *repository) pruneStatistics(ctx context.Context, m *monitor.Monitor) {
	if _, err := m.Statistics.Prune(ctx, m.Project, r.config.Asof.Monitor.Retention, prunedAtOnce); err != nil {
		slog.Warn("old statistics are left behind", "error", err)
	}
}

// dayOrTime is a time that a table shows as a day where it begins or ends one.
type dayOrTime time.Time

func (d dayOrTime) String() string {
	t := time.Time(d)
	if t.Add(time.Microsecond).Equal(t.Truncate(24*time.Hour).AddDate(0, 0, 1)) || t.Equal(t.Truncate(24*time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return instant{t, ""}.String()
}

// MarshalJSON writes the whole time.
func (d dayOrTime) MarshalJSON() ([]byte, error) { return instant{time.Time(d), ""}.MarshalJSON() }
