package permission

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/asof-dev/asof"
)

// ErrNoToken is in the chain of the error of a request without a token.
var ErrNoToken = errors.New("the request has no token")

const (
	leeway   = 10 * time.Second // that clocks may differ by, as in Feast
	maxToken = 32 << 10         // bytes
	maxKnown = 10_000           // tokens that are remembered
)

// verifier knows users by their tokens.
type verifier struct {
	issuer Issuer
	secret string // INTRA_COMMUNICATION_BASE64; "" where no server is known by it
	ring   *keyring

	mu    sync.RWMutex
	known map[[sha256.Size]byte]verified
}

// verified is a token that was found good.
type verified struct {
	user  *User
	until time.Time
}

// user returns the bearer of a token, else asof.CodeUnauthenticated with what is
// wrong about it, or asof.CodeUnavailable where the issuer is needed and does
// not answer.
func (v *verifier) user(ctx context.Context, token string) (*User, error) {
	if len(token) > maxToken {
		return nil, refused("it is larger than %d bytes", maxToken)
	}
	now, digest := time.Now(), sha256.Sum256([]byte(token))
	v.mu.RLock()
	seen, ok := v.known[digest]
	v.mu.RUnlock()
	if ok && now.Before(seen.until) {
		return seen.user, nil
	}
	user, expires, err := v.verify(ctx, token, now)
	if err != nil {
		return nil, err
	}
	if until := v.ring.until(now); until.Before(expires) {
		expires = until
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= maxKnown {
		clear(v.known)
	}
	v.known[digest] = verified{user, expires}
	return user, nil
}

// forget makes every token be checked anew.
func (v *verifier) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.known)
}

func (v *verifier) verify(ctx context.Context, token string, now time.Time) (*User, time.Time, error) {
	if v.secret != "" && v.isServer(token) {
		return &User{Name: "a server of this feature store", Server: true}, now.Add(time.Hour), nil
	}
	standard, said, err := v.open(ctx, token)
	if err != nil {
		return nil, now, err
	}
	if err := v.accepts(standard, now); err != nil {
		return nil, now, err
	}
	user := said.user(v.issuer.ClientID)
	if user == nil {
		return nil, now, refused("it names no user: it has none of preferred_username, upn, azp, appid and sub")
	}
	return user, standard.Expiry.Time().Add(leeway), nil
}

// open checks the signature of a token, and returns what it says.
func (v *verifier) open(ctx context.Context, token string) (*jwt.Claims, *claims, error) {
	signed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(signed.Headers) != 1 {
		return nil, nil, refused("it is no JSON Web Token that is signed with one of %v", algorithms)
	}
	key, ok, err := v.ring.find(ctx, signed.Headers[0].KeyID, jose.SignatureAlgorithm(signed.Headers[0].Algorithm))
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, refused("the issuer has no %s key named %q", jose.SignatureAlgorithm(signed.Headers[0].Algorithm), fmt.Sprintf("%.64s", signed.Headers[0].KeyID))
	}
	var standard jwt.Claims
	var said claims
	if err := signed.Claims(key.Key, &standard, &said); err != nil {
		return nil, nil, refused("its signature is not that of the issuer's key, or its claims cannot be read")
	}
	return &standard, &said, nil
}

// accepts holds the times, the audience and the issuer of a token against what
// is asked for.
func (v *verifier) accepts(c *jwt.Claims, now time.Time) error {
	if c.Expiry == nil {
		return refused("it has no time of expiry (exp)")
	}
	expected := jwt.Expected{Issuer: v.issuer.Name, Time: now}
	if v.issuer.Audience != "" {
		expected.AnyAudience = jwt.Audience{v.issuer.Audience}
	}
	err := c.ValidateWithLeeway(expected, leeway)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return refused("it expired at %s", c.Expiry.Time().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return refused("its time has not come yet: is a clock wrong?")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return refused("its audience (aud) is not %q", v.issuer.Audience)
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return refused("its issuer (iss) is not %q", v.issuer.Name)
	case err != nil:
		return refused("%s", err)
	}
	return nil
}

// isServer reports whether a token is the one by which Feast's servers know one
// another: it is not signed, and holds the secret that they share.
func (v *verifier) isServer(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] != "" {
		return false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var payload struct {
		Name string `json:"preferred_username"`
	}
	return decodePart(parts[0], &header) && decodePart(parts[1], &payload) && header.Algorithm == "none" &&
		subtle.ConstantTimeCompare([]byte(payload.Name), []byte(v.secret)) == 1
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// refused says what is wrong about a token.
func refused(format string, args ...any) error {
	return asof.Errorf(asof.CodeUnauthenticated, "the token is refused: %s", fmt.Sprintf(format, args...))
}
