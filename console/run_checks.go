package console

import (
	"context"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/pipeline"
)

// checkedTable is what the checks of a table found: the rules that did not hold,
// with rows that break them, and those that did.
type checkedTable struct {
	Table  string       `json:"table"`
	Rows   int64        `json:"rows"`
	Broken []check.Kept `json:"broken"`
	Held   []check.Kept `json:"held"`
}

func checked(kept pipeline.KeptStep) checkedTable {
	t := checkedTable{Table: kept.Table, Rows: kept.Rows, Broken: []check.Kept{}, Held: []check.Kept{}}
	for _, one := range kept.Checks {
		if one.Holds {
			t.Held = append(t.Held, one)
		} else {
			t.Broken = append(t.Broken, one)
		}
	}
	return t
}

// asideTable says how many rows of a table a run has put aside.
type asideTable struct {
	Table      string `json:"table"`
	Rows       int64  `json:"rows"`
	Quarantine string `json:"quarantine"`
	Page       string `json:"page"`
}

// asidePage is the page of the rows of a table that a run has put aside.
type asidePage struct {
	Run     lastRun     `json:"run"`
	Table   string      `json:"table"`
	Columns []string    `json:"columns"`
	Rows    [][]*string `json:"rows"` // nil is null
	More    bool        `json:"more"` // there are others
	Replay  string      `json:"-"`    // where they are corrected; "" where the caller may not, or nothing is left to correct
}

func (p *asidePage) title() string { return p.Run.Pipeline + " · " + p.Table }

// asideShown is how many rows that were put aside are shown, and corrected in
// the browser.
const asideShown = 100

// aside reads rows that a run has put aside.
func (c *Console) aside(ctx context.Context, id, table string) (run asof.Run, p *pipeline.Pipeline, found pipeline.Quarantined, err error) {
	if _, err = c.pipelineStore(ctx); err != nil {
		return run, p, found, err
	}
	if _, run, err = c.run(ctx, id); err != nil {
		return run, p, found, err
	}
	if p, err = c.pipeline(run.Pipeline); err != nil {
		return run, p, found, err
	}
	if _, there := p.Quarantines()[table]; !there {
		return run, p, found, asof.Errorf(asof.CodeNotFound, "pipeline %s puts no rows of %.60q aside", p.Name, table)
	}
	found, err = c.o.Pipelines.Aside(ctx, p, table, run.ID, asideShown+1)
	return run, p, found, err
}

// showAside shows rows that were put aside.
func showAside(ctx context.Context, c *Console, r *request) (any, error) {
	run, _, found, err := c.aside(ctx, r.PathValue("id"), r.PathValue("table"))
	if err != nil {
		return nil, err
	}
	page := &asidePage{Run: shownRun(run, pipeline.DayOf(run)), Table: r.PathValue("table"), Rows: [][]*string{}}
	for _, column := range found.Columns {
		page.Columns = append(page.Columns, strings.TrimPrefix(column, asof.ReservedTables))
	}
	page.Rows = append(page.Rows, found.Rows[:min(len(found.Rows), asideShown)]...)
	page.More = len(found.Rows) > asideShown
	if c.protect.admits(r.Request) == nil && c.may(ctx, permission.Update) == nil && len(uncorrected(found)) > 0 {
		page.Replay = page.Run.Path() + "/replay/" + r.PathValue("table")
	}
	return page, nil
}

// uncorrected are the rows that nobody has corrected.
func uncorrected(found pipeline.Quarantined) (rows [][]*string) {
	state := slices.Index(found.Columns, "asof_state")
	for _, row := range found.Rows {
		if row[state] != nil && *row[state] == "aside" {
			rows = append(rows, row)
		}
	}
	return rows
}
