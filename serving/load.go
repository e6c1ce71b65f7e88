package serving

import (
	"cmp"
	"fmt"
	"sync/atomic"

	"github.com/asof-dev/asof"
)

// Load bounds the work that is under way, so that a slow store fills no memory
// with requests that wait for it. What is too much is refused at once: a queue
// would only make every answer late. The servers of a process share one.
type Load struct {
	most  int64
	per   int    // how much of what a request brings counts as one more request
	limit string // for messages: what is at its limit
	now   atomic.Int64
}

// NewLoad bounds requests to most at once. Of what a request brings, per counts
// as one more request; limit tells both to people.
func NewLoad(most, per int, limit string) *Load {
	return &Load{most: int64(most), per: per, limit: limit}
}

// rowsPerRequest are how many entity rows count as one more request.
const rowsPerRequest = 100

// NewReadLoad bounds reads by their number and their entity rows; 0 is 1,000.
func NewReadLoad(requests int) *Load {
	requests = cmp.Or(requests, 1000)
	return NewLoad(requests, rowsPerRequest, fmt.Sprintf("%d requests at once (asof.serve.max_requests; %d entity rows count as one more)", requests, rowsPerRequest))
}

// weight is what a request of that size counts.
func (l *Load) weight(size int) int64 { return 1 + int64(size/l.per) }

// Enter takes a request in, or refuses it with CodeUnavailable. A request that
// is heavier than the bound is let in when there is no other.
func (l *Load) Enter(size int) error {
	w := l.weight(size)
	if now := l.now.Add(w); now > l.most && now != w {
		l.now.Add(-w)
		return asof.Errorf(asof.CodeUnavailable, "the server is at its limit of %s; try again", l.limit)
	}
	return nil
}

// Leave takes out a request that Enter took in.
func (l *Load) Leave(size int) { l.now.Add(-l.weight(size)) }
