package redis_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// wire is between a store and a real server. What the server answers on
// connections for reads goes through a function of the test.
type wire struct {
	addr  string
	reads atomic.Int64 // connections that have been read on
	alter atomic.Pointer[func(to io.Writer, answer []byte) error]
}

func startWire(t *testing.T, server string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: listener.Addr().String()}
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	group.Go(func() {
		for {
			store, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { w.join(ctx, store, server) })
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Close()
		group.Wait()
	})
	return w
}

func (w *wire) join(ctx context.Context, store net.Conn, server string) {
	defer store.Close()
	redis, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer redis.Close()
	stop := context.AfterFunc(ctx, func() { store.Close(); redis.Close() })
	defer stop()
	var read atomic.Bool
	go func() {
		defer redis.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := store.Read(buffer)
			if bytes.Contains(buffer[:n], []byte("HMGET")) && read.CompareAndSwap(false, true) {
				w.reads.Add(1)
			}
			if _, failed := redis.Write(buffer[:n]); err != nil || failed != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := redis.Read(buffer)
		if err != nil {
			return
		}
		alter := w.alter.Load()
		if alter == nil || !read.Load() {
			_, err = store.Write(buffer[:n])
		} else {
			err = (*alter)(store, buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// altering has the answers to reads go through f.
func (w *wire) altering(f func(to io.Writer, answer []byte) error) { w.alter.Store(&f) }

var errCut = errors.New("cut")
