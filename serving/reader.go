// Package serving reads features online: a request names entities and features,
// and one round trip to the online store answers it.
//
// What a set of features needs (views, join keys and their types, ttl) is worked
// out once for each state of the registry and kept as a plan. A [Reader] sees
// a changed registry within [Options.Refresh], without a restart, and at once
// where [Reader.Changed] says so.
package serving

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/ondemand"
)

// Options are what a Reader works on. Registry, Online and Project are needed,
// the rest has defaults.
type Options struct {
	Registry   asof.Registry
	Online     asof.OnlineStore
	Project    string
	KeyVersion int // entity_key_serialization_version; 0 is 3

	// OnExpired says what becomes of a value older than its view's ttl: "keep"
	// (the default) or "drop", which makes it null. Its status is
	// asof.StatusOutsideMaxAge in both.
	OnExpired   string
	MaxEntities int              // rows of one request; 0 is 10,000
	Now         func() time.Time // the time that a ttl is counted back from; nil is time.Now
	Refresh     time.Duration    // how long the registry is not asked again; 0 is 100 ms

	Workers *ondemand.Workers // Python processes for on-demand functions that need one; may be nil

	Keys asof.KeyLister // of Online, for searches; nil: nothing is searched

	// Sink returns what keeps some of the answers to a selection, nil for
	// nothing. It is asked once for each plan; nil: no answers are kept.
	Sink func(*Selected) *Sink

	// Permit returns why the caller of ctx may not read the objects: a feature
	// service that was asked for, or the views behind features; nil for a Reader
	// that everybody may use.
	Permit func(ctx context.Context, s *asof.Snapshot, objects ...asof.Object) error
}

// Reader answers online reads. It may be used by several goroutines.
type Reader struct {
	Options
	drop        bool
	definitions atomic.Pointer[definitions]
	refreshing  sync.Mutex
	changes     atomic.Int64          // how often Changed was called
	trouble     atomic.Pointer[error] // why the registry could not be asked the last time
	answers     sync.Pool             // of *Answer
}

// New makes a Reader. It asks neither the registry nor the store.
func New(o Options) (*Reader, error) {
	if o.KeyVersion == 0 {
		o.KeyVersion = 3
	}
	if o.MaxEntities == 0 {
		o.MaxEntities = 10_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refresh == 0 {
		o.Refresh = 100 * time.Millisecond
	}
	if o.OnExpired != "" && o.OnExpired != "keep" && o.OnExpired != "drop" {
		return nil, asof.Errorf(asof.CodeInvalid, "on_expired is %q; it has to be keep or drop", o.OnExpired)
	}
	return &Reader{Options: o, drop: o.OnExpired == "drop"}, nil
}

// Read answers a request. The answer has one row for each entity row, in their
// order; a key that the store does not know gives nulls, and is no error.
//
// A view, feature, service or entity that does not exist is asof.CodeNotFound, as
// everything is in a project that was never applied: Feast's clients ask again
// where a server is not available, and hide why. A wrong value, a missing join
// key and whatever else the caller has to mend is asof.CodeInvalid; what
// Options.Permit refuses is its error; a store that is down is
// asof.CodeUnavailable. A [Fault] in the error's chain says more.
func (r *Reader) Read(ctx context.Context, q *Request) (*Answer, error) {
	d, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	p, err := r.permitted(ctx, d, q.Selection)
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, p, q.Entities)
}

// ReadKey answers for the one entity that key names, as a URL or a command line
// writes it. The features have to be of one join key. A Selection of nothing
// is all online features of the project's only entity.
func (r *Reader) ReadKey(ctx context.Context, key string, s Selection) (*Answer, error) {
	d, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	s.Every = s.Every || len(s.Features) == 0 && s.Service == ""
	p, err := r.permitted(ctx, d, s)
	if err != nil {
		return nil, err
	}
	name, err := p.onlyKey()
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, p, []Column{{Name: name, Values: []Cell{Text(key)}}})
}

// permitted returns the plan of a selection, if the caller may read that.
func (r *Reader) permitted(ctx context.Context, d *definitions, s Selection) (*plan, error) {
	p, err := d.plan(s, r.KeyVersion, r.Workers, r.Sink)
	if err == nil && r.Permit != nil {
		err = r.Permit(ctx, d.snapshot, p.uses...)
	}
	return p, err
}

// Ready reports why a read cannot be answered now: the registry does not
// answer, nothing was applied, or the online store does not answer. It reads
// one key that no entity has.
func (r *Reader) Ready(ctx context.Context) error {
	d, err := r.current(ctx)
	if err != nil {
		return err
	}
	if err := r.trouble.Load(); err != nil {
		return *err
	}
	for _, v := range d.snapshot.Views() {
		if v.Online && v.Served() == nil {
			probe := asof.Reading{View: v, Keys: [][]byte{{0}}}
			return r.readStore(ctx, []*asof.Reading{&probe})
		}
	}
	return nil
}

func (r *Reader) answer(ctx context.Context, p *plan, entities []Column) (*Answer, error) {
	a, _ := r.answers.Get().(*Answer)
	if a == nil {
		a = &Answer{reader: r}
	}
	if err := a.bind(p, entities, r.MaxEntities); err != nil {
		a.Release()
		return nil, err
	}
	a.drop, a.now = r.drop, r.Now().UnixMicro()
	a.took = 0
	if a.rows == 0 {
		return a, nil
	}
	began := time.Since(start)
	if err := r.readStore(ctx, a.asked); err != nil {
		a.Release()
		return nil, err
	}
	a.took = time.Since(start) - began
	if err := a.compute(ctx); err != nil {
		a.Release()
		return nil, err
	}
	a.sample()
	return a, nil
}

// readStore reads. What goes wrong here is no mistake of the caller: a view
// that the store does not know was registered and not made ready.
func (r *Reader) readStore(ctx context.Context, readings []*asof.Reading) error {
	err := r.Online.Read(ctx, r.Project, readings)
	if errors.Is(err, context.DeadlineExceeded) || err != nil && ctx.Err() == context.DeadlineExceeded {
		return asof.Errorf(asof.CodeUnavailable, "the online store did not answer in time: %w", err)
	}
	for _, asked := range readings {
		if err == nil && len(asked.Buf) > math.MaxInt32 { // the spans are wrong
			return asof.Errorf(asof.CodeInvalid, "the values of view %q for these %d entities are more than 2 GiB; split the request", asked.View.Name, len(asked.Keys))
		}
	}
	return unavailable(err)
}

// unavailable makes an error of a store or a registry one that the caller
// cannot mend: a password that a store refuses is ours, not the caller's.
func unavailable(err error) error {
	switch asof.ErrorCode(err) {
	case asof.CodeInvalid, asof.CodeNotFound, asof.CodeUnauthenticated, asof.CodeForbidden, asof.CodeConflict:
		return asof.Errorf(asof.CodeUnavailable, "%w", err)
	}
	return err
}
