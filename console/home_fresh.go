package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/freshness"
)

// freshPart is how the views that are served stand to their calendars.
type freshPart struct {
	Error    string        `json:"error,omitempty"`
	Calendar bool          `json:"calendar"` // a view has one
	Filled   bool          `json:"filled"`   // something was materialized
	Counts   []count       `json:"counts"`
	Views    []viewMonths  `json:"views"` // those that wait first
	More     int           `json:"more"`  // views that are left off the page; JSON has all
	Until    string        `json:"until"` // the last month, as 2024-03
	Earlier  string        `json:"earlier"`
	Later    string        `json:"later,omitempty"`
	Drawn    template.HTML `json:"-"`

	waiting []viewMonths // for a month that is due
	failed  []viewMonths // whose newest materialization failed
}

// viewMonths is a view with its last months.
type viewMonths struct {
	Name    string            `json:"view"`
	State   asof.Punctuality  `json:"state,omitempty"` // "": it has no calendar
	Waits   string            `json:"next,omitempty"`  // the month that comes next
	Newest  time.Time         `json:"newest,omitzero"`
	Failed  string            `json:"failed,omitempty"` // why its newest materialization failed
	Command string            `json:"command"`          // that brings rows
	Months  []freshness.Month `json:"months"`
}

const (
	monthsShown = 12
	viewsShown  = 25
	namesShown  = 3 // of views that wait for the same month
)

// monthOf reads a month of an address; zero for none.
func monthOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	month, err := time.Parse("2006-01", text)
	if err != nil || month.Year() < 1900 || month.Year() > 2200 {
		return month, asof.Errorf(asof.CodeInvalid, "%.20q is no month: write one like 2024-02", text)
	}
	return month, nil
}

// freshness holds the views that a caller may see against their calendars.
func (c *Console) freshness(ctx context.Context, r *request, until time.Time) freshPart {
	p := freshPart{Counts: []count{}, Views: []viewMonths{}}
	leading, err := part(ctx, func(ctx context.Context) (ledgerViews, error) {
		return c.loaded.get(ctx, "", func(ctx context.Context) (ledgerViews, error) {
			return c.ledger(ctx, asof.MaterializationQuery{Project: c.o.Project, Leading: true})
		})
	})
	if err != nil {
		p.Error = err.Error()
		return p
	}
	now := time.Now().UTC()
	var newest time.Time
	for _, v := range r.snapshot.Views() {
		if !v.Online {
			continue
		}
		one := standing(v.Name, c.o.Calendars.Of(v.Name), loadedOf(leading[v.Name]), now)
		p.take(one)
		if one.Newest.After(newest) {
			newest = one.Newest
		}
	}
	last := cmp.Or(until, lastMonth(now, newest))
	p.Until, p.Earlier = last.Format("2006-01"), last.AddDate(0, -monthsShown, 0).Format("2006-01")
	if next := last.AddDate(0, monthsShown, 0); last.Format("2006-01") < now.Format("2006-01") {
		p.Later = next.Format("2006-01")
	}
	slices.SortStableFunc(p.Views, func(a, b viewMonths) int { return cmp.Compare(rank(a), rank(b)) })
	if !wantsJSON(r.Request) && len(p.Views) > viewsShown {
		p.More, p.Views = len(p.Views)-viewsShown, p.Views[:viewsShown]
	}
	if err := p.fill(ctx, c, now, last); err != nil {
		return freshPart{Error: err.Error(), Counts: []count{}, Views: []viewMonths{}}
	}
	return p
}

// fill gives the views of the page their months.
func (p *freshPart) fill(ctx context.Context, c *Console, now, last time.Time) error {
	names := make([]string, len(p.Views))
	for i, v := range p.Views {
		names[i] = v.Name
	}
	if len(names) == 0 {
		return nil
	}
	runs, err := part(ctx, func(ctx context.Context) (ledgerViews, error) {
		return c.shown.get(ctx, strings.Join(names, "\x00"), func(ctx context.Context) (ledgerViews, error) {
			return c.ledger(ctx, asof.MaterializationQuery{Project: c.o.Project, Views: names})
		})
	})
	for i, name := range names {
		p.Views[i].Months = freshness.Months(c.o.Calendars.Of(name), runs[name], now, last, monthsShown)
	}
	return err
}

// ledgerViews are entries of the ledger by their view, newest first.
type ledgerViews map[string][]asof.Materialization

func (c *Console) ledger(ctx context.Context, q asof.MaterializationQuery) (ledgerViews, error) {
	ledger, err := c.o.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := ledger.Materializations(ctx, q)
	return asof.ByView(entries), err
}

// loaded is what the ledger has of a view.
type loaded struct {
	newest time.Time            // row that was ever written
	last   asof.Materialization // that ended; zero for none
}

// loadedOf sums up the entries of a view, newest first; the leading ones do.
func loadedOf(entries []asof.Materialization) loaded {
	l := loaded{newest: asof.Covered(entries).Newest}
	if i := slices.IndexFunc(entries, func(m asof.Materialization) bool { return !m.Finished.IsZero() }); i >= 0 {
		l.last = entries[i]
	}
	return l
}

// lastMonth is that of now, or soon after the newest rows where they are much
// older: a calendar of empty months says little.
func lastMonth(now, newest time.Time) time.Time {
	soon := time.Date(newest.Year(), newest.Month()+3, 1, 0, 0, 0, 0, time.UTC)
	if newest.IsZero() || soon.After(now) {
		return firstOf(now)
	}
	return soon
}

// standing says how a view stands by what the ledger has of it.
func standing(name string, calendar *asof.Freshness, l loaded, now time.Time) viewMonths {
	v := viewMonths{Name: name, Newest: l.newest, Command: "asof materialize-incremental " + now.AddDate(0, 0, 1).Format(time.DateOnly) + " --views " + shell(name)}
	if l.last.Error != "" && !l.last.Undone() {
		v.Failed = l.last.Error
	}
	if pipeline, ok := strings.CutPrefix(l.last.Cause, "pipeline "); ok {
		v.Command = "asof pipeline run " + shell(pipeline)
	}
	if calendar != nil {
		due := calendar.At(now, v.Newest)
		v.State = due.State
		if !due.Month.IsZero() {
			v.Waits = due.Month.Format("2006-01")
		}
	}
	return v
}

// take counts a view.
func (p *freshPart) take(v viewMonths) {
	p.Views = append(p.Views, v)
	p.Filled = p.Filled || !v.Newest.IsZero()
	p.Calendar = p.Calendar || v.State != ""
	if v.Failed != "" {
		p.failed = append(p.failed, v)
	}
	if v.State == asof.Late || v.State == asof.Stale && !v.Newest.IsZero() {
		p.waiting = append(p.waiting, v)
	}
	state := cmp.Or(string(v.State), "free")
	for i := range p.Counts {
		if p.Counts[i].Kind == state {
			p.Counts[i].N++
			return
		}
	}
	p.Counts = append(p.Counts, count{state, 1})
}

// rank orders views: what waits first.
func rank(v viewMonths) int {
	return map[asof.Punctuality]int{asof.Stale: 0, asof.Late: 1, asof.Fresh: 2, "": 3}[v.State]
}

// needs lists views whose materialization failed, and months that views wait
// for: those that wait for the same one are one need.
func (p *freshPart) needs() (list []need) {
	for i, v := range p.failed {
		if i == namesShown {
			list = append(list, need{Kind: "failed-views", Subject: fmt.Sprint(len(p.failed) - namesShown), Page: "/catalog?kind=view", Command: "asof materializations"})
			break
		}
		list = append(list, need{Kind: "failed-view", Subject: v.Name, Detail: v.Failed, Page: link{"view", v.Name}.Path(), Command: v.Command})
	}
	for len(p.waiting) > 0 {
		first := p.waiting[0]
		var names []string
		p.waiting = slices.DeleteFunc(p.waiting, func(v viewMonths) bool {
			same := v.State == first.State && v.Waits == first.Waits
			if same {
				names = append(names, v.Name)
			}
			return same
		})
		if len(names) > 1 {
			first.Command = strings.TrimSuffix(first.Command, " --views "+shell(first.Name))
		}
		one := need{Kind: "view-" + string(first.State), Subject: strings.Join(names[:min(len(names), namesShown)], ", "), Month: first.Waits, Page: link{"view", first.Name}.Path(), Command: first.Command}
		if n := len(names) - namesShown; n > 0 {
			one.Subject += fmt.Sprintf(" +%d", n)
		}
		list = append(list, one)
	}
	return list
}

// marks are the signs of cells.
var marks = map[freshness.Arrival]string{freshness.Came: "✓", freshness.InTime: "✓", freshness.WasLate: "~", freshness.Awaited: "·", freshness.Missing: "?", freshness.TooOld: "!"}

// draw draws the calendar in a language.
func (p *freshPart) draw(c *Console, l *language) (err error) {
	if len(p.Views) == 0 {
		return nil
	}
	var drawing chart.Calendar
	first := p.begins()
	for _, m := range p.Views[0].Months[first:] {
		drawing.Columns = append(drawing.Columns, chart.Column{Title: m.Month.Format("01"), Over: m.Month.Format("2006")})
	}
	for _, v := range p.Views {
		page := c.o.RootPath + link{"view", v.Name}.Path()
		row := chart.Row{Title: v.Name, Href: page}
		for _, m := range v.Months[first:] {
			cell := chart.Cell{Class: cmp.Or(string(m.Arrival), "none"), Mark: marks[m.Arrival]}
			if m.Arrival != freshness.Nothing {
				if cell.Text, err = l.text("home.cell-"+string(m.Arrival), v.Name, m.Month.Format("2006-01"), dayText(m.Came), dayText(m.Due.AddDate(0, 0, -1))); err != nil {
					return err
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		drawing.Rows = append(drawing.Rows, row)
	}
	p.Drawn = drawing.SVG()
	return nil
}

// begins returns the place of the first month of which anything is said.
func (p *freshPart) begins() int {
	first := monthsShown
	for _, v := range p.Views {
		if i := slices.IndexFunc(v.Months, func(m freshness.Month) bool { return m.Arrival != freshness.Nothing }); i >= 0 {
			first = min(first, i)
		}
	}
	if first == monthsShown {
		return 0
	}
	return first
}

func dayText(t time.Time) string { return t.UTC().Format(time.DateOnly) }
