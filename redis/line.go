package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"
)

// sentByCaller is up to how many bytes on their way a caller writes itself: so
// few fit into the buffers of the kernel, even where the server hangs.
const sentByCaller = 32 << 10

// request is commands of one Read for one server, with what becomes of the
// replies. Between send and what comes out of done it is the line's.
type request struct {
	out    []byte
	left   int                    // replies to come
	take   func(*request, *reply) // called for each reply, in order, from the line's goroutine
	places []place                // by reply
	server *server
	old    bool  // it went to a connection that had worked before
	err    error // what came out of done, for the caller

	done chan error // has room for one
	next *request
}

// line is one connection that many requests share. What they send while another
// write is under way goes out with the next write; replies are handed out by
// one goroutine, in the order of the requests. A caller may stop waiting: its
// replies are taken as any.
//
// A line that fails, sends what is no reply, or does not answer in time ends,
// and all requests on it fail. Only the line's goroutine finishes requests.
type line struct {
	network *network
	addr    string
	ctx     context.Context // ends with the line, for a cause
	cancel  context.CancelCauseFunc
	more    chan struct{} // there is something to write, and nobody writes; has room for one

	mu          sync.Mutex
	conn        net.Conn // nil until the login is done
	ended       bool
	out, spare  []byte // to be written next; the other buffer
	writing     bool
	first, last *request // that wait for replies
	load        int      // bytes of commands that are not answered
}

// send queues the request, and reports whether the line still takes any.
func (l *line) send(q *request) bool {
	l.mu.Lock()
	if l.ended || l.ctx.Err() != nil {
		l.mu.Unlock()
		return false
	}
	l.out = append(l.out, q.out...)
	l.load += len(q.out)
	q.old, q.next = l.conn != nil, nil
	shared := l.first != nil
	if shared {
		l.last.next = q
	} else {
		l.first = q
	}
	l.last = q
	mine, few := l.conn != nil && !l.writing, l.load <= sentByCaller
	l.writing = l.writing || mine
	l.mu.Unlock()
	switch {
	case !mine:
	case !few:
		l.more <- struct{}{}
	default:
		if shared {
			runtime.Gosched() // others may have something to send with it
		}
		if l.writeOnce() {
			l.more <- struct{}{}
		}
	}
	return true
}

// write writes what callers leave to it.
func (l *line) write() {
	for {
		select {
		case <-l.more:
			for l.writeOnce() {
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// writeOnce writes what is queued and reports whether there is more.
func (l *line) writeOnce() bool {
	l.mu.Lock()
	l.out, l.spare = l.spare[:0], l.out
	l.mu.Unlock()
	if _, err := l.conn.Write(l.spare); err != nil {
		l.cancel(err)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cap(l.spare) > maxKept {
		l.spare = nil
	}
	l.writing = len(l.out) > 0
	return l.writing
}

// maxKept is up to what size a buffer for commands is used again.
const maxKept = 1 << 20

// run works until the line ends, and fails who still waits then.
func (l *line) run() {
	l.work()
	err := context.Cause(l.ctx)
	l.mu.Lock()
	l.ended = true
	q := l.first
	l.first, l.last, l.load = nil, nil, 0
	l.mu.Unlock()
	for q != nil {
		next := q.next // the request is its caller's as soon as it is done
		q.done <- err
		q = next
	}
}

// work connects and hands out replies. Why it ends is the cause of the context.
func (l *line) work() {
	conn, err := l.network.dialer.DialContext(l.ctx, "tcp", l.addr)
	if err != nil {
		l.cancel(err)
		return
	}
	closed := make(chan struct{})
	context.AfterFunc(l.ctx, func() { conn.Close(); close(closed) })
	defer func() { <-closed }()
	in := &replies{from: &patient{line: l, conn: conn}}
	if err := l.login(conn, in); err != nil {
		l.cancel(err)
		return
	}
	l.mu.Lock()
	l.conn, l.writing = conn, true
	l.mu.Unlock()
	l.more <- struct{}{}
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(l.write)
	l.cancel(l.handOut(in))
}

func (l *line) login(conn net.Conn, in *replies) error {
	if _, err := conn.Write(l.network.login); err != nil {
		return err
	}
	for range l.network.logins {
		r, err := in.next()
		if err != nil {
			return err
		}
		if err := r.err(); err != nil {
			return err
		}
	}
	return nil
}

func (l *line) handOut(in *replies) error {
	var q *request
	for {
		r, err := in.next()
		if err != nil {
			return err
		}
		if q == nil {
			if q = l.waiting(); q == nil {
				return fmt.Errorf("the server sent a reply that nobody asked for: %.100q", r.err())
			}
		}
		q.take(q, r)
		if q.left--; q.left == 0 {
			l.mu.Lock()
			if l.first = q.next; l.first == nil {
				l.last = nil
			}
			l.load -= len(q.out)
			l.mu.Unlock()
			q.done <- nil
			q = nil
		}
	}
}

// unanswered returns how many bytes of commands wait for their replies.
func (l *line) unanswered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.load
}

// awaited reports whether something has to come: to the login, or to a request.
func (l *line) awaited() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn == nil || l.first != nil
}

// waiting returns the request whose replies come next.
func (l *line) waiting() *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// patient reads from a connection: without an end as long as nothing is
// awaited, else for the time in which something has to be answered.
type patient struct {
	line *line
	conn net.Conn
}

func (p *patient) Read(to []byte) (int, error) {
	for {
		awaited := p.line.awaited()
		if err := p.conn.SetReadDeadline(time.Now().Add(p.line.network.answer)); err != nil {
			return 0, err
		}
		n, err := p.conn.Read(to)
		var network net.Error
		if n > 0 || awaited || !errors.As(err, &network) || !network.Timeout() {
			return n, err
		}
	}
}
