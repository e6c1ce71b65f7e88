package httpapi

import (
	"fmt"
	"sync/atomic"

	"github.com/asof-dev/asof"
)

// load bounds the work that is under way, so that a slow store fills no memory
// with requests that wait for it. What is too much is refused at once: a queue
// would only make every answer late.
type load struct {
	most  int64
	per   int    // how much of what a request brings counts as one more request
	limit string // for messages: what is at its limit
	now   atomic.Int64
}

// The bounds: of reads by their entity rows, of writes by their bytes.
const (
	rowsPerUnit  = 100
	bytesPerUnit = 1 << 20
	writeUnits   = 256
)

func (h *handler) bound(reads int) {
	h.load.most, h.load.per = int64(reads), rowsPerUnit
	h.load.limit = fmt.Sprintf("%d requests at once (asof.serve.max_requests; %d entity rows count as one more)", reads, rowsPerUnit)
	h.writes.most, h.writes.per = writeUnits, bytesPerUnit
	h.writes.limit = fmt.Sprintf("%d writes at once (a mebibyte counts as one more)", writeUnits)
}

// weight is what a request of that size counts.
func (l *load) weight(size int) int64 { return 1 + int64(size/l.per) }

// enter takes a request in. A request that is heavier than the bound is let in
// when there is no other.
func (l *load) enter(size int) error {
	w := l.weight(size)
	if now := l.now.Add(w); now > l.most && now != w {
		l.now.Add(-w)
		return asof.Errorf(asof.CodeUnavailable, "the server is at its limit of %s; try again", l.limit)
	}
	return nil
}

// leave takes a request out.
func (l *load) leave(size int) { l.now.Add(-l.weight(size)) }
