package serving

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// definitions are one state of the registry, and the plans made from it.
type definitions struct {
	snapshot *asof.Snapshot
	checked  atomic.Int64 // when the registry last said that this is its state, nanoseconds since start
	changes  atomic.Int64 // what Reader.changes was when it was asked

	making   sync.Mutex
	plans    atomic.Pointer[map[string]*plan] // never changed, only replaced
	programs sync.Map                         // *ondemand.Program by *asof.OnDemandFeatureView
}

// maxPlans bounds the plans that are kept: a caller may ask for any set of
// features.
const maxPlans = 1024

// start is what times of checking are counted from.
var start = time.Now()

// Changed says that the registry was changed: reads that begin from now on go
// by what it is now, and do not wait for Options.Refresh.
func (r *Reader) Changed() { r.changes.Add(1) }

// current returns the state of the registry, at most Refresh old, and not older
// than the last Changed. When the registry cannot be asked, the last known state
// goes on to be served.
func (r *Reader) current(ctx context.Context) (*definitions, error) {
	changes, d := r.changes.Load(), r.definitions.Load()
	switch {
	case d == nil:
		r.refreshing.Lock()
	case d.changes.Load() < changes:
		r.refreshing.Lock()
		if d = r.definitions.Load(); d != nil && d.changes.Load() >= changes { // somebody has asked meanwhile
			r.refreshing.Unlock()
			return d, nil
		}
	case time.Since(start)-time.Duration(d.checked.Load()) < r.Refresh || !r.refreshing.TryLock():
		return d, nil // fresh, or somebody is asking
	}
	defer r.refreshing.Unlock()
	d, err := r.refresh(ctx, r.definitions.Load())
	if err != nil {
		return nil, err
	}
	if d.snapshot.Project() == nil {
		return nil, asof.Errorf(asof.CodeNotFound, "project %q was never applied, so there are no features to serve; run `asof apply`", r.Project)
	}
	return d, nil
}

// refresh asks the registry. The caller holds refreshing.
func (r *Reader) refresh(ctx context.Context, known *definitions) (*definitions, error) {
	changes := r.changes.Load()
	snapshot, err := r.Registry.Snapshot(ctx, r.Project)
	if err != nil {
		err = unavailable(err)
		if known == nil {
			return nil, err
		}
		if ctx.Err() != context.Canceled { // the registry's trouble, not a caller's who went away
			r.trouble.Store(&err)
			known.checked.Store(int64(time.Since(start)))
			known.changes.Store(changes)
		}
		return known, nil
	}
	r.trouble.Store(nil)
	if known == nil || known.snapshot.Version != snapshot.Version {
		known = newDefinitions(snapshot)
	}
	known.checked.Store(int64(time.Since(start)))
	known.changes.Store(changes)
	if snapshot.Project() == nil {
		r.definitions.Store(nil) // asked again with every read, so that an apply counts at once
	} else {
		r.definitions.Store(known)
	}
	return known, nil
}

func newDefinitions(s *asof.Snapshot) *definitions {
	d := &definitions{snapshot: s}
	d.plans.Store(&map[string]*plan{})
	return d
}

// plan returns the plan of a selection, made when first asked for.
func (d *definitions) plan(s Selection, keyVersion int, workers *ondemand.Workers, sink func(*Selected) *Sink) (*plan, error) {
	var room [512]byte
	key := s.appendKey(room[:0])
	if p := (*d.plans.Load())[string(key)]; p != nil {
		return p, nil
	}
	p, err := compile(d.snapshot, s, keyVersion, func(view *asof.OnDemandFeatureView, keys []asof.Field) (*ondemand.Program, error) {
		if known, ok := d.programs.Load(view); ok {
			return known.(*ondemand.Program), nil
		}
		program, err := ondemand.Compile(view, ondemand.Options{Keys: keys, Workers: workers})
		if err == nil {
			d.programs.Store(view, program)
		}
		return program, err
	}, sink)
	if err != nil {
		return nil, err
	}
	d.making.Lock()
	defer d.making.Unlock()
	plans := map[string]*plan{}
	if old := *d.plans.Load(); len(old) < maxPlans {
		plans = maps.Clone(old)
	}
	plans[string(key)] = p
	d.plans.Store(&plans)
	return p, nil
}

// appendKey appends what tells selections apart.
func (s *Selection) appendKey(dst []byte) []byte {
	if s.FullNames {
		dst = append(dst, '+')
	}
	if s.Every {
		dst = append(dst, '*')
	}
	dst = append(append(dst, s.Service...), 0)
	for _, f := range s.Features {
		dst = append(append(dst, f...), 0)
	}
	return dst
}

// quoted joins names for a sentence: "a", "b" and "c".
func quoted(names []string) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(`"` + name + `"`)
	}
	return b.String()
}
