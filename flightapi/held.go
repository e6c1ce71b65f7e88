package flightapi

import (
	"slices"
	"sync"
	"time"

	"github.com/asof-dev/asof"
)

// held are the questions that were put and not answered yet, by the text of
// their commands, in which clients write a name of their own.
type held struct {
	most int
	hold time.Duration

	mu     sync.Mutex
	all    map[string]*heldCall
	closed bool
}

type heldCall struct {
	command *command
	upload  *upload
	expiry  *time.Timer
	put     time.Time
}

func newHeld(most int, hold time.Duration) *held {
	return &held{most: most, hold: hold, all: map[string]*heldCall{}}
}

// put holds a question. It takes the upload over.
func (h *held) put(c *command, up *upload) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := string(c.text)
	if old := h.all[key]; old != nil {
		h.drop(key, old)
	}
	if len(h.all) >= h.most || h.closed {
		up.release()
		return asof.Errorf(asof.CodeUnavailable, "%d calls were put whose answers nobody has fetched; fetch them, or try again in %s", len(h.all), h.hold)
	}
	call := &heldCall{command: c, upload: up, put: time.Now()}
	call.expiry = time.AfterFunc(h.hold, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.all[key] == call {
			h.drop(key, call)
		}
	})
	h.all[key] = call
	return nil
}

// drop lets a call go. The lock is held.
func (h *held) drop(key string, call *heldCall) {
	delete(h.all, key)
	call.expiry.Stop()
	call.upload.release()
}

// look returns a question that is held.
func (h *held) look(key []byte) (*command, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if call := h.all[string(key)]; call != nil {
		return call.command, nil
	}
	return nil, asof.Errorf(asof.CodeNotFound, "there is no such flight: it was fetched already, was never put, or was not fetched within %s", h.hold)
}

// take returns a question, whose upload is then the caller's.
func (h *held) take(key []byte) (*command, *upload, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	call := h.all[string(key)]
	if call == nil {
		return nil, nil, asof.Errorf(asof.CodeNotFound, "there is no such flight: it was fetched already, was never put, or was not fetched within %s", h.hold)
	}
	delete(h.all, string(key))
	call.expiry.Stop()
	return call.command, call.upload, nil
}

// list returns the commands of the questions, the oldest first.
func (h *held) list() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := make([]*heldCall, 0, len(h.all))
	for _, call := range h.all {
		calls = append(calls, call)
	}
	slices.SortFunc(calls, func(a, b *heldCall) int { return a.put.Compare(b.put) })
	list := make([][]byte, len(calls))
	for i, call := range calls {
		list[i] = call.command.text
	}
	return list
}

// close lets everything go; nothing is held any more.
func (h *held) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for key, call := range h.all {
		h.drop(key, call)
	}
}
