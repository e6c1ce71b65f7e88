package storetest

import (
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Gate is a TCP proxy before a server: open, shut as if the server were down,
// slow as if it did not get round to answering, or one that breaks connections
// in the middle of an answer.
type Gate struct {
	Addr string

	tb       testing.TB
	target   string
	delay    atomic.Int64 // of every part of an answer
	left     atomic.Int64 // bytes of answers until connections break
	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	group    sync.WaitGroup
}

// NewGate opens a gate before the server at the address, until the test ends.
func NewGate(tb testing.TB, target string) *Gate {
	tb.Helper()
	g := &Gate{Addr: "127.0.0.1:0", tb: tb, target: target}
	g.left.Store(math.MaxInt64)
	g.Open()
	tb.Cleanup(func() { g.Shut(); g.group.Wait() })
	return g
}

// Port is the port of Addr.
func (g *Gate) Port() int { return g.listener.Addr().(*net.TCPAddr).Port }

// Slow has every part of an answer come so much later; 0 is at once.
func (g *Gate) Slow(delay time.Duration) { g.delay.Store(int64(delay)) }

// CutAfter breaks connections once so many more bytes of answers have passed;
// a number less than zero, never. It returns how many of those that were given
// before have not passed.
func (g *Gate) CutAfter(bytes int64) (left int64) {
	if bytes < 0 {
		bytes = math.MaxInt64
	}
	return g.left.Swap(bytes)
}

// Open lets connections through, at the address that the gate has had.
func (g *Gate) Open() {
	g.tb.Helper()
	l, err := net.Listen("tcp", g.Addr)
	if err != nil {
		g.tb.Fatal(err)
	}
	g.Addr, g.listener = l.Addr().String(), l
	g.group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", g.target)
			if err != nil {
				client.Close()
				continue
			}
			g.mu.Lock()
			g.conns = append(g.conns, client, server)
			g.mu.Unlock()
			g.group.Go(func() { _, _ = io.Copy(server, client); server.Close() })
			g.group.Go(func() { g.answer(client, server); client.Close(); server.Close() })
		}
	})
}

// Shut breaks all connections, and takes no more.
func (g *Gate) Shut() {
	g.listener.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

// answer passes answers on until the connection breaks.
func (g *Gate) answer(client, server net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		time.Sleep(time.Duration(g.delay.Load()))
		left := g.left.Add(-int64(n))
		if left < 0 {
			n = max(0, n+int(left))
		}
		if _, failed := client.Write(buf[:n]); failed != nil || err != nil || left < 0 {
			return
		}
	}
}
