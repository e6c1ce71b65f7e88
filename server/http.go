// Package server runs servers of any protocol on listeners, with or without TLS:
// they take connections until a context ends, let open requests finish within a
// grace time, and close what they were given.
package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/asof-dev/asof"
)

// Grace is the time that open requests have to end when a server stops.
const Grace = 10 * time.Second

// HTTPOptions bound what a connection may take; a 0 takes the default.
type HTTPOptions struct {
	HeaderTimeout time.Duration // for the header of a request; 5 s
	ReadTimeout   time.Duration // for the whole of a request; 30 s
	WriteTimeout  time.Duration // from the header to the end of the answer; 60 s
	IdleTimeout   time.Duration // between requests; 2 min
	Drain         time.Duration // for clients to leave when ctx is done: their next answer closes the connection; 100 ms
	Grace         time.Duration // and then for open requests to end; Grace
	Log           *slog.Logger  // gets what net/http complains of; nil for nowhere
}

// HTTP answers on the listener until ctx is done; then it takes no more
// connections, sends clients away, lets open requests end, and returns nil. It
// closes the listener. Requests that did not end in the grace time are cut off, which is
// asof.CodeUnavailable.
func HTTP(ctx context.Context, l net.Listener, h http.Handler, o HTTPOptions) error {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	leaving := &farewell{Handler: h}
	server := &http.Server{
		Handler:           leaving,
		ConnState:         leaving.count,
		ReadHeaderTimeout: cmp.Or(o.HeaderTimeout, 5*time.Second),
		ReadTimeout:       cmp.Or(o.ReadTimeout, 30*time.Second),
		WriteTimeout:      cmp.Or(o.WriteTimeout, time.Minute),
		IdleTimeout:       cmp.Or(o.IdleTimeout, 2*time.Minute),
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return asof.Errorf(asof.CodeUnavailable, "cannot serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	_ = l.Close() // first, or those who are sent away come back
	leaving.wait(cmp.Or(o.Drain, 100*time.Millisecond))
	grace := cmp.Or(o.Grace, Grace)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) {
		_ = server.Close()
		err = asof.Errorf(asof.CodeUnavailable, "requests were still open %s after the server was told to stop, and were cut off", grace)
	}
	<-failed // what it says of a closed listener: the goroutine has ended
	return err
}
