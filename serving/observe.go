package serving

import (
	"math"
	"slices"
	"time"

	"github.com/asof-dev/asof"
)

// Observer is told what became of each request, for metrics. It is called by
// many goroutines, and keeps nothing of the Outcome.
type Observer interface{ Answered(*Outcome) }

// Outcome is what became of a request. Its names are of a bounded number: a
// caller cannot make up new ones.
type Outcome struct {
	Route   string // of the surface: "/features/{key}", say
	Code    string // the surface's own: "200", "NotFound"
	Asked   bool   // features were asked for, by a request that could be read
	Failed  bool   // the caller did not get what was asked for
	Refused bool   // because the server had enough to do
	Took    time.Duration
	Service string // the feature service; "" for none, and for one that there is not

	// What was read; nothing where Failed.
	Read     bool
	Features int
	Rows     int
	Store    time.Duration // in the online store
	Views    []ViewValues
}

// ViewValues counts values of one view.
type ViewValues struct {
	View     string
	Statuses [asof.StatusOutsideMaxAge + 1]int // by asof.Status
}

// Reset makes the outcome ready for another request; its memory is kept.
func (o *Outcome) Reset() { *o = Outcome{Views: o.Views[:0]} }

// Take notes what the answer holds.
func (o *Outcome) Take(a *Answer) {
	o.Read, o.Features, o.Rows, o.Store = true, len(a.plan.features), a.rows, a.took
	o.Views = o.Views[:0]
	var f featureColumn
	var of *asof.Reading
	var into *ViewValues
	for i := range a.plan.features {
		if a.turn(&f, i); f.reading != of {
			of, into = f.reading, o.view(a.plan.features[i].view(a.plan))
		}
		f.count(&into.Statuses)
	}
}

// view returns the name of a feature's view.
func (f *planFeature) view(p *plan) string {
	if f.computed {
		return p.computed[f.reading].view.Name
	}
	return p.readings[f.reading].view.Name
}

// view returns the place where values of a view are counted.
func (o *Outcome) view(name string) *ViewValues {
	for i := range o.Views {
		if o.Views[i].View == name {
			return &o.Views[i]
		}
	}
	o.Views = append(o.Views, ViewValues{View: name})
	return &o.Views[len(o.Views)-1]
}

// count adds the column's values by status. Mostly all are present: that is told
// from those of the keys, without their rows.
func (f *featureColumn) count(into *[asof.StatusOutsideMaxAge + 1]int) {
	if f.oldest == math.MinInt64 && !slices.ContainsFunc(f.spans, empty) {
		into[asof.StatusPresent] += len(f.at)
		return
	}
	spans, events := f.spans, f.reading.Events
	present := 0
	for _, at := range f.at {
		if span := spans[at]; !empty(span) && events[at] >= f.oldest {
			present++
		} else {
			into[f.status(at)]++
		}
	}
	into[asof.StatusPresent] += present
}

// empty reports whether there is no value.
func empty(s asof.Span) bool { return s.Start == s.End }

// KnownService returns the name of a feature service as the registry spells it,
// "" where it was not seen to have one.
func (r *Reader) KnownService(name string) string {
	if name == "" {
		return ""
	}
	if d := r.definitions.Load(); d != nil {
		if s, ok := d.snapshot.Object(asof.KindService, name).(*asof.FeatureService); ok {
			return s.Name
		}
	}
	return ""
}
