package permission_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func newGuard(tb testing.TB, o permission.Options) *permission.Guard {
	tb.Helper()
	g, err := permission.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { g.Close() })
	return g
}

// guardOf takes the tokens of an issuer that were made for its client.
func guardOf(tb testing.TB, issuer *storetest.Issuer) *permission.Guard {
	tb.Helper()
	return newGuard(tb, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(),
		ClientID: storetest.IssuerClient, Audience: storetest.IssuerClient, Name: issuer.URL()}})
}

func admit(tb testing.TB, g *permission.Guard, token string) (*permission.User, error) {
	tb.Helper()
	ctx, err := g.Admit(tb.Context(), "Bearer "+token)
	if err != nil {
		return nil, err
	}
	return permission.Caller(ctx), nil
}

func refused(tb testing.TB, g *permission.Guard, token, why string) {
	tb.Helper()
	user, err := admit(tb, g, token)
	if asof.ErrorCode(err) != asof.CodeUnauthenticated || !strings.Contains(err.Error(), why) || user != nil {
		tb.Errorf("got %v, %v; want a refusal that says %q", user, err, why)
	}
	if err != nil && strings.Contains(err.Error(), token) {
		tb.Errorf("the error tells the token: %v", err)
	}
}

func TestUsersAreReadAsFeastReadsThem(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	g := guardOf(t, issuer)
	for _, c := range []struct {
		claims map[string]any
		want   permission.User
	}{
		{nil, permission.User{Name: "ann"}},
		{map[string]any{"preferred_username": nil, "upn": "ann@x", "azp": "app"}, permission.User{Name: "ann@x"}},
		{map[string]any{"preferred_username": 7, "azp": "app"}, permission.User{Name: "app"}},
		{map[string]any{"preferred_username": "", "appid": "id"}, permission.User{Name: "id"}},
		{map[string]any{"preferred_username": nil}, permission.User{Name: "5a2f"}},
		{map[string]any{"resource_access": map[string]any{"features": map[string]any{"roles": []any{"a", "b", 3}}, "other": map[string]any{"roles": []any{"z"}}},
			"roles": []string{"b", "c"}, "groups": []string{"g"}}, permission.User{Name: "ann", Roles: []string{"a", "b", "c"}, Groups: []string{"g"}}},
		{map[string]any{"resource_access": "none", "roles": "admin", "groups": map[string]any{"g": 1}}, permission.User{Name: "ann"}},
		{map[string]any{"sub": "system:serviceaccount:team:trainer", "kubernetes.io": map[string]any{"namespace": "team"}, "roles": []string{"a"}},
			permission.User{Name: "system:serviceaccount:team:trainer", Namespaces: []string{"team"}}},
	} {
		user, err := admit(t, g, issuer.Token(c.claims))
		if err != nil {
			t.Errorf("%v: %v", c.claims, err)
		} else if diff := cmp.Diff(c.want, *user); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.claims, diff)
		}
	}
	refused(t, g, issuer.Token(map[string]any{"preferred_username": nil, "sub": nil}), "it names no user")
	refused(t, g, issuer.Token(map[string]any{"sub": "ann", "kubernetes.io": map[string]any{"namespace": "team"}}), "it names no user")
}

func TestTokensThatAreRefused(t *testing.T) {
	issuer, other := storetest.NewIssuer(t), storetest.NewIssuer(t)
	g := guardOf(t, issuer)
	now := time.Now().Unix()
	for _, c := range []struct {
		name, token, why string
	}{
		{"expired", issuer.Token(map[string]any{"exp": now - 11}), "it expired at "},
		{"for ever", issuer.Token(map[string]any{"exp": nil}), "no time of expiry"},
		{"not yet", issuer.Token(map[string]any{"nbf": now + 60}), "its time has not come yet"},
		{"from the future", issuer.Token(map[string]any{"iat": now + 60}), "its time has not come yet"},
		{"another audience", issuer.Token(map[string]any{"aud": []string{"other"}}), `its audience (aud) is not "features"`},
		{"no audience", issuer.Token(map[string]any{"aud": nil}), "its audience"},
		{"another issuer's name", issuer.Token(map[string]any{"iss": "https://evil"}), "its issuer (iss) is not"},
		{"another issuer's key", other.Token(map[string]any{"iss": issuer.URL()}), "its signature"},
		{"unsigned", unsigned("none", `{"preferred_username": "ann", "exp": 4102444800}`), "it is no JSON Web Token that is signed"},
		{"unsigned, other case", unsigned("nOnE", `{"preferred_username": "ann", "exp": 4102444800}`), "it is no JSON Web Token that is signed"},
		{"signed with the public key", hmacSigned(t, issuer), "it is no JSON Web Token that is signed"},
		{"no token", "abc", "it is no JSON Web Token"},
		{"another payload", replaced(issuer.Token(nil)), "its signature"},
		{"huge", strings.Repeat("a", 40<<10), "larger than"},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, g, c.token, c.why) })
	}
	for name, token := range map[string]string{
		"just expired":      issuer.Token(map[string]any{"exp": now - 5}),
		"several audiences": issuer.Token(map[string]any{"aud": []string{"other", "features"}}),
	} {
		if _, err := admit(t, g, token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, header := range []string{"", "Bearer", "Bearer  ", "Basic YW5uOmFubg==", issuer.Token(nil)} {
		if _, err := g.Admit(t.Context(), header); !errors.Is(err, permission.ErrNoToken) || asof.ErrorCode(err) != asof.CodeUnauthenticated {
			t.Errorf("header %.20q: %v", header, err)
		}
	}
	if _, err := g.Admit(t.Context(), "bearer "+issuer.Token(nil)); err != nil {
		t.Errorf("the scheme in lower case: %v", err)
	}
	if n := issuer.Asked.Load(); n != 1 {
		t.Errorf("the issuer was asked for keys %d times", n)
	}
}

// TestFeastsDefaultsTakeMore: without an audience and an issuer neither is
// checked, as in Feast.
func TestFeastsDefaultsTakeMore(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	g := newGuard(t, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if user, err := admit(t, g, issuer.Token(map[string]any{"aud": "x", "iss": "y", "resource_access": map[string]any{"": map[string]any{"roles": []any{"a"}}}})); err != nil || len(user.Roles) > 0 {
		t.Error(user, err)
	}
}

func TestServersKnowOneAnother(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	token := unsigned("none", `{"preferred_username": "c2VjcmV0"}`)
	refused(t, guardOf(t, issuer), token, "signed with one of")
	g := newGuard(t, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}, Secret: "c2VjcmV0"})
	user, err := admit(t, g, token)
	if err != nil || !user.Server {
		t.Errorf("got %v, %v", user, err)
	}
	for _, other := range []string{unsigned("none", `{"preferred_username": "c2VjcmV1"}`), unsigned("none", `{"preferred_username": ""}`),
		unsigned("none", `{}`), unsigned("HS256", `{"preferred_username": "c2VjcmV0"}`), token + "AA"} {
		refused(t, g, other, "signed with one of")
	}
	if user, err := admit(t, g, issuer.Token(map[string]any{"preferred_username": "c2VjcmV0"})); err != nil || user.Server {
		t.Errorf("a signed token with the secret: %v, %v", user, err)
	}
}

func unsigned(algorithm, payload string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"`+algorithm+`","typ":"JWT"}`)) + "." + part([]byte(payload)) + "."
}

// hmacSigned is a token that takes the issuer's public key for a shared secret.
func hmacSigned(t *testing.T, issuer *storetest.Issuer) string {
	t.Helper()
	public := issuer.Public()
	text, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return storetest.SignToken(t, jose.JSONWebKey{Key: text, KeyID: public.KeyID, Algorithm: string(jose.HS256)},
		map[string]any{"iss": issuer.URL(), "aud": "features", "preferred_username": "ann", "exp": time.Now().Unix() + 3600})
}

// replaced is a token with the claims of another one.
func replaced(token string) string {
	parts := strings.Split(token, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"preferred_username":"eve","aud":"features","exp":%d}`, time.Now().Unix()+3600))
	return strings.Join(parts, ".")
}

func TestKeysOfEveryKind(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	var tokens []string
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS512, jose.PS384, jose.ES256, jose.ES512, jose.EdDSA} {
		issuer.Rotate(algorithm)
		tokens = append(tokens, issuer.Token(nil))
	}
	g := guardOf(t, issuer)
	for _, token := range tokens {
		if _, err := admit(t, g, token); err != nil {
			t.Error(err)
		}
	}
}

func TestLogsTellWhyOnceASecond(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	var log syncBuffer
	g := newGuard(t, permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), Audience: "mine"}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	token := issuer.Token(nil)
	for range 100 {
		_, _ = g.Admit(context.Background(), "Bearer "+token)
	}
	if text := log.String(); !strings.Contains(text, "audience") || strings.Count(text, "\n") > 3 || strings.Contains(text, token) {
		t.Errorf("log:\n%s", text)
	}
}

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
