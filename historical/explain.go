package historical

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// Question asks where the value of a feature of one key at one time comes from.
type Question struct {
	Snapshot      *asof.Snapshot
	Store         asof.OfflineStore
	Feature       string            // view:feature
	Key           map[string]string // join key → its value as text; "" is NULL
	At            time.Time
	CreatedCutoff bool // what was created after At does not count
}

// Explanation answers a Question. Value is that of the training data: null
// where Row is nil, or where the row holds NULL, for the reason that Verdict
// gives.
type Explanation struct {
	Feature string            `json:"feature"`
	Key     map[string]string `json:"key"`
	At      time.Time         `json:"at"`
	Source  string            `json:"source"`
	TTL     string            `json:"ttl,omitempty"`
	Value   json.RawMessage   `json:"value"`
	Verdict string            `json:"verdict"`
	Row     *Candidate        `json:"row"`            // the one that gave the value
	Later   []Candidate       `json:"later"`          // the next ones after At, newest first
	Beaten  []Candidate       `json:"beaten"`         // those that do not count, the best first
	More    bool              `json:"more,omitempty"` // there are more rows than are listed

	Features []string `json:"-"` // the names of Candidate.Values, in order
}

// Candidate is a row of the source that has the key.
type Candidate struct {
	Event   time.Time                  `json:"event_timestamp"`
	Created *time.Time                 `json:"created_timestamp,omitempty"`
	Values  map[string]json.RawMessage `json:"values"` // every feature of the view
	Why     string                     `json:"why"`    // it counts, or it does not
}

// The most rows that an Explanation lists.
const (
	listedBeaten = 10
	listedLater  = 3
)

// Explain finds the row of the source that gives the value, and those that it
// beat, or why there is none. A store that cannot show its rows is CodeInvalid;
// so is a key that the view does not have, or lacks.
func Explain(ctx context.Context, q Question) (*Explanation, error) {
	x, err := q.explainer()
	if err != nil {
		return nil, err
	}
	return x.explain(ctx)
}

// explainer finds what the question is about.
func (q Question) explainer() (*explainer, error) {
	store, ok := q.Store.(asof.RowReader)
	if !ok {
		return nil, asof.Errorf(asof.CodeInvalid, "this offline store does not show the rows of a key, so nothing can be explained")
	}
	ref, err := q.Snapshot.Reference(q.Feature)
	if err != nil {
		return nil, err
	}
	v, err := readable(q.Snapshot, ref.View)
	if err != nil {
		return nil, err
	}
	if v.Feature(ref.Feature) == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "feature view %q has no feature %q%s", ref.View, ref.Feature, asof.DidYouMean(ref.Feature, v.FeatureNames()))
	}
	view, err := v.Query()
	if err != nil {
		return nil, err
	}
	return &explainer{Question: q, store: store, view: view, feature: ref.Feature}, nil
}

// explainer answers one question.
type explainer struct {
	Question
	store   asof.RowReader
	view    asof.ViewQuery
	feature string
	key     arrow.RecordBatch // one row
}

func (x *explainer) explain(ctx context.Context) (*Explanation, error) {
	e := &Explanation{Feature: x.Feature, Key: x.Key, At: x.At.UTC(), Source: x.view.Source.Name, Value: json.RawMessage("null"),
		Later: []Candidate{}, Beaten: []Candidate{}}
	for _, f := range x.view.Features {
		e.Features = append(e.Features, f.Output)
	}
	if x.view.TTL > 0 {
		e.TTL = x.view.TTL.String()
	}
	var null string
	var err error
	x.key, null, err = x.view.Key(x.Key)
	if err != nil {
		return nil, err
	}
	if null != "" {
		e.Verdict = fmt.Sprintf("the join key %s is NULL, which equals nothing", null)
		return e, nil
	}
	if x.key != nil {
		defer x.key.Release()
	}
	if err := x.before(ctx, e); err != nil {
		return nil, err
	}
	if err := x.after(ctx, e); err != nil {
		return nil, err
	}
	if e.Verdict == "" {
		e.Verdict, err = x.missing(ctx, e)
	}
	return e, err
}

// before finds the row that counts among those up to the time.
func (x *explainer) before(ctx context.Context, e *Explanation) error {
	for limit := listedBeaten + 2; ; limit *= 8 {
		rows, err := x.rows(ctx, asof.RowsQuery{Latest: asof.Latest{To: x.At}, Limit: limit})
		if err != nil {
			return err
		}
		at := 0
		for at < len(rows) && x.createdLater(&rows[at]) {
			rows[at].Why = "its created timestamp is NULL"
			if c := rows[at].Created; c != nil {
				rows[at].Why = fmt.Sprintf("created %s after the time asked about", length(c.Sub(x.At)))
			}
			at++
		}
		if at == len(rows) && len(rows) == limit {
			continue // what counts is further down
		}
		x.judge(e, rows, at)
		if len(e.Beaten) > listedBeaten {
			e.Beaten, e.More = e.Beaten[:listedBeaten], true
		}
		return nil
	}
}

// createdLater reports whether the cut-off leaves a row out.
func (x *explainer) createdLater(c *Candidate) bool {
	return x.CreatedCutoff && x.view.Created != "" && (c.Created == nil || c.Created.After(x.At))
}

// judge tells which of the rows up to the time counts: the one at at, unless it
// is too old.
func (x *explainer) judge(e *Explanation, rows []Candidate, at int) {
	if at == len(rows) {
		e.Beaten = append(e.Beaten, rows...)
		return
	}
	best := rows[at]
	e.Beaten = append(e.Beaten, rows[:at]...)
	if over := x.At.Add(-x.view.TTL).Sub(best.Event); x.view.TTL > 0 && over > 0 {
		best.Why = fmt.Sprintf("expired: older than the ttl of %s allows by %s", length(x.view.TTL), length(over))
		e.Verdict = fmt.Sprintf("the newest row expired %s before: the ttl is %s", length(over), length(x.view.TTL))
		e.Beaten = append(e.Beaten, best)
	} else {
		best.Why = "counts"
		e.Row, e.Value, e.Verdict = &best, best.Values[x.feature], "the newest row up to the time asked about"
		if string(e.Value) == "null" {
			e.Verdict = "the newest row holds NULL"
		}
	}
	for _, r := range rows[at+1:] {
		r.Why = x.whyBeaten(&best, &r)
		e.Beaten = append(e.Beaten, r)
	}
}

// whyBeaten says what decided between two rows.
func (x *explainer) whyBeaten(best, r *Candidate) string {
	if d := best.Event.Sub(r.Event); d > 0 {
		return fmt.Sprintf("older by %s", length(d))
	}
	if x.view.Created != "" {
		switch {
		case r.Created == nil && best.Created != nil:
			return "equal event time, created timestamp NULL"
		case r.Created != nil && best.Created.After(*r.Created):
			return fmt.Sprintf("equal event time, created %s earlier", length(best.Created.Sub(*r.Created)))
		}
	}
	for _, f := range x.view.Features {
		if mine, other := best.Values[f.Output], r.Values[f.Output]; string(mine) != string(other) {
			return fmt.Sprintf("equal times, lower by %s: %s, against %s", f.Output, other, mine)
		}
	}
	return "equal in times and features"
}

// after finds the rows that come too late.
func (x *explainer) after(ctx context.Context, e *Explanation) error {
	rows, err := x.rows(ctx, asof.RowsQuery{Latest: asof.Latest{From: x.At.Add(time.Microsecond), To: endOfTime}, OldestFirst: true, Limit: listedLater + 1})
	if err != nil {
		return err
	}
	if len(rows) > listedLater {
		rows, e.More = rows[:listedLater], true
	}
	for i := len(rows) - 1; i >= 0; i-- {
		rows[i].Why = fmt.Sprintf("later by %s", length(rows[i].Event.Sub(x.At)))
		e.Later = append(e.Later, rows[i])
	}
	return nil
}

// length returns a length of time as a person reads it: 3 days, 2 days 1h30m0s.
func length(d time.Duration) string {
	const day = 24 * time.Hour
	days, rest := d/day, d%day
	switch {
	case days == 0:
		return d.String()
	case days == 1 && rest == 0:
		return "1 day"
	case rest == 0:
		return fmt.Sprintf("%d days", days)
	case days == 1:
		return fmt.Sprintf("1 day %s", rest)
	}
	return fmt.Sprintf("%d days %s", days, rest)
}

// endOfTime is later than every event.
var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// missing says why no row counts.
func (x *explainer) missing(ctx context.Context, e *Explanation) (string, error) {
	if len(e.Beaten) > 0 {
		return "every row up to the time asked about was created after it", nil
	}
	if n := len(e.Later); n > 0 {
		return fmt.Sprintf("the first row is later by %s", length(e.Later[n-1].Event.Sub(x.At))), nil
	}
	span, err := x.Store.Range(ctx, x.view.Source)
	switch {
	case err != nil:
		return "", err
	case span.Rows == 0:
		return fmt.Sprintf("source %q holds no rows", e.Source), nil
	}
	return fmt.Sprintf("never loaded: none of the %d rows of source %q, from %s to %s, has this key", span.Rows, e.Source,
		span.Oldest.Format(time.RFC3339Nano), span.Newest.Format(time.RFC3339Nano)), nil
}
