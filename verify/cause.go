package verify

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Cause says why the two rows of a key do not agree.
type Cause string

// The causes.
const (
	NeverLoaded  Cause = "never loaded"  // the store has no row of the key
	OlderRow     Cause = "older row"     // the store holds an older row than the source
	LateRow      Cause = "late row"      // the source's row came after the run that looked for it
	Corrected    Cause = "corrected row" // the source has other values at the time of the row that was loaded
	OtherType    Cause = "type"          // a value was stored under another type, or before the feature was there
	Expired      Cause = "expired"       // one side counts the row as older than the view's ttl, the other does not
	ForeignWrite Cause = "foreign write" // the store holds what the source never had
)

// Causes are all causes, in the order in which they are told.
var Causes = []Cause{NeverLoaded, OlderRow, LateRow, Corrected, OtherType, Expired, ForeignWrite}

// judgement is what a key's two rows come to: equal, ahead, or a cause.
type judgement struct {
	ahead   bool
	cause   Cause // "": they agree
	why     string
	differs []int // the features that do, by their place; nil: the rows do
	nulls   bool  // the point-in-time answer has no values of the source's row
}

// judge compares the newest row of the source with what the store has for it.
func (c *comparison) judge(row value.Row, i int) judgement {
	event, found, sourced := c.online.Events[i], c.online.Found[i], c.stored(row.Event)
	expired := c.ttl > 0 && row.Event < c.at-c.ttl
	late := c.late(row)
	switch {
	case found && event > c.at:
		return judgement{ahead: true}
	case expired && (!found || c.drop):
		return judgement{} // neither has a value
	case !found && late != "":
		return judgement{cause: LateRow, why: late}
	case !found && c.ttl > 0 && row.Event < c.now-c.ttl:
		return judgement{cause: Expired, why: fmt.Sprintf("the store has let the row go: it is %s old now, and the view's ttl is %s", span(c.now-row.Event), span(c.ttl))}
	case !found && c.run(row.Event) == nil:
		return judgement{cause: NeverLoaded, why: "no finished run covers the row's time"}
	case !found:
		return judgement{cause: NeverLoaded, why: "a run covered the row's time, but the store does not hold the key: it has lost it, or let it go; materialize the time again"}
	case event < sourced && late != "":
		return judgement{cause: LateRow, why: late}
	case event < sourced && c.run(row.Event) == nil:
		return judgement{cause: OlderRow, why: "the store holds an older row, and no finished run covers the time of the newer one"}
	case event < sourced:
		return judgement{cause: OlderRow, why: "the store holds an older row"}
	case event > sourced:
		return judgement{cause: ForeignWrite, why: "the source has no row of this time"}
	}
	return c.values(row, i, expired, late)
}

// stored returns an event time as the store keeps it.
func (c *comparison) stored(event int64) int64 {
	part := event % c.unit
	if part < 0 {
		part += c.unit
	}
	return event - part
}

// values compares two rows of one time.
func (c *comparison) values(row value.Row, i int, expired bool, late string) judgement {
	var differs []int
	typed := true
	for f := range c.offline.Features {
		want, got := c.offline.Value(f, i), c.online.Value(f, i)
		if value.Same(want, got) {
			continue
		}
		differs = append(differs, f)
		typed = typed && otherType(want, got)
	}
	switch {
	case len(differs) == 0 && expired:
		return judgement{cause: Expired, nulls: true, why: fmt.Sprintf("at %s the row is %s old, and the view's ttl is %s: training data has no value; online it is kept, but for `asof.on_expired: drop`",
			stamp(c.result.At), span(c.at-row.Event), span(c.ttl))}
	case len(differs) == 0:
		return judgement{}
	case late != "":
		return judgement{cause: LateRow, why: late, differs: differs}
	case typed:
		return judgement{cause: OtherType, why: "the row was written before the feature was there with this type, or when its value was null", differs: differs}
	}
	return judgement{cause: Corrected, why: "the source has other values at this time: it was changed after the row was loaded, or somebody else wrote to the store; materialize the time again", differs: differs}
}

// otherType reports whether a stored value is of another type than the one
// wanted, or none because its feature was not there.
func otherType(want, got []byte) bool {
	if len(want) == 0 || len(got) == 0 {
		return len(got) == 0
	}
	w, _, _ := protowire.ConsumeTag(want)
	g, _, _ := protowire.ConsumeTag(got)
	return w != g
}

// run returns the newest finished run whose span holds an event; nil for none.
func (c *comparison) run(event int64) *asof.Materialization {
	at := time.UnixMicro(event)
	for i := range c.runs {
		m := &c.runs[i]
		if m.Done() && !m.Span.From.After(at) && !m.Span.To.Before(at) {
			return m
		}
	}
	return nil
}

// late says in words that a row came after the run that looked for it; "" where
// it did not, or where the source does not tell.
func (c *comparison) late(row value.Row) string {
	run := c.run(row.Event)
	if run == nil || row.Created == value.NoCreated || row.Created <= run.Started.UnixMicro() {
		return ""
	}
	return fmt.Sprintf("the row was created at %s, after the run that covers its time had begun (%s)", stamp(time.UnixMicro(row.Created)), stamp(run.Started))
}

// span is a length of time as people read it: 28d, 1d 3h0m0s.
func span(us int64) string {
	d := time.Duration(us) * time.Microsecond
	if days := d / (24 * time.Hour); days > 0 {
		text := fmt.Sprintf("%dd", days)
		if rest := d % (24 * time.Hour); rest > 0 {
			text += " " + rest.String()
		}
		return text
	}
	return d.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00") }
