package main

import (
	"context"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/cli"
)

// ownLayout and feastLayout are the two layouts of one database.
type ownLayout interface {
	asof.OnlineStore
	asof.KeyLister
	Holds(ctx context.Context, project string) (bool, error)
}

type feastLayout interface {
	asof.OnlineStore
	asof.KeyLister
	FeastTables(ctx context.Context, project string) ([]string, error)
}

// online is a database's online store in the layout that asof.layout names.
// Without one it is Feast's where Feast's tables of the project hold rows and
// ours none. That is asked when the store is first used, so that a server can
// start before its database, and again while neither holds any.
type online struct {
	project string
	version int // of the keys in Feast's layout
	own     ownLayout
	feast   feastLayout
	layout  string // "asof", "feast", or "" where nobody said

	mu      sync.Mutex
	chosen  asof.OnlineStore
	certain bool // a layout holds rows
	asked   time.Time
}

var (
	_ asof.OnlineStore = (*online)(nil)
	_ asof.KeyLister   = (*online)(nil)
)

// askAgain is how long an empty database is taken for one.
const askAgain = time.Second

func newOnline(s cli.Setup, own ownLayout, feast feastLayout) *online {
	return &online{project: s.Config.Project, version: s.Config.KeyVersion, own: own, feast: feast, layout: s.Config.Asof.Layout}
}

func (o *online) store(ctx context.Context) (asof.OnlineStore, error) {
	switch o.layout {
	case "asof":
		return o.own, nil
	case "feast":
		return o.feast, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.certain || o.chosen != nil && time.Since(o.asked) < askAgain {
		return o.chosen, nil
	}
	held, err := o.own.Holds(ctx, o.project)
	if err != nil {
		return nil, err
	}
	var tables []string
	if !held {
		if tables, err = o.feast.FeastTables(ctx, o.project); err != nil {
			return nil, err
		}
	}
	o.chosen, o.certain, o.asked = o.own, held || len(tables) > 0, time.Now()
	if len(tables) > 0 {
		o.chosen = o.feast
	}
	return o.chosen, nil
}

// FeastLayout reports whether rows are kept as Feast keeps them, and where
// nobody said which layout to take, which of Feast's tables hold rows.
func (o *online) FeastLayout(ctx context.Context) (feast bool, noticed []string, err error) {
	store, err := o.store(ctx)
	if err != nil || o.layout != "" {
		return store == o.feast, nil, err
	}
	noticed, err = o.feast.FeastTables(ctx, o.project)
	return store == o.feast, noticed, err
}

// KeyVersion is the version of the entity keys: 3 in our own layout, and
// nearly always in Feast's.
func (o *online) KeyVersion() int {
	if o.version == ownKeyVersion {
		return ownKeyVersion
	}
	return asof.KeyVersion(o.usual())
}

// EventUnit is that of the layout.
func (o *online) EventUnit() time.Duration { return asof.EventUnit(o.usual()) }

// usual is the store of the layout, ours where that cannot be seen.
func (o *online) usual() asof.OnlineStore {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	store, err := o.store(ctx)
	if err != nil {
		return o.own
	}
	return store
}

// Update, Write, Restore, Read, Keys, Teardown and Close are those of the layout.
func (o *online) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	return store.Update(ctx, project, keep, drop)
}

func (o *online) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (int64, error) {
	store, err := o.store(ctx)
	if err != nil {
		return 0, err
	}
	return store.Write(ctx, project, view, rows)
}

func (o *online) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	return store.Restore(ctx, project, view, set, remove)
}

func (o *online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	return store.Read(ctx, project, readings)
}

func (o *online) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	return store.(asof.KeyLister).Keys(ctx, project, view, each)
}

func (o *online) Teardown(ctx context.Context, project string, views []string) error {
	store, err := o.store(ctx)
	if err != nil {
		return err
	}
	return store.Teardown(ctx, project, views)
}

func (o *online) Close() error {
	if err := o.feast.Close(); err != nil {
		return err
	}
	return o.own.Close()
}
