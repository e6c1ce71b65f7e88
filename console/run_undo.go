package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// undoWithin is what a rollback may take: tables, then what is online.
const undoWithin = 10 * time.Minute

func askRollback(ctx context.Context, c *Console, r *request) (*question, error) {
	if _, err := c.pipelineStore(ctx); err != nil {
		return nil, err
	}
	q, run, err := askRun(ctx, c, r, "rollback")
	if err != nil {
		return nil, err
	}
	if run.Finished.IsZero() {
		return nil, asof.Errorf(asof.CodeConflict, "run %s is %s; cancel it, and roll it back when it has ended", run.ID, run.State)
	}
	all, err := c.o.Pipelines.Publications(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(p asof.Publication) bool { return p.ID == run.ID })
	if at < 0 {
		return nil, asof.Errorf(asof.CodeConflict, "run %s has published nothing: there is nothing to roll back", run.ID)
	}
	if !all[at].Undone.IsZero() {
		q.Will = append(q.Will, r.say("rollback.again", minute(all[at].Undone)))
	}
	q.Will = append(q.Will, r.say("rollback.will", run.Pipeline, all[at].AsOf.Format(time.DateOnly), minute(all[at].At)))
	page := &runPage{lastRun: shownRun(run, "")}
	store, err := c.o.Runs(ctx)
	if err != nil {
		return nil, err
	}
	attempts, err := store.Steps(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	if err := page.steps(attempts); err != nil {
		return nil, err
	}
	for _, change := range page.Changes {
		switch {
		case change.Skipped != "":
		case change.Added+change.Changed+change.Removed == 0:
			q.Will = append(q.Will, r.say("rollback.same", change.Table))
		default:
			q.Will = append(q.Will, r.say("rollback.table", change.Table, change.Added, change.Changed, change.Removed))
		}
	}
	q.Will = append(q.Will, r.say("rollback.online"))
	if at > 0 {
		q.Will = append(q.Will, r.say("rollback.later"))
	}
	return q, nil
}

func doRollback(ctx context.Context, c *Console, r *request, _ *question) (done, error) {
	_, run, err := c.run(ctx, r.PathValue("id"))
	if err != nil {
		return done{}, err
	}
	undone, err := c.o.Pipelines.Rollback(ctx, run.ID)
	if err != nil {
		return done{}, err
	}
	var tables []string
	for _, t := range undone.Tables {
		tables = append(tables, fmt.Sprintf("%s: %d back, %d changed back, %d removed", t.Table, t.Added, t.Changed, t.Removed))
	}
	for _, gone := range undone.Gone {
		tables = append(tables, gone+": gone")
	}
	return done{to: shownRun(run, "").Path(), said: r.say("rollback.done", run.ID), outcome: strings.Join(tables, "; ")}, nil
}

// mostCorrected is how much text of corrected rows is taken.
const mostCorrected = 256 << 10

func askReplay(ctx context.Context, c *Console, r *request) (*question, error) {
	table := r.PathValue("table")
	run, p, found, err := c.aside(ctx, r.PathValue("id"), table)
	if err != nil {
		return nil, err
	}
	left := uncorrected(found)
	if len(left) == 0 {
		return nil, asof.Errorf(asof.CodeConflict, "no row of %s that run %s put aside is left to correct", table, run.ID)
	}
	var text strings.Builder
	if err := (pipeline.Quarantined{Columns: found.Columns, Rows: left[:min(len(left), asideShown)]}).WriteCSV(&text); err != nil {
		return nil, err
	}
	day := pipeline.DayOf(run)
	q := &question{Title: r.say("act.replay") + r.say("colon") + " " + p.Name + ", " + table, On: "pipeline " + p.Name, Back: shownRun(run, "").Path() + "/aside/" + table, Button: r.say("act.replay")}
	rows := input{Name: "rows", Label: r.say("replay.rows", table), Type: "textarea", Value: text.String(), Required: true, Help: r.say("replay.how"), Long: mostCorrected}
	if given := r.form.Get("rows"); given != "" {
		rows.Value = strings.ReplaceAll(given, "\r\n", "\n")
	}
	q.Inputs = []input{rows}
	n := len(strings.Split(strings.TrimSpace(rows.Value), "\n")) - 1
	if n < 1 {
		return q, asof.Errorf(asof.CodeInvalid, "there is no row below the names of the columns")
	}
	q.Will = append([]string{r.say("replay.will", n, table, day), r.say("replay.run", p.Name, assigned(run.Params))}, c.effects(r, p, run.Params)...)
	return q, nil
}

func doReplay(ctx context.Context, c *Console, r *request, q *question) (done, error) {
	run, p, _, err := c.aside(ctx, r.PathValue("id"), r.PathValue("table"))
	if err != nil {
		return done{}, err
	}
	store, err := c.o.Runs(ctx)
	if err != nil {
		return done{}, err
	}
	folder, err := os.MkdirTemp("", "asof-corrected-")
	if err != nil {
		return done{}, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "rows.csv")
	if err := os.WriteFile(file, []byte(q.Inputs[0].Value), 0o600); err != nil {
		return done{}, err
	}
	_, earlier, err := c.o.Pipelines.Correct(ctx, p, pipeline.Correction{Table: r.PathValue("table"), Month: pipeline.DayOf(run), File: file, Name: r.say("replay.rows", r.PathValue("table"))})
	if err != nil {
		return done{}, err
	}
	values, err := p.Values(earlier.Params, time.Now())
	if err != nil {
		return done{}, err
	}
	return c.enter(ctx, r, store, p, values)
}
