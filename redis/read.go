package redis

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
)

// Read asks for everything in one batch of commands, one for each key, however
// many views share its hash, and one for the revision of the record.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
	}
	if len(readings) == 0 {
		return nil
	}
	c, err := o.connect(ctx)
	if err != nil {
		return err
	}
	b := o.batches.Get().(*batch)
	known := o.known(project)
	b.prepare(project, readings, known)
	err = o.read(ctx, c, project, readings, b, known)
	if err == nil {
		o.batches.Put(b) // after a failure the client may still look at its bytes
	}
	return o.fault("reading online features", err)
}

func (o *Online) read(ctx context.Context, c rueidis.Client, project string, readings []*asof.Reading, b *batch, known *record) error {
	b.commands = append(b.commands[:0], c.B().Hget().Key(recordKey(project)).Field("").Build())
	for i := range b.groups {
		b.commands = b.groups[i].appendCommands(b.commands, c)
	}
	answers := c.DoMulti(ctx, b.commands...)
	revision, err := answers[0].ToString()
	if err != nil && !rueidis.IsRedisNil(err) {
		return o.wrongType(recordKey(project), err)
	}
	if known == nil || known.revision != revision {
		if known, err = o.load(ctx, c, project); err != nil {
			return err
		}
	}
	for _, r := range readings {
		if known.find(r.View.Name) == nil {
			return o.unknown(project, r.View.Name)
		}
	}
	answers = answers[1:]
	for i := range b.groups {
		g := &b.groups[i]
		for k := range g.keys {
			values, err := answers[k].ToArray()
			if err != nil {
				return o.wrongType(g.keys[k], err)
			}
			if err := g.fill(k, values); err != nil {
				return err
			}
		}
		answers = answers[len(g.keys):]
	}
	return nil
}

// batch is the memory of a Read, used again by later ones.
type batch struct {
	groups   []group
	keys     []byte
	commands rueidis.Commands
}

// group is the readings of the same entities: one hash for each key has the
// rows of all of them.
type group struct {
	entities [][]byte // as the readings have them
	keys     []string // of Redis
	readings []*asof.Reading
	fields   []string // for each reading: the event time, then its features
	whole    bool     // the hash is read with all its fields
	places   map[string]int
}

// prepare groups the readings and names their keys and fields.
func (b *batch) prepare(project string, readings []*asof.Reading, known *record) {
	size := 0
	for _, r := range readings {
		for _, key := range r.Keys {
			size += len(key) + len(project)
		}
	}
	if cap(b.keys) < size {
		b.keys = make([]byte, 0, size) // the keys' strings stay in it: it must not move
	}
	b.keys = b.keys[:0]
	used := 0
	for _, r := range readings {
		g := find(b.groups[:used], r.Keys)
		if g == nil {
			if used == len(b.groups) {
				b.groups = append(b.groups, group{})
			}
			g = &b.groups[used]
			used++
			g.entities, g.keys, g.readings, g.fields = r.Keys, g.keys[:0], g.readings[:0], g.fields[:0]
			for _, key := range r.Keys {
				start := len(b.keys)
				b.keys = append(append(b.keys, key...), project...)
				g.keys = append(g.keys, rueidis.BinaryString(b.keys[start:]))
			}
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
	g.places = make(map[string]int, len(g.fields))
	for i, f := range g.fields {
		if _, twice := g.places[f]; twice {
			g.whole = false // two readings of one view
		}
		g.places[f] = i
	}
}

func (g *group) appendCommands(dst []rueidis.Completed, c rueidis.Client) []rueidis.Completed {
	for _, key := range g.keys {
		if g.whole {
			dst = append(dst, c.B().Hgetall().Key(key).Build())
		} else {
			dst = append(dst, c.B().Hmget().Key(key).Field(g.fields...).Build())
		}
	}
	return dst
}

// fill puts the values of key k into the readings.
func (g *group) fill(k int, values []rueidis.RedisMessage) error {
	if g.whole {
		var err error
		if values, err = g.ordered(values); err != nil {
			return err
		}
	}
	for _, r := range g.readings {
		event, err := bytesOf(&values[0])
		if err != nil {
			return err
		}
		features := values[1 : 1+len(r.Features)]
		values = values[1+len(r.Features):]
		if event == nil {
			continue
		}
		us, ok := parseTimestamp(event)
		if !ok {
			return asof.Errorf(asof.CodeInternal, "a row of view %q in Redis has an event time that cannot be read, at the key %q; materialize the view again", r.View.Name, g.keys[k])
		}
		r.Found[k], r.Events[k] = true, us
		for f := range features {
			value, err := bytesOf(&features[f])
			if err != nil {
				return err
			}
			if string(value) != noTimestamp {
				r.Columns[f].Set(k, value)
			}
		}
	}
	return nil
}

// ordered returns the values of a whole hash in the order of the group's
// fields.
func (g *group) ordered(pairs []rueidis.RedisMessage) ([]rueidis.RedisMessage, error) {
	values := make([]rueidis.RedisMessage, len(g.fields))
	for i := 0; i+1 < len(pairs); i += 2 {
		name, err := pairs[i].ToString()
		if err != nil {
			return nil, err
		}
		if at, ok := g.places[name]; ok {
			values[at] = pairs[i+1]
		}
	}
	return values, nil
}

// bytesOf returns the bytes of a string, which are the answer's own; nil for
// what is not there.
func bytesOf(m *rueidis.RedisMessage) ([]byte, error) {
	if !m.IsString() {
		if *m == (rueidis.RedisMessage{}) || m.IsNil() {
			return nil, nil
		}
		return nil, fmt.Errorf("an answer of Redis is no string: %w", m.Error())
	}
	b, err := m.AsBytes()
	if b == nil {
		b = []byte{}
	}
	return b, err
}
