package httpapi

import (
	"sync/atomic"

	"github.com/asof-dev/asof"
)

// load bounds the work that is under way, so that a slow store fills no memory
// with requests that wait for it. What is too much is refused at once: a queue
// would only make every answer late.
type load struct {
	most int64
	now  atomic.Int64
}

// rowsPerUnit is how many entity rows weigh as much as one request.
const rowsPerUnit = 100

// weight is what a request of so many rows counts.
func weight(rows int) int64 { return 1 + int64(rows)/rowsPerUnit }

// enter takes a request in. A request that is heavier than the bound is let in
// when there is no other.
func (l *load) enter(rows int) error {
	w := weight(rows)
	if now := l.now.Add(w); now > l.most && now != w {
		l.now.Add(-w)
		return asof.Errorf(asof.CodeUnavailable, "the server is at its limit of %d requests at once (asof.serve.max_requests; %d entity rows count as one more); try again", l.most, rowsPerUnit)
	}
	return nil
}

// leave takes a request out.
func (l *load) leave(rows int) { l.now.Add(-weight(rows)) }
