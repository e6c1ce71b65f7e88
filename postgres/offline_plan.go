package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/asof-dev/asof/pit"
)

// way is how the rows of views are matched.
type way int

const (
	cheapest way = iota
	byLookup     // the server looks each entity row up in an index
	inMemory     // the sources are read, and joined here
	byWindow     // the server puts all rows of the source in order
)

// plan is how a question is answered: in memory, or by the server, which looks
// up in an index what Lookup of a view says, and sorts the other views.
type plan struct {
	query    *pit.Query
	rows     *pit.Rows // nil where the server makes the entity rows
	entities float64   // how many entity rows there are
	views    []*viewPlan
	inMemory bool
	memory   time.Duration // what it takes in memory,
	server   time.Duration // and by the server
}

// viewPlan is what is known of one view, and what each way of matching it takes.
type viewPlan struct {
	view  *pit.View
	index *index   // nil: none serves
	all   estimate // what a scan gives
	found estimate // what it gives of the entity rows' keys
	unfit error    // why it cannot be joined in memory; nil if it can

	lookup, memory, window time.Duration
}

// What a step takes, measured with rows of 50 to 70 bytes on two cores that
// server and client share. They decide between ways that differ by factors;
// what they say of seconds is rough.
const (
	perLookup = 4 * time.Microsecond  // a descent to a row, entity rows in order
	perUnit   = 6 * time.Microsecond  // of the server's own cost, which a sequential page is 1 of
	perRead   = 500 * time.Nanosecond // a row sent, decoded and put by key and time
	perSorted = 3 * time.Microsecond  // a row through a window and a hash join
	perPair   = 100 * time.Nanosecond // two rows compared that no key tells apart
	perEntity = 3 * time.Microsecond  // an entity row copied to the server, its answer sorted and sent
	perScan   = 15 * time.Millisecond // a connection of its own
	never     = time.Duration(math.MaxInt64 / 1024)
)

// plan chooses how to answer.
func (o *Offline) plan(ctx context.Context, t *question, query *pit.Query, rows *pit.Rows) (*plan, error) {
	p := &plan{query: query, rows: rows}
	switch {
	case rows != nil && rows.All():
		p.entities = float64(rows.Held())
	case rows != nil:
		p.entities = float64(rows.Held()) * 10
	default:
		found, err := t.estimate(ctx, scan{sql: query.Select.SQL}, "the SQL of the entity rows")
		if err != nil {
			return nil, err
		}
		p.entities = found.Rows
	}
	p.server, p.memory = times(p.entities, perEntity), 0
	for _, v := range query.Views {
		view, err := o.viewPlan(ctx, t, p, v)
		if err != nil {
			return nil, err
		}
		p.views = append(p.views, view)
		p.server += min(view.lookup, view.window)
		p.memory += view.memory
	}
	p.inMemory = p.memory < p.server
	o.obey(p)
	for _, view := range p.views {
		if view.lookup <= view.window {
			view.view.Lookup = view.index.lookup()
		}
	}
	return p, nil
}

// viewPlan estimates the ways of matching one view.
func (o *Offline) viewPlan(ctx context.Context, t *question, p *plan, v *pit.View) (*viewPlan, error) {
	view := &viewPlan{view: v, lookup: never, memory: never}
	var err error
	if view.index, err = t.index(ctx, p.query, v); err != nil {
		return nil, err
	}
	doing := fmt.Sprintf("feature view %q cannot be read", v.View)
	if err := t.expect(ctx, p, view, doing); err != nil {
		return nil, err
	}
	view.window = times(view.all.Cost, perUnit) + times(view.all.Rows, perSorted)
	if len(v.Keys) == 0 {
		view.window += times(view.all.Rows*p.entities, perPair)
	}
	if view.index != nil {
		view.lookup = times(p.entities, perLookup)
	}
	if view.unfit, err = t.unfit(ctx, o, p, view, doing); err == nil && view.unfit == nil {
		view.memory = perScan + times(view.found.Cost, perUnit) + times(view.found.Rows, perRead)
	}
	return view, err
}

// expect estimates what a scan of a view gives, of all keys and of those of the
// entity rows: the server looks at each key that it is told, so it is told some.
func (t *question) expect(ctx context.Context, p *plan, view *viewPlan, doing string) error {
	var err error
	view.all, err = t.estimate(ctx, scan{sql: pit.Scan(pit.Postgres, p.query, view.view)}, doing)
	view.found = view.all
	if some, keys := scanOf(p.query, p.rows, view.view, sampled); err == nil && keys > 0 {
		var sample estimate
		sample, err = t.estimate(ctx, some, doing)
		view.found.Rows = min(view.all.Rows, sample.Rows*float64(keys)/float64(min(keys, sampled)))
	}
	return err
}

// unfit returns why a view is not for the join in memory, nil where it is.
func (t *question) unfit(ctx context.Context, o *Offline, p *plan, view *viewPlan, doing string) (unfit, err error) {
	if p.rows == nil {
		return fmt.Errorf("%w: the server makes the entity rows", pit.ErrNotInMemory), nil
	}
	if bytes := view.found.Rows * (view.found.Width + 32); bytes > float64(o.history)/float64(len(p.query.Views)) {
		return fmt.Errorf("%w: feature view %s has too many", pit.ErrNotInMemory, view.view.View), nil
	}
	schema, err := t.schema(ctx, scan{sql: pit.Scan(pit.Postgres, p.query, view.view)}, doing)
	if err != nil {
		return nil, err
	}
	return pit.Joins(p.query, view.view, p.rows, schema), nil
}

// obey takes the way that a test wants, where it can be taken at all.
func (o *Offline) obey(p *plan) {
	fit := true
	for _, view := range p.views {
		fit = fit && view.unfit == nil
		switch o.force {
		case byLookup:
			view.lookup = 0
			if view.index == nil {
				view.index = &index{name: "none"}
			}
		case byWindow:
			view.window, view.lookup = 0, never
		}
	}
	if o.force != cheapest {
		p.inMemory = o.force == inMemory && fit
	}
}

func times(n float64, each time.Duration) time.Duration {
	return time.Duration(min(n*float64(each), float64(never)))
}

// estimate is what the server expects of a query.
type estimate struct {
	Rows  float64 `json:"Plan Rows"`
	Width float64 `json:"Plan Width"` // bytes of a row
	Cost  float64 `json:"Total Cost"`
}

func (t *question) estimate(ctx context.Context, s scan, doing string) (estimate, error) {
	result := t.conn.PgConn().ExecParams(ctx, "EXPLAIN (FORMAT JSON) "+s.sql, s.arguments.values, s.arguments.types, s.arguments.formats, nil).Read()
	if result.Err != nil {
		return estimate{}, t.fault(ctx, doing, result.Err)
	}
	var said []struct{ Plan estimate }
	if len(result.Rows) != 1 || json.Unmarshal(result.Rows[0][0], &said) != nil || len(said) != 1 {
		return estimate{}, errors.New("PostgreSQL explains a query in a form that is not known")
	}
	return said[0].Plan, nil
}
