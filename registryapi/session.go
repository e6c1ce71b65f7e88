package registryapi

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
)

// session is what came by one connection and is not committed.
type session struct {
	pinned *feastregistry.Index // what the connection is to see, nil for the registry as it is
	calls  atomic.Int64

	mu     sync.Mutex
	drafts []*draft // one for each project, in the order of their first change
	ended  bool
}

// draft is a change to one project that only its connection sees.
type draft struct {
	project string
	removed bool // the registered project goes, before anything else
	objects map[place]change
	order   []place     // of objects, as they first came
	infra   *core.Infra // nil where it stays as it is
}

// place is where an object of a project stands.
type place struct {
	kind kind
	name string
}

// change is what becomes of an object. The registered one goes where it is
// deleted, another one comes where it is put; then spans are added to what is
// materialized of a view.
type change struct {
	deleted bool
	message proto.Message // that is put, nil for none
	object  asof.Object   // the same
	spans   []asof.Interval
}

// draft returns the session's draft of a project, a new one where it has none.
// The caller holds the lock.
func (s *session) draft(project string) *draft {
	if d := s.find(project); d != nil {
		return d
	}
	d := &draft{project: project, objects: map[place]change{}}
	s.drafts = append(s.drafts, d)
	return d
}

func (s *session) find(project string) *draft {
	for _, d := range s.drafts {
		if d.project == project {
			return d
		}
	}
	return nil
}

// take returns the drafts and forgets them. The caller holds the lock.
func (s *session) take() []*draft {
	drafts := s.drafts
	s.drafts = nil
	return drafts
}

func (d *draft) set(k kind, name string, c change) {
	at := place{k, name}
	old, known := d.objects[at]
	if !known {
		d.order = append(d.order, at)
	}
	c.deleted = c.deleted || old.deleted
	d.objects[at] = c
}

func (d *draft) put(k kind, m proto.Message, o asof.Object) {
	spans := d.objects[place{k, o.ObjectName()}].spans
	d.set(k, o.ObjectName(), change{message: m, object: o, spans: spans})
}

// materialize adds a span to those of a view.
func (d *draft) materialize(k kind, name string, span asof.Interval) {
	c := d.objects[place{k, name}]
	c.spans = append(slices.Clip(c.spans), span)
	d.set(k, name, c)
}

func (d *draft) remove(k kind, name string) { d.set(k, name, change{deleted: true}) }

// removeAll deletes the project with everything in it.
func (d *draft) removeAll() {
	*d = draft{project: d.project, removed: true, objects: map[place]change{}}
}

// connections gives every connection a session of its own.
type connections struct {
	mu       sync.Mutex
	sessions map[*session]bool // of the connections that there are
}

type sessionKey struct{}

// TagConn makes the session of a new connection.
func (c *connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &session{}
	c.sessions[s] = true
	return context.WithValue(ctx, sessionKey{}, s)
}

// settle waits until there is no change that is not committed, and no longer
// than limit.
func (c *connections) settle(limit time.Duration) {
	for until := time.Now().Add(limit); c.unsettled() && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *connections) unsettled() bool {
	c.mu.Lock()
	all := slices.Collect(maps.Keys(c.sessions))
	c.mu.Unlock()
	return slices.ContainsFunc(all, func(s *session) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.drafts) > 0
	})
}

// HandleConn drops what a connection leaves behind. A call that is still
// answered finds an ended session, which takes no change any more.
func (c *connections) HandleConn(ctx context.Context, event stats.ConnStats) {
	if _, ok := event.(*stats.ConnEnd); ok {
		s := sessionOf(ctx)
		c.mu.Lock()
		delete(c.sessions, s)
		c.mu.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drafts, s.ended = nil, true
	}
}

// TagRPC and HandleRPC have nothing to do.
func (c *connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (c *connections) HandleRPC(context.Context, stats.RPCStats)                       {}

// sessionOf returns the session of the connection that a call came by.
func sessionOf(ctx context.Context) *session { return ctx.Value(sessionKey{}).(*session) }
