package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// OnStep has step called at each step of publishing.
func (w *Warehouse) OnStep(step func(name string)) { w.step = step }

// OnAppendStep has step called at each step of an append.
func (o *Offline) OnAppendStep(step func(name string)) { o.step = step }

// The ways of matching views, as tests ask for them.
const (
	ByLookup = byLookup
	InMemory = inMemory
	ByWindow = byWindow
)

// Force has point-in-time queries answered in one way, where it can be taken
// at all.
func (o *Offline) Force(w way) { o.force = w }

// NoticeGone is what each connection is set up with.
var NoticeGone = noticeGone

// Pool returns the pool, of which one goroutine uses one connection.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }
