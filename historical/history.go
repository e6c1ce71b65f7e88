package historical

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Moment is a row of a source, as the history of one feature has it.
type Moment struct {
	Event   time.Time       `json:"event_timestamp"`
	Created *time.Time      `json:"created_timestamp,omitempty"`
	Value   json.RawMessage `json:"value"`
	Counts  bool            `json:"counts"` // it is the first among those of its event time
}

// History returns the newest rows that a feature's source has of a key, newest
// first, at most limit of them, and whether there are more. The question's time
// is not looked at. It fails as Explain does; a key of which one is NULL has no
// rows.
func History(ctx context.Context, q Question, limit int) (moments []Moment, more bool, err error) {
	x, err := q.explainer()
	if err != nil {
		return nil, false, err
	}
	var null string
	if x.key, null, err = x.view.Key(q.Key); err != nil || null != "" {
		return nil, false, err
	}
	x.view.Features = slices.DeleteFunc(x.view.Features, func(f asof.FeatureColumn) bool { return f.Output != x.feature })
	rows, err := x.rows(ctx, asof.RowsQuery{Latest: asof.Latest{To: endOfTime}, Limit: limit + 1})
	if err != nil {
		return nil, false, err
	}
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	for i, r := range rows {
		moments = append(moments, Moment{r.Event, r.Created, r.Values[x.feature], i == 0 || !r.Event.Equal(rows[i-1].Event)})
	}
	return moments, more, nil
}
