package console

import (
	"context"
	"encoding/json"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/chart"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/value"
)

// story is the history of a feature's value.
type story struct {
	Feature string              `json:"feature"`
	Moments []historical.Moment `json:"rows"`
	More    bool                `json:"more,omitempty"`
	Error   string              `json:"error,omitempty"`
	Chart   template.HTML       `json:"-"`
}

// instant is a time that can be asked about.
type instant struct {
	Time   time.Time `json:"time"`
	Href   string    `json:"-"`
	Chosen bool      `json:"-"`
}

const (
	historyLimit = 100 // rows of a history, the newest
	instantLimit = 40  // times to choose from, the newest
)

// told returns the feature whose history is asked for; without one, the first
// that has a history; nil where none has.
func (q *inquiry) told() *lookedFeature {
	name := q.r.URL.Query().Get("feature")
	for i, f := range q.features {
		if f.plain && (name == "" || name == f.name) {
			return &q.features[i]
		}
	}
	return nil
}

// untold says why the feature whose history is asked for has none.
func (q *inquiry) untold() (computed bool, err error) {
	name := q.r.URL.Query().Get("feature")
	var names []string
	for _, f := range q.features {
		if f.name == name {
			return !f.plain, nil
		}
		names = append(names, f.name)
	}
	if name == "" {
		return false, nil
	}
	return false, asof.Errorf(asof.CodeNotFound, "%q is not among the features that are looked up%s", name, asof.DidYouMean(name, names))
}

// about returns the question that the history and the explanation answer.
func (q *inquiry) about(ctx context.Context, f *lookedFeature) (historical.Question, error) {
	used := f.views[0]
	if err := q.c.o.Guard.Check(ctx, q.all, permission.ReadOffline, used.view); err != nil {
		return historical.Question{}, err
	}
	store, err := q.c.o.Lookup.Offline(ctx)
	return historical.Question{Snapshot: q.all, Store: store, Feature: f.page.Name, Key: used.texts(q.texts), At: q.at}, err
}

// history reads the rows that the told feature's source has of the key.
func (q *inquiry) history(ctx context.Context) *story {
	f := q.told()
	if f == nil {
		return nil
	}
	s := &story{Feature: f.name, Moments: []historical.Moment{}}
	s.Error = q.within(ctx, offlineTime, "the offline store", func(ctx context.Context) error {
		about, err := q.about(ctx, f)
		if err != nil {
			return err
		}
		moments, more, err := historical.History(ctx, about, historyLimit)
		for _, m := range moments {
			m.Value = asServed(f.typ, m.Value)
			s.Moments = append(s.Moments, m)
		}
		s.More = more
		return err
	})
	if f.typ.IsNumber() {
		s.Chart = s.draw(q.r.lang)
	}
	return s
}

// asServed writes a time, of which training data has the milliseconds, as the
// values beside it are written.
func asServed(t asof.Type, text json.RawMessage) json.RawMessage {
	ms, err := strconv.ParseInt(string(text), 10, 64)
	if t.Value != asof.TypeUnixTimestamp || err != nil {
		return text
	}
	return shownJSON(value.AppendUnixTimestamp(nil, time.UnixMilli(ms).Unix()))
}

// draw draws the numbers that counted over time; what is no number is a gap.
// With fewer than two there is no line.
func (s *story) draw(l *language) template.HTML {
	title, err := l.text("lookup.historyof", s.Feature)
	if err != nil {
		return ""
	}
	line := chart.Line{Frame: chart.Frame{Title: title}, Series: []chart.Series{{Name: s.Feature}}}
	for _, m := range slices.Backward(s.Moments) {
		if !m.Counts {
			continue
		}
		number, err := strconv.ParseFloat(string(m.Value), 64)
		if err != nil {
			number = math.NaN()
		}
		line.Times, line.Series[0].Values = append(line.Times, m.Event), append(line.Series[0].Values, number)
	}
	if len(line.Times) < 2 {
		return ""
	}
	return line.SVG()
}

// reason is a row of a source, and why it counts or does not.
type reason struct {
	historical.Moment
	Why string
}

// explain says where the value of the feature comes from whose history is asked
// for.
func (q *inquiry) explain(ctx context.Context) (e *historical.Explanation, reasons []reason, wrong string) {
	f := q.told()
	if f == nil || q.r.URL.Query().Get("feature") == "" {
		return nil, nil, ""
	}
	wrong = q.within(ctx, offlineTime, "the offline store", func(ctx context.Context) error {
		about, err := q.about(ctx, f)
		if err != nil {
			return err
		}
		e, err = historical.Explain(ctx, about)
		return err
	})
	if e == nil {
		return nil, nil, wrong
	}
	_, feature, _ := strings.Cut(f.page.Name, ":")
	candidates := slices.Clone(e.Later)
	if e.Row != nil {
		candidates = append(candidates, *e.Row)
	}
	for i, row := range append(candidates, e.Beaten...) {
		reasons = append(reasons, reason{historical.Moment{Event: row.Event, Created: row.Created, Value: asServed(f.typ, row.Values[feature]), Counts: e.Row != nil && i == len(e.Later)}, row.Why})
	}
	return e, reasons, ""
}

// instants returns the snapshots that were materialized of the views, and the
// times at which the told value changed, oldest first.
func (q *inquiry) instants(ctx context.Context, told *story) (list []instant) {
	seen := map[int64]bool{}
	add := func(at time.Time) {
		if at = at.UTC(); !at.IsZero() && !seen[at.UnixMicro()] {
			seen[at.UnixMicro()] = true
			list = append(list, instant{Time: at})
		}
	}
	if told != nil {
		for _, m := range told.Moments {
			add(m.Event)
		}
	}
	if ledger, err := q.c.o.Ledger(ctx); err == nil {
		var views []string
		for _, v := range q.views() {
			views = append(views, v.view.Name)
		}
		var runs []asof.Materialization
		if len(views) > 0 {
			runs, _ = ledger.Materializations(ctx, asof.MaterializationQuery{Project: q.c.o.Project, Views: views}) // without it there are fewer to choose from
		}
		for _, m := range runs {
			if m.Done() {
				add(m.Newest)
			}
		}
	}
	slices.SortFunc(list, func(a, b instant) int { return a.Time.Compare(b.Time) })
	list = list[max(0, len(list)-instantLimit):]
	for i := range list {
		list[i].Href = q.href("at", list[i].Time.Format(time.RFC3339Nano))
		list[i].Chosen = list[i].Time.Equal(q.at)
	}
	return list
}
