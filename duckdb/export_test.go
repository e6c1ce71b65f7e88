//go:build duckdb_arrow

package duckdb

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// OnStep has step called at each step of publishing.
func (w *Warehouse) OnStep(step func(name string)) { w.step = step }

// At has the warehouse take now for the time.
func (w *Warehouse) At(now func() time.Time) { w.now = now }

// InEngine leaves every point-in-time join to DuckDB.
func (o *Offline) InEngine() *Offline {
	o.history = 0
	return o
}

// Streaming holds no entity rows, and of sorted answers few.
func (o *Offline) Streaming() *Offline {
	o.ahead, o.page = 0, 1000
	return o
}

// Allocating has the store's answers take their memory from mem.
func (o *Offline) Allocating(mem memory.Allocator) *Offline {
	o.mem = mem
	return o
}
