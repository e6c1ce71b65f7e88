package server

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a server's, read again when its files have changed.
type certificate struct {
	files Security

	mu     sync.Mutex
	pair   *tls.Certificate
	stamps [2]stamp // of the files that the pair was read from
	failed [2]stamp // of those that were no pair
}

// stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

// current returns the certificate for a connection. While the files are no pair,
// as when one is renewed and the other is about to be, it is the one before.
func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.stat()
	if now == c.stamps || now == c.failed {
		return c.pair, nil
	}
	if err := c.load(); err != nil {
		slog.Warn("the certificate was not read again; the one before is used on", "certificate", c.files.Certificate, "error", err)
		c.failed = now
	}
	return c.pair, nil
}

// load reads the files.
func (c *certificate) load() error {
	now := c.stat()
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return err
	}
	c.pair, c.stamps = &pair, now
	return nil
}

func (c *certificate) stat() (stamps [2]stamp) {
	for i, path := range []string{c.files.Certificate, c.files.Key} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}
