package metric

import (
	"sync"
	"time"
)

const (
	askAge     = 5 * time.Second // how old an answer may be
	askTimeout = 2 * time.Second // how long Prometheus waits for a new one
	askShare   = 20              // of the time, at most one part in so many is spent on asking
)

// pace bounds how often a store is asked.
type pace struct {
	asking sync.Mutex // held by who asks
	until  time.Time  // until when the answer is good enough
}

// ask asks where the last answer is too old and nobody else is asking.
func (p *pace) ask(now func() time.Time, do func()) {
	if !p.asking.TryLock() {
		return
	}
	defer p.asking.Unlock()
	if at := now(); !at.Before(p.until) {
		began := time.Now()
		do()
		p.until = at.Add(max(askAge, askShare*time.Since(began)))
	}
}
