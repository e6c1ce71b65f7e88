package storetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is an OpenID Connect issuer of its own: a configuration document, keys,
// and an endpoint that gives tokens to clients who know its secret.
type Issuer struct {
	Asked atomic.Int64 // how often its keys were asked for
	Down  atomic.Bool  // it answers 503
	Slow  atomic.Int64 // nanoseconds that its keys take

	server *httptest.Server
	tb     testing.TB

	People map[string]map[string]any // who can sign in by a browser, and what their tokens say; nil: everybody
	Opaque atomic.Bool               // access tokens of the code flow are no tokens for others

	mu      sync.Mutex
	codes   map[string]grant  // not redeemed yet
	signing jose.JSONWebKey   // the private key that signs now
	public  []jose.JSONWebKey // those that are published
	count   int
}

// The client whom an Issuer gives tokens, and its secret.
const (
	IssuerClient = "features"
	IssuerSecret = "the client's secret"
)

// NewIssuer starts an issuer that signs with an RSA key and ends with the test.
func NewIssuer(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{tb: tb}
	i.Rotate(jose.RS256)
	i.server = httptest.NewServer(i.routes())
	tb.Cleanup(i.server.Close)
	return i
}

// URL is where the issuer is; DiscoveryURL that of its configuration document.
func (i *Issuer) URL() string          { return i.server.URL }
func (i *Issuer) DiscoveryURL() string { return i.server.URL + "/.well-known/openid-configuration" }

// Rotate makes the issuer sign with a new key. The one before stays published
// until Retire.
func (i *Issuer) Rotate(algorithm jose.SignatureAlgorithm) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	i.signing = signingKey(i.tb, algorithm, "key-"+strconv.Itoa(i.count))
	i.public = append(i.public, i.signing.Public())
}

// Retire publishes nothing but the key that signs now.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.public = []jose.JSONWebKey{i.signing.Public()}
}

// Public returns the public key that checks what is signed now.
func (i *Issuer) Public() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signing.Public()
}

// Token returns a token for ann that ends in an hour. Claims are added to hers,
// or take their place; nil takes one away.
func (i *Issuer) Token(changes map[string]any) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return SignToken(i.tb, i.signing, i.claims(changes))
}

func (i *Issuer) claims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{"iss": i.server.URL, "aud": IssuerClient, "sub": "5a2f", "preferred_username": "ann", "iat": now, "exp": now + 3600}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// SignToken makes a token of claims with a key.
func SignToken(tb testing.TB, key jose.JSONWebKey, claims map[string]any) string {
	tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		tb.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func signingKey(tb testing.TB, algorithm jose.SignatureAlgorithm, id string) jose.JSONWebKey {
	tb.Helper()
	var private crypto.PrivateKey
	var err error
	switch algorithm {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES512:
		private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(algorithm), Use: "sig"}
}

func (i *Issuer) routes() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"issuer": i.server.URL, "jwks_uri": i.server.URL + "/keys",
			"token_endpoint": i.server.URL + "/token", "authorization_endpoint": i.server.URL + "/authorize", "end_session_endpoint": i.server.URL + "/end"})
	})
	routes.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		i.Asked.Add(1)
		select {
		case <-time.After(time.Duration(i.Slow.Load())):
		case <-r.Context().Done():
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		secret := map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "secret"} // of no use to anybody
		writeJSON(w, http.StatusOK, map[string]any{"keys": append([]any{secret, map[string]any{"kty": "new"}}, anys(i.public)...)})
	})
	i.browse(routes)
	routes.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("grant_type") == "authorization_code" {
			i.redeem(w, r)
			return
		}
		if r.FormValue("client_id") != IssuerClient || r.FormValue("client_secret") != IssuerSecret {
			writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
			return
		}
		changes := map[string]any{"preferred_username": nil, "azp": IssuerClient, "roles": []string{"reader"}}
		if name := r.FormValue("username"); name != "" {
			changes = map[string]any{"preferred_username": name, "roles": []string{"reader"}}
		}
		writeJSON(w, http.StatusOK, map[string]any{"access_token": i.Token(changes), "expires_in": 3600, "token_type": "Bearer"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.Down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		routes.ServeHTTP(w, r)
	})
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for n, item := range list {
		out[n] = item
	}
	return out
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
