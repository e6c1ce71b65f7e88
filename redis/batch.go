package redis

import (
	"context"
	"fmt"
	"sync"

	"github.com/asof-dev/asof"
)

// place is what a reply is of: a key of a group.
type place struct{ group, key int32 }

// Groups of places that are no keys of entities: the revision of the record,
// and what a server says to ASKING.
const (
	ofRecord = -1
	ofAsking = -2
)

// batch is a Read under way. Its memory is used again by later ones.
type batch struct {
	project  string
	cluster  bool
	groups   []group
	requests []*request // one for each server
	used     int        // of the requests
	key      []byte

	mu       sync.Mutex // several lines may hand out replies at once
	gone     bool       // the caller has left: nothing of theirs is touched
	revision []byte
	again    []again
	failed   failure
}

// again is a place to ask for once more: at a certain server, or where its key
// is by now.
type again struct {
	place
	addr   string
	asking bool
	why    error
}

// failure is the first thing that a server refused, or that cannot be used.
type failure struct {
	key string
	err error
}

// release forgets what is the caller's.
func (b *batch) release() {
	for i := range b.groups {
		clear(b.groups[i].readings)
		b.groups[i].entities = nil
	}
	for _, q := range b.requests {
		if cap(q.out) > maxKept {
			q.out = nil
		}
		q.server, q.err = nil, nil
	}
	b.used, b.revision, b.failed = 0, b.revision[:0], failure{}
	clear(b.again)
	b.again = b.again[:0]
}

// putAll writes all commands.
func (b *batch) putAll(where route) error {
	b.used = 0
	if err := b.putFor(where, place{group: ofRecord}); err != nil {
		return err
	}
	for g := range b.groups {
		for k := range b.groups[g].entities {
			if err := b.putFor(where, place{int32(g), int32(k)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// putFor writes the command of a place for the server that has its key.
func (b *batch) putFor(where route, p place) error {
	if where.one != nil {
		b.put(where.one, p, false)
		return nil
	}
	if p.group == ofRecord {
		b.key = append(b.key[:0], recordKey(b.project)...)
	} else {
		b.key = append(append(b.key[:0], b.groups[p.group].entities[p.key]...), b.project...)
	}
	s, err := where.of(b.key)
	if err == nil {
		b.put(s, p, false)
	}
	return err
}

// put writes the command of a place for a server.
func (b *batch) put(s *server, p place, asking bool) {
	q := b.request(s)
	if asking {
		q.out = appendCommand(q.out, "ASKING")
		q.places = append(q.places, place{group: ofAsking})
	}
	q.places = append(q.places, p)
	if p.group == ofRecord {
		q.out = appendCommand(q.out, "HGET", recordKey(b.project), "")
		return
	}
	g := &b.groups[p.group]
	entity := g.entities[p.key]
	q.out = append(q.out, g.head...)
	q.out = appendNumber(q.out, '$', len(entity)+len(b.project))
	q.out = append(append(append(q.out, entity...), b.project...), "\r\n"...)
	q.out = append(q.out, g.tail...)
}

// request returns the request to a server.
func (b *batch) request(s *server) *request {
	for _, q := range b.requests[:b.used] {
		if q.server == s {
			return q
		}
	}
	if b.used == len(b.requests) {
		b.requests = append(b.requests, &request{take: b.take, done: make(chan error, 1)})
	}
	q := b.requests[b.used]
	b.used++
	q.server, q.out, q.places = s, q.out[:0], q.places[:0]
	return q
}

// exchange sends the requests and waits until each is done, or the caller leaves.
func (b *batch) exchange(ctx context.Context) error {
	for _, q := range b.requests[:b.used] {
		q.left = len(q.places)
		q.err = q.server.send(q)
	}
	for _, q := range b.requests[:b.used] {
		if q.err != nil {
			continue
		}
		select {
		case q.err = <-q.done:
		case <-ctx.Done():
			b.mu.Lock()
			b.gone = true
			b.mu.Unlock()
			return ctx.Err()
		}
	}
	return nil
}

// take puts a reply where it belongs.
func (b *batch) take(q *request, r *reply) {
	p := q.places[len(q.places)-q.left]
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone || p.group == ofAsking {
		return
	}
	err := r.err()
	if b.cluster && err != nil {
		if addr, asking, ok := redirection(err, q.server.addr); ok {
			b.again = append(b.again, again{p, addr, asking, err})
			return
		}
	}
	switch {
	case err != nil:
	case p.group != ofRecord:
		err = b.groups[p.group].fill(int(p.key), r, b.project)
	case r.kind != '$':
		err = malformed(r)
	default:
		b.revision = append(b.revision[:0], r.value(0)...)
	}
	if err != nil && b.failed.err == nil {
		b.failed = failure{recordKey(b.project), err}
		if p.group != ofRecord {
			b.failed.key = b.groups[p.group].key(int(p.key), b.project)
		}
	}
}

func malformed(r *reply) error {
	return asof.Errorf(asof.CodeUnavailable, "%s", fmt.Sprintf("the server sent a reply of another kind than was asked for (%q with %d values)", r.kind, len(r.values)))
}
