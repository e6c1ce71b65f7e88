package server

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// farewell sends clients away before a server stops: net/http closes idle
// connections without a look at them, and cuts off the request that a client
// has just sent on one.
type farewell struct {
	http.Handler
	open    atomic.Int64 // connections
	leaving atomic.Bool
}

// ServeHTTP has the connection closed behind the answer of a server that stops.
func (f *farewell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.leaving.Load() {
		w.Header().Set("Connection", "close")
	}
	f.Handler.ServeHTTP(w, r)
}

// count is told of connections by http.Server.
func (f *farewell) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		f.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		f.open.Add(-1)
	}
}

// wait returns when all clients have left, or that time is over.
func (f *farewell) wait(limit time.Duration) {
	f.leaving.Store(true)
	for end := time.Now().Add(limit); f.open.Load() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}
