package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"iter"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/asof-dev/asof"
)

const (
	// linesPerServer is on how many connections reads of one server are spread,
	// so that a large one is not in the way of all others.
	linesPerServer = 4
	// sharedLoad is up to how many bytes of unanswered commands a line is given
	// more: small reads go out together, which is cheaper for both sides.
	sharedLoad = 16 << 10
)

// errClosed is what a read gets when the store is closed under it.
var errClosed = asof.Errorf(asof.CodeInternal, "the online store is closed")

// errMoved ends the lines to a server that is no master of the cluster now.
var errMoved = errors.New("the server has left the cluster")

// network is the servers that reads have gone to.
type network struct {
	dialer interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	}
	answer time.Duration
	login  []byte // commands that begin each connection
	logins int

	ctx    context.Context
	cancel context.CancelCauseFunc
	lines  sync.WaitGroup

	mu      sync.Mutex
	servers map[string]*server
}

func newNetwork(option rueidis.ClientOption) *network {
	n := &network{dialer: &option.Dialer, answer: option.ConnWriteTimeout, servers: map[string]*server{}}
	if option.TLSConfig != nil {
		n.dialer = &tls.Dialer{NetDialer: &option.Dialer, Config: option.TLSConfig}
	}
	login := func(words ...string) {
		n.login = appendCommand(n.login, words...)
		n.logins++
	}
	switch {
	case option.Username != "":
		login("AUTH", option.Username, option.Password)
	case option.Password != "":
		login("AUTH", option.Password)
	}
	if option.ClientName != "" {
		login("CLIENT", "SETNAME", option.ClientName)
	}
	if option.SelectDB != 0 {
		login("SELECT", strconv.Itoa(option.SelectDB))
	}
	n.ctx, n.cancel = context.WithCancelCause(context.Background())
	return n
}

// close ends all lines.
func (n *network) close() {
	n.mu.Lock()
	n.cancel(errClosed) // no line begins after it
	n.mu.Unlock()
	n.lines.Wait()
}

// server returns the server of an address.
func (n *network) server(addr string) *server {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.servers[addr]
	if s == nil {
		s = &server{network: n, addr: addr}
		s.ctx, s.cancel = context.WithCancelCause(n.ctx)
		n.servers[addr] = s
	}
	return s
}

// keep ends the lines to all servers but these, which have moved away.
func (n *network) keep(addrs iter.Seq[string]) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := map[string]*server{}
	for addr := range addrs {
		kept[addr] = n.servers[addr]
	}
	for addr, s := range n.servers {
		if kept[addr] == nil {
			s.cancel(errMoved)
		}
	}
	n.servers = kept
}

// server is the lines to one address.
type server struct {
	network *network
	addr    string
	ctx     context.Context
	cancel  context.CancelCauseFunc

	mu    sync.Mutex
	lines [linesPerServer]*line
}

// send puts the request on a line.
func (s *server) send(q *request) error {
	for {
		l, err := s.line()
		if err != nil || l.send(q) {
			return err
		}
	}
}

// line returns the first line with little to do, else a new one, else the one
// with the least to do.
func (s *server) line() (*line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *line
	least, free := 0, -1
	for i, l := range s.lines {
		if l == nil || l.ctx.Err() != nil {
			free = i
			continue
		}
		load := l.unanswered()
		if load < sharedLoad {
			return l, nil
		}
		if best == nil || load < least {
			best, least = l, load
		}
	}
	if free < 0 {
		return best, nil
	}
	n := s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := context.Cause(s.ctx); err != nil {
		return nil, err
	}
	l := &line{network: n, addr: s.addr, more: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancelCause(s.ctx)
	s.lines[free] = l
	n.lines.Go(l.run)
	return l, nil
}

// appendCommand appends a command as Redis takes it.
func appendCommand(dst []byte, words ...string) []byte {
	dst = appendNumber(dst, '*', len(words))
	for _, w := range words {
		dst = appendWord(dst, w)
	}
	return dst
}

func appendWord[T string | []byte](dst []byte, word T) []byte {
	return append(append(appendNumber(dst, '$', len(word)), word...), "\r\n"...)
}

func appendNumber(dst []byte, mark byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, mark), int64(n), 10), "\r\n"...)
}
