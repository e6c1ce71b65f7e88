//go:build duckdb_arrow

package duckdb

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// OnStep has step called at each step of publishing.
func (w *Warehouse) OnStep(step func(name string)) { w.step = step }

// OnAppendStep has step called at each step of an append.
func (o *Offline) OnAppendStep(step func(name string)) { o.step = step }

// At has the warehouse take now for the time.
func (w *Warehouse) At(now func() time.Time) { w.now = now }

// InEngine leaves every point-in-time join to DuckDB.
func (o *Offline) InEngine() *Offline {
	o.history = 0
	return o
}

// Streaming holds no entity rows, and of DuckDB's answers few.
func (o *Offline) Streaming() *Offline {
	o.ahead, o.page = 0, 1000
	return o
}

// Allocating has the store's answers take their memory from mem.
func (o *Offline) Allocating(mem memory.Allocator) *Offline {
	o.mem = mem
	return o
}

// Exceeds reports whether a query answers more rows than limit.
func (o *Offline) Exceeds(ctx context.Context, sql string, limit int64) (bool, error) {
	s, err := o.session(ctx)
	if err != nil {
		return false, err
	}
	defer s.close()
	return s.exceeds(ctx, sql, limit)
}
