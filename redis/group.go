package redis

import (
	"bytes"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// group is the readings of the same entities: one hash for each key has the
// rows of all of them.
type group struct {
	entities [][]byte // as the readings have them
	readings []*asof.Reading
	fields   []string // for each reading: the event time, then its features
	whole    bool     // the hash is read with all its fields
	places   map[string]int
	ordered  []span // values of a whole hash by field

	head, tail []byte // of the command, before and after the key
}

// prepare groups the readings and names their fields.
func (b *batch) prepare(readings []*asof.Reading, known *record) {
	used := 0
	for _, r := range readings {
		g := find(b.groups[:used], r.Keys)
		if g == nil {
			if used == len(b.groups) {
				b.groups = append(b.groups, group{})
			}
			g = &b.groups[used]
			used++
			g.entities, g.readings, g.fields = r.Keys, g.readings[:0], g.fields[:0]
		}
		g.readings = append(g.readings, r)
		g.fields = append(g.fields, known.time(r.View.Name))
		for _, feature := range r.Features {
			g.fields = append(g.fields, known.field(r.View.Name, feature))
		}
	}
	b.groups = b.groups[:used]
	for i := range b.groups {
		b.groups[i].decide(known)
		b.groups[i].encode()
	}
}

// find returns the group of the same entities.
func find(groups []group, keys [][]byte) *group {
	for i := range groups {
		if sameKeys(groups[i].entities, keys) {
			return &groups[i]
		}
	}
	return nil
}

func sameKeys(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// manyFields is from where on a whole hash may be cheaper than its fields:
// Redis keeps a hash of up to 512 short values as a list, in which it looks for
// each field from the start. Measured on hashes of 60, 120, 250 and 500 fields,
// the whole is cheaper from 45, 60, 100 and 140 of them on.
const manyFields = 40

// decide chooses between fields and the whole hash.
func (g *group) decide(known *record) {
	g.whole = false
	if known == nil || len(g.fields) < manyFields {
		return
	}
	v := known.views[g.readings[0].View.Name]
	if v == nil || 2*len(g.fields) < known.width[strings.Join(v.joinKeys(), "\x00")] {
		return
	}
	g.whole = true
	if g.places == nil {
		g.places = map[string]int{}
	}
	clear(g.places)
	for i, f := range g.fields {
		if _, twice := g.places[f]; twice {
			g.whole = false // two readings of one view
		}
		g.places[f] = i
	}
}

// encode writes the command that is sent for each key.
func (g *group) encode() {
	if g.whole {
		g.head, g.tail = appendWord(appendNumber(g.head[:0], '*', 2), "HGETALL"), g.tail[:0]
		return
	}
	g.head, g.tail = appendWord(appendNumber(g.head[:0], '*', 2+len(g.fields)), "HMGET"), g.tail[:0]
	for _, f := range g.fields {
		g.tail = appendWord(g.tail, f)
	}
}

// fill puts the reply for key k into the readings; key is that of Redis.
func (g *group) fill(k int, r *reply, project string) error {
	values := r.values
	if g.whole {
		values = g.order(r)
	}
	if r.kind != '*' || len(values) != len(g.fields) {
		return malformed(r)
	}
	for _, reading := range g.readings {
		event := r.bytes(values[0])
		features := values[1 : 1+len(reading.Features)]
		values = values[1+len(reading.Features):]
		if event == nil {
			continue
		}
		us, ok := parseTimestamp(event)
		if !ok {
			return asof.Errorf(asof.CodeInternal, "a row of view %q in Redis has an event time that cannot be read, at the key %q; materialize the view again", reading.View.Name, g.key(k, project))
		}
		reading.Found[k], reading.Events[k] = true, us
		for f := range features {
			if message := r.bytes(features[f]); string(message) != value.NoTimestamp {
				reading.Set(f, k, message)
			}
		}
	}
	return nil
}

// order returns the values of a whole hash in the order of the group's fields.
func (g *group) order(r *reply) []span {
	g.ordered = g.ordered[:0]
	for range g.fields {
		g.ordered = append(g.ordered, span{-1, -1})
	}
	for i := 0; i+1 < len(r.values); i += 2 {
		if at, ok := g.places[string(r.value(i))]; ok {
			g.ordered[at] = r.values[i+1]
		}
	}
	return g.ordered
}

// key returns a key of Redis.
func (g *group) key(k int, project string) string { return string(g.entities[k]) + project }
