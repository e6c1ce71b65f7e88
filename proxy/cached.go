// Package proxy holds decorators of the store contracts: what every engine gains
// alike, without knowing of it.
package proxy

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// Cached is an online store that keeps rows which were read in memory, for a
// bounded time and in a bounded number. A write through it is seen by every read
// that begins after it; one of another process by the end of the time.
//
// What is kept is the row of one key as one list of features asks for it, also
// that there is none. A write through it is seen whole or not at all, as the
// store shows it; of what other processes write the rows of one read may be of
// several moments within the time.
type Cached struct {
	asof.OnlineStore
	most int
	ttl  time.Duration
	now  func() time.Time

	mu     sync.Mutex
	young  map[string]cachedRow // those used last
	old    map[string]cachedRow // those that go next
	states map[string]viewState
}

// viewState says which rows of a view are as the store has them.
type viewState struct {
	version int64 // counted up by every change
	changes int   // under way: what is read meanwhile is of one side or the other
}

// cachedRow is what a reading held for one key.
type cachedRow struct {
	version int64
	until   int64 // nanoseconds since 1970
	event   int64
	found   bool
	values  []byte
	ends    []int32 // by feature: where its value ends
}

// Cache returns the store with a cache of so many rows, each kept no longer than
// ttl.
func Cache(store asof.OnlineStore, rows int, ttl time.Duration) *Cached {
	return &Cached{OnlineStore: store, most: rows, ttl: ttl, now: time.Now,
		young: map[string]cachedRow{}, states: map[string]viewState{}}
}

// Write, Restore, Update and Teardown change the store, and make the cache forget
// the views. From the beginning of a change to its end nothing of them is kept.
func (c *Cached) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	defer c.change(project, view.Name)()
	return c.OnlineStore.Write(ctx, project, view, rows)
}

func (c *Cached) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	defer c.change(project, view.Name)()
	return c.OnlineStore.Restore(ctx, project, view, set, remove)
}

func (c *Cached) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	names := append([]string{}, drop...)
	for _, v := range keep {
		names = append(names, v.Name)
	}
	defer c.change(project, names...)()
	return c.OnlineStore.Update(ctx, project, keep, drop)
}

func (c *Cached) Teardown(ctx context.Context, project string, views []string) error {
	defer c.change(project, views...)()
	return c.OnlineStore.Teardown(ctx, project, views)
}

// change begins a change of views, and returns what ends it.
func (c *Cached) change(project string, views ...string) (end func()) {
	c.count(project, views, 1)
	return func() { c.count(project, views, -1) }
}

func (c *Cached) count(project string, views []string, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range views {
		s := c.states[viewKey(project, v)]
		c.states[viewKey(project, v)] = viewState{s.version + 1, s.changes + changes}
	}
}

func viewKey(project, view string) string { return project + "\x00" + view }

// Read answers from the cache what it can, and asks the store for the rest in
// one round trip. Where a view changed meanwhile the two may not be of one
// moment: then the store is asked for all of it.
func (c *Cached) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	parts := make([]part, len(readings))
	var asked []*asof.Reading
	for i, r := range readings {
		r.Reset()
		parts[i] = c.lookUp(project, r)
		if len(parts[i].missing.Keys) > 0 {
			asked = append(asked, &parts[i].missing)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	if err := c.OnlineStore.Read(ctx, project, asked); err != nil {
		return err
	}
	whole := true
	for i, r := range readings {
		whole = c.keep(&parts[i], r) && whole
	}
	if !whole {
		return c.OnlineStore.Read(ctx, project, readings)
	}
	return nil
}

// part is what the cache does not hold of a reading.
type part struct {
	view    string
	prefix  string    // of the cache's keys
	state   viewState // of the view, before the store was asked
	missing asof.Reading
	at      []int // by key of missing: its place in the reading
}

// lookUp fills a reading from the cache; from nothing, while the view changes.
func (c *Cached) lookUp(project string, r *asof.Reading) part {
	view := viewKey(project, r.View.Name)
	p := part{view: view, prefix: view + "\x00" + strings.Join(r.Features, "\x00") + "\x00\x00", missing: asof.Reading{View: r.View, Features: r.Features}}
	now := c.now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	p.state = c.states[view]
	for i, key := range r.Keys {
		row, ok := c.get(p.prefix + string(key))
		if !ok || p.state.changes > 0 || row.version != p.state.version || row.until <= now {
			p.missing.Keys, p.at = append(p.missing.Keys, key), append(p.at, i)
			continue
		}
		r.Found[i], r.Events[i] = row.found, row.event
		start := int32(0)
		for f, end := range row.ends {
			r.Set(f, i, row.values[start:end])
			start = end
		}
	}
	return p
}

// get finds a row, which by that counts as used last. The caller holds mu.
func (c *Cached) get(key string) (cachedRow, bool) {
	row, ok := c.young[key]
	if !ok {
		if row, ok = c.old[key]; ok {
			c.put(key, row)
		}
	}
	return row, ok
}

// put keeps a row. When the younger half is full, the older one goes. The caller
// holds mu.
func (c *Cached) put(key string, row cachedRow) {
	if len(c.young) >= max(1, c.most/2) {
		c.old, c.young = c.young, make(map[string]cachedRow, len(c.young))
	}
	c.young[key] = row
}

// keep moves what the store answered into the reading and, where the view has
// not changed since, into the cache. It reports whether the reading is of one
// moment.
func (c *Cached) keep(p *part, r *asof.Reading) bool {
	until := c.now().Add(c.ttl).UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	same := c.states[p.view] == p.state
	for m, i := range p.at {
		row := cachedRow{version: p.state.version, until: until, event: p.missing.Events[m], found: p.missing.Found[m], ends: make([]int32, len(r.Features))}
		r.Found[i], r.Events[i] = row.found, row.event
		for f := range r.Features {
			value := p.missing.Value(f, m)
			r.Set(f, i, value)
			row.values = append(row.values, value...)
			row.ends[f] = int32(len(row.values))
		}
		if same && p.state.changes == 0 {
			c.put(p.prefix+string(r.Keys[i]), row)
		}
	}
	return same || len(p.at) == len(r.Keys)
}
