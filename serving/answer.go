package serving

import (
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/value"
)

// Answer holds what a request asked for, in columns: first the join keys, in
// the request's order, then the features, in the order asked. It is valid until
// Release.
type Answer struct {
	reader  *Reader
	plan    *plan
	rows    int
	drop    bool
	sampled bool          // it goes to the plan's sink
	now     int64         // microseconds since 1970
	took    time.Duration // in the online store

	keys     []keyColumn
	values   [][]entitykey.Value // by plan.keys, then by row
	has      []bool              // by plan.keys: whether the request has the column
	groups   []keySet            // by plan.groups
	readings []asof.Reading      // by plan.readings
	asked    []*asof.Reading
	sent     []arrow.Array     // request data, in the order of plan.computed and their inputs
	outputs  []asof.Reading    // by plan.computed, with a place for each row
	each     []int32           // 0, 1, 2…: the places of the rows in outputs
	one      []entitykey.Value // the values of one key
	tails    tails
	out      outgoing
	times    vectorTimes
}

// keyColumn is a join key as the answer repeats it.
type keyColumn struct {
	name string
	buf  []byte // of the values, as messages
	ends []int  // by row: where its value ends
}

func (k *keyColumn) value(row int) []byte {
	start := 0
	if row > 0 {
		start = k.ends[row-1]
	}
	return k.buf[start:k.ends[row]]
}

// appendValues appends the values of all rows with commas between.
func (k *keyColumn) appendValues(dst []byte, form value.Form) []byte {
	start := 0
	for _, end := range k.ends {
		dst = append(value.AppendJSON(dst, k.buf[start:end], form), ',')
		start = end
	}
	return dst[:len(dst)-1]
}

// Rows returns how many entity rows there are.
func (a *Answer) Rows() int { return a.rows }

// Keys returns how many of the columns are join keys; they come first.
func (a *Answer) Keys() int { return len(a.keys) }

// Columns returns how many columns there are.
func (a *Answer) Columns() int { return len(a.keys) + len(a.plan.features) }

// Name returns the name of a column.
func (a *Answer) Name(column int) string {
	if column < len(a.keys) {
		return a.keys[column].name
	}
	return a.plan.features[column-len(a.keys)].name
}

// Views returns the views that were read.
func (a *Answer) Views() []ViewVersion { return a.plan.views }

// bind makes the answer ready to be read: the request's columns as entity keys,
// each key once.
func (a *Answer) bind(p *plan, entities []Column, maxRows int) error {
	a.plan, a.keys = p, a.keys[:0]
	a.values = resized(a.values, len(p.keys))
	a.has = resized(a.has, len(p.keys))
	clear(a.has)
	a.rows = 1 // of a request without columns, for views without entities
	for i := range entities {
		c := &entities[i]
		switch {
		case i == 0:
			a.rows = len(c.Values)
		case len(c.Values) != a.rows:
			return asof.Errorf(asof.CodeInvalid, "column %q has %d values and column %q has %d; every entity row needs one in each", entities[0].Name, a.rows, c.Name, len(c.Values))
		}
		if a.rows > maxRows {
			return asof.Errorf(asof.CodeInvalid, "the request has %d entity rows, and the limit is %d; split it", a.rows, maxRows)
		}
		if err := a.bindColumn(c); err != nil {
			return err
		}
	}
	if err := a.bindRequest(entities); err != nil {
		return err
	}
	if slices.Contains(a.has, false) {
		var names []string
		for i, k := range p.keys {
			if !a.has[i] && !slices.Contains(names, k.name) {
				names = append(names, k.name)
			}
		}
		return p.missing(names, entities)
	}
	return a.bindKeys()
}

func (a *Answer) bindColumn(c *Column) error {
	r, known := a.plan.roles[c.Name]
	switch {
	case !known:
		return fault(FaultNoEntity, asof.Errorf(asof.CodeNotFound, "column %q of the request is neither a join key nor an entity of this project%s", c.Name, asof.DidYouMean(c.Name, a.plan.names)))
	case r.ignore:
		return nil
	case slices.ContainsFunc(a.keys, func(k keyColumn) bool { return k.name == r.name }):
		return asof.Errorf(asof.CodeInvalid, "the request has join key %q twice (an entity's name stands for its join key)", r.name)
	}
	a.keys = resized(a.keys, len(a.keys)+1)
	shown := &a.keys[len(a.keys)-1]
	shown.name = r.name
	if len(r.keys) == 0 {
		var err error
		a.one, err = decode(a.one[:0], c, r.name, r.typ)
		shown.put(a.one)
		return err
	}
	for i, at := range r.keys {
		var err error
		if a.values[at], err = decode(a.values[at][:0], c, r.name, a.plan.keys[at].typ); err != nil {
			return err
		}
		a.has[at] = true
		if i == 0 {
			shown.put(a.values[at])
		}
	}
	return nil
}

// decode reads the cells of a column as keys of type t.
func decode(dst []entitykey.Value, c *Column, key string, t asof.ValueType) ([]entitykey.Value, error) {
	for i, cell := range c.Values {
		v, wrong := keyValue(cell, t)
		if wrong != "" {
			return dst, asof.Errorf(asof.CodeInvalid, "row %d: %s cannot be the value of join key %q (%s): %s", i+1, cell.shown(), key, asof.Scalar(t), wrong)
		}
		dst = append(dst, v)
	}
	return dst, nil
}

func (k *keyColumn) put(values []entitykey.Value) {
	k.buf, k.ends = k.buf[:0], k.ends[:0]
	for _, v := range values {
		k.buf = appendKey(k.buf, v)
		k.ends = append(k.ends, len(k.buf))
	}
}

// bindKeys writes the entity keys and sets up the readings.
func (a *Answer) bindKeys() error {
	p := a.plan
	a.groups = resized(a.groups, len(p.groups))
	for i, g := range p.groups {
		if err := a.bindGroup(&a.groups[i], &g); err != nil {
			return err
		}
	}
	a.outputs = resized(a.outputs, len(p.computed))
	a.readings, a.asked = resized(a.readings, len(p.readings)), a.asked[:0]
	for i := range p.readings {
		r := &a.readings[i]
		r.View, r.Features, r.Keys = p.readings[i].view, p.readings[i].features, a.groups[p.readings[i].group].keys
		a.asked = append(a.asked, r)
	}
	return nil
}

func (a *Answer) bindGroup(set *keySet, g *planGroup) error {
	set.reset(a.rows)
	if len(g.keys) == 0 { // a view without entities: all rows have the same key
		return set.addAll(g.encoder, a.rows)
	}
	a.one = resized(a.one, len(g.keys))
	for row := range a.rows {
		for i, at := range g.keys {
			a.one[i] = a.values[at][row]
		}
		if err := set.add(g.encoder, a.one); err != nil {
			return err
		}
	}
	set.finish()
	return nil
}

// resized returns s with n elements, those that it had kept: their memory is
// used again.
func resized[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return append(s[:cap(s)], make([]T, n-cap(s))...)
}
