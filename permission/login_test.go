package permission_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

const callback = "https://console.example/login/callback"

// comeBack signs ann in at an issuer, and returns what her browser brings.
func comeBack(t *testing.T, address string) url.Values {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.PostForm(address, url.Values{"person": {"ann"}})
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back, err := answer.Location()
	if err != nil || !strings.HasPrefix(back.String(), callback+"?") {
		t.Fatalf("%s leads back to %v, %v", address, back, err)
	}
	return back.Query()
}

// TestSignInIsBoundToItsAttempt: another state, nonce, verifier, issuer or secret
// is refused, with a sentence that tells no secret.
func TestSignInIsBoundToItsAttempt(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	g := guardOf(t, issuer)
	for want, change := range map[string]func(*permission.Attempt, url.Values) *permission.Login{
		"":                                 func(*permission.Attempt, url.Values) *permission.Login { return nil },
		"it was not begun in this browser": func(a *permission.Attempt, _ url.Values) *permission.Login { *a = permission.Attempt{}; return nil },
		"of another sign-in":               func(a *permission.Attempt, _ url.Values) *permission.Login { a.Nonce += "x"; return nil },
		"invalid_grant":                    func(a *permission.Attempt, _ url.Values) *permission.Login { a.Verifier += "x"; return nil },
		"another issuer has answered": func(_ *permission.Attempt, q url.Values) *permission.Login {
			q.Set("iss", "https://evil.example")
			return nil
		},
		"invalid_client": func(*permission.Attempt, url.Values) *permission.Login {
			return g.Login(storetest.IssuerClient, "wrong-secret")
		},
		"the issuer of tokens answers 503": func(*permission.Attempt, url.Values) *permission.Login {
			issuer.Down.Store(true)
			return g.Login(storetest.IssuerClient, storetest.IssuerSecret)
		},
	} {
		l := g.Login(storetest.IssuerClient, storetest.IssuerSecret)
		address, attempt, err := l.Begin(t.Context(), callback)
		if err != nil {
			t.Fatal(err)
		}
		query := comeBack(t, address)
		if other := change(&attempt, query); other != nil {
			l = other
		}
		session, err := l.Finish(t.Context(), callback, attempt, query)
		issuer.Down.Store(false)
		if want == "" {
			if err != nil || session.Name != "ann" || session.Expires.IsZero() {
				t.Errorf("%+v, %v", session, err)
			} else if user, err := admit(t, g, session.Token); err != nil || user.Name != "ann" {
				t.Errorf("%+v, %v", user, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret\"") || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%+v, %v, want %q", session, err, want)
		}
	}
	if l := (*permission.Guard)(nil).Login("a", ""); l != nil || g.Login("", "") != nil {
		t.Error("there is a login without a guard or a client")
	}
}

// TestSignInWithoutItsAddresses is refused before anybody is sent anywhere.
func TestSignInWithoutItsAddresses(t *testing.T) {
	for _, document := range []string{`{"jwks_uri": "https://a/keys"}`, `{"jwks_uri": "https://a/keys", "authorization_endpoint": "javascript:x", "token_endpoint": "https://a/token"}`} {
		issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(document)) }))
		g := newGuard(t, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.URL}})
		_, _, err := g.Login("console", "").Begin(context.Background(), callback)
		issuer.Close()
		if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "nobody can sign in by a browser") {
			t.Errorf("%s: %v", document, err)
		}
	}
}
