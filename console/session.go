package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/asof-dev/asof/permission"
)

// Bounds of sessions.
const (
	mostSessions = 10_000
	longest      = 12 * time.Hour // whatever the token says
)

// sessions are those who have signed in by a browser. They are kept here and not
// in the browser: the tokens of many issuers are larger than a cookie may be,
// signing out ends a session at once, and no key has to be kept secret and
// shared. What it costs is that a server that starts anew, or another one, has
// people sign in again, which takes them a redirect while the issuer knows them.
type sessions struct {
	mu   sync.Mutex
	list map[[sha256.Size]byte]*permission.Session // by the hash of what the cookie holds
}

// open keeps a session and returns what the cookie has to hold.
func (s *sessions) open(one *permission.Session) string {
	if latest := time.Now().Add(longest); one.Expires.After(latest) {
		one.Expires = latest
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = map[[sha256.Size]byte]*permission.Session{}
	}
	if len(s.list) >= mostSessions {
		s.makeRoom(time.Now())
	}
	id := rand.Text() + rand.Text()
	s.list[sha256.Sum256([]byte(id))] = one
	return id
}

// makeRoom forgets the sessions that are over, or the one that is the next to be.
func (s *sessions) makeRoom(now time.Time) {
	var next [sha256.Size]byte
	for key, one := range s.list {
		if one.Expires.Before(now) {
			delete(s.list, key)
		} else if other := s.list[next]; other == nil || one.Expires.Before(other.Expires) {
			next = key
		}
	}
	if len(s.list) >= mostSessions {
		delete(s.list, next)
	}
}

// get returns the session of a cookie, nil where there is none or its time is
// over.
func (s *sessions) get(id string) *permission.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(id))
	one := s.list[key]
	if one != nil && time.Now().After(one.Expires) {
		delete(s.list, key)
		return nil
	}
	return one
}

// end forgets a session.
func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.list, sha256.Sum256([]byte(id)))
}

type sessionKey struct{}

// signedIn returns the session by which a request was admitted, nil for one with
// a token of its own.
func signedIn(ctx context.Context) *permission.Session {
	one, _ := ctx.Value(sessionKey{}).(*permission.Session)
	return one
}
