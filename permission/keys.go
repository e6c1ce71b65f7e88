package permission

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of asking an issuer for its keys.
const (
	askAgain  = 5 * time.Second // not more often, whatever tokens come
	keepStale = time.Hour       // keys go on to be used while the issuer does not answer
)

// keyring keeps the keys of an issuer. Tokens that are checked all the time
// never wait: keys are asked for again before their time is over. While the
// issuer does not answer, those that are known go on to count, for an hour.
type keyring struct {
	publisher *publisher
	keep      time.Duration
	log       *slog.Logger
	changed   func() // is called when a key has come or gone
	ctx       context.Context
	stop      context.CancelFunc
	asking    sync.WaitGroup

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time     // when keys were got
	tried   time.Time     // when they were last asked for
	err     error         // what became of that
	ended   chan struct{} // of the asking that is under way, nil where none is
}

func newKeyring(p *publisher, keep time.Duration, log *slog.Logger, changed func()) *keyring {
	k := &keyring{publisher: p, keep: cmp.Or(keep, 5*time.Minute), log: log, changed: changed}
	k.ctx, k.stop = context.WithCancel(context.Background())
	return k
}

// close ends what is under way.
func (k *keyring) close() {
	k.stop()
	k.asking.Wait()
}

// find returns the key that a token names; ok is false where the issuer has
// none such. A name that is not known makes the issuer be asked, but not more
// often than every five seconds.
func (k *keyring) find(ctx context.Context, id string, algorithm jose.SignatureAlgorithm) (key jose.JSONWebKey, ok bool, err error) {
	keys, err := k.current(ctx)
	if err != nil {
		return key, false, err
	}
	if key, ok = choose(keys, id, algorithm); ok {
		return key, true, nil
	}
	if keys, err = k.again(ctx); err != nil {
		return key, false, err
	}
	key, ok = choose(keys, id, algorithm)
	return key, ok, nil
}

// until returns how long a token counts as checked that was checked now.
func (k *keyring) until(now time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if fresh := k.fetched.Add(k.keep); fresh.After(now) {
		return fresh
	}
	return now.Add(askAgain)
}

// current returns keys that may be used.
func (k *keyring) current(ctx context.Context) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	now := time.Now()
	age, recently := now.Sub(k.fetched), k.ended == nil && now.Sub(k.tried) < askAgain
	known := k.keys != nil && age < k.keep+keepStale
	switch {
	case known && (age < k.keep*4/5 || recently):
		defer k.mu.Unlock()
		return k.keys, nil
	case known && (age < k.keep || k.err != nil): // beside: nobody has to wait
		defer k.mu.Unlock()
		k.ask(now)
		return k.keys, nil
	case recently:
		defer k.mu.Unlock()
		return nil, k.err
	}
	ended := k.ask(now)
	k.mu.Unlock()
	return k.wait(ctx, ended, known)
}

// again asks for keys, unless they were asked for a moment ago. An error is that
// of the last asking.
func (k *keyring) again(ctx context.Context) ([]jose.JSONWebKey, error) {
	k.mu.Lock()
	now := time.Now()
	if k.ended == nil && now.Sub(k.tried) < askAgain {
		defer k.mu.Unlock()
		return k.keys, k.err
	}
	ended := k.ask(now)
	k.mu.Unlock()
	return k.wait(ctx, ended, false)
}

// wait returns the keys when asking has ended; also after a failure, where
// stale ones are good enough.
func (k *keyring) wait(ctx context.Context, ended <-chan struct{}, stale bool) ([]jose.JSONWebKey, error) {
	select {
	case <-ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil && !stale {
		return nil, k.err
	}
	return k.keys, nil
}

// ask begins to ask the issuer, unless that is under way, and returns what is
// closed when it has answered. The caller holds the lock.
func (k *keyring) ask(now time.Time) <-chan struct{} {
	if k.ended != nil {
		return k.ended
	}
	ended := make(chan struct{})
	k.ended = ended
	k.asking.Go(func() {
		keys, err := k.publisher.keys(k.ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.ended, k.err, k.tried = nil, err, time.Now()
		close(ended)
		if err != nil {
			if k.ctx.Err() == nil {
				k.log.Warn("the keys of the issuer of tokens were not got", "known", len(k.keys), "error", err)
			}
			return
		}
		if !sameKeys(k.keys, keys) {
			k.changed()
		}
		k.keys, k.fetched = keys, now
	})
	return ended
}

// choose returns the key of a name that an algorithm can use. A token that names
// none is checked with the only key that fits.
func choose(keys []jose.JSONWebKey, id string, algorithm jose.SignatureAlgorithm) (jose.JSONWebKey, bool) {
	fitting := func(key jose.JSONWebKey) bool { return (id == "" || key.KeyID == id) && fits(key, algorithm) }
	at := slices.IndexFunc(keys, fitting)
	if at < 0 || id == "" && slices.IndexFunc(keys[at+1:], fitting) >= 0 {
		return jose.JSONWebKey{}, false
	}
	return keys[at], true
}

// algorithms are those whose tokens are taken: the key that checks is not the
// key that signs.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// fits reports whether a key is for an algorithm.
func fits(key jose.JSONWebKey, algorithm jose.SignatureAlgorithm) bool {
	if key.Algorithm != "" && key.Algorithm != string(algorithm) {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return algorithm[0] == 'R' || algorithm[0] == 'P'
	case *ecdsa.PublicKey:
		sizes := map[jose.SignatureAlgorithm]int{jose.ES256: 256, jose.ES384: 384, jose.ES512: 521}
		return sizes[algorithm] == public.Curve.Params().BitSize
	case ed25519.PublicKey:
		return algorithm == jose.EdDSA
	}
	return false
}
