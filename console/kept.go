package console

import (
	"context"
	"sync"
	"time"
)

// kept is an answer that pages share for a moment. What took long is kept for
// longer, so that people who look at a page cost a store little.
type kept[T any] struct {
	mu    sync.Mutex // held by who asks; the others wait for the answer
	value T
	of    string // the question
	until time.Time
}

const (
	keptLeast = 2 * time.Second
	keptMost  = 10 * time.Second
	keptShare = 20 // of the time, at most one part in so many is spent on asking
)

// get returns the answer to the question of; an error, and what was kept of
// another question, is not kept.
func (k *kept[T]) get(ctx context.Context, of string, ask func(context.Context) (T, error)) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if began := time.Now(); of != k.of || !began.Before(k.until) {
		value, err := ask(ctx)
		if err != nil {
			return value, err
		}
		took := time.Since(began)
		k.value, k.of, k.until = value, of, began.Add(min(max(keptShare*took, keptLeast), keptMost))
	}
	return k.value, nil
}
