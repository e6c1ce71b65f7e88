package permission

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"github.com/asof-dev/asof"
)

// Login signs people in at the issuer of a Guard, by the authorization code flow
// with PKCE. It may be used by several goroutines.
type Login struct {
	guard          *Guard
	client, secret string

	mu    sync.Mutex
	said  *document
	asked time.Time // when said was got
}

// Login returns what signs people in as users of a client of the issuer. secret
// is "" for a public client. A nil Guard has none.
func (g *Guard) Login(client, secret string) *Login {
	if g == nil || client == "" {
		return nil
	}
	return &Login{guard: g, client: client, secret: secret}
}

// Attempt is what a browser that was sent to the issuer has to come back with.
// It is for the program alone.
type Attempt struct {
	State    string
	Nonce    string
	Verifier string // of PKCE
}

// Session is somebody who has signed in.
type Session struct {
	Name    string // as people know them
	Token   string // by which [Guard.Admit] knows them
	ID      string // the ID token, which ends the session at the issuer
	Expires time.Time
}

// Begin returns the address at the issuer to which a browser is sent, and what
// has to be kept until it is back at redirect. An issuer that does not answer is
// asof.CodeUnavailable.
func (l *Login) Begin(ctx context.Context, redirect string) (address string, a Attempt, err error) {
	config, _, err := l.config(ctx, redirect)
	if err != nil {
		return "", a, err
	}
	a = Attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	return config.AuthCodeURL(a.State, oauth2.S256ChallengeOption(a.Verifier), oauth2.SetAuthURLParam("nonce", a.Nonce)), a, nil
}

// Finish takes what a browser has brought back from the issuer in its query, and
// returns who has signed in. What is wrong about it is asof.CodeUnauthenticated.
func (l *Login) Finish(ctx context.Context, redirect string, a Attempt, query url.Values) (*Session, error) {
	config, said, err := l.config(ctx, redirect)
	if err != nil {
		return nil, err
	}
	state, issuer, why := query.Get("state"), query.Get("iss"), query.Get("error")
	switch {
	case a.State == "" || subtle.ConstantTimeCompare([]byte(state), []byte(a.State)) != 1:
		return nil, notSignedIn("it was not begun in this browser, or too long ago")
	case issuer != "" && issuer != said.Issuer:
		return nil, notSignedIn("another issuer has answered")
	case why != "":
		return nil, notSignedIn("the issuer says %.200q", cmp.Or(query.Get("error_description"), why))
	}
	client := *l.guard.verifier.ring.publisher.client
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, &client), query.Get("code"), oauth2.VerifierOption(a.Verifier))
	var answer *oauth2.RetrieveError
	switch {
	case errors.As(err, &answer) && answer.Response.StatusCode < 500: // what it says besides may hold secrets
		return nil, notSignedIn("the issuer gives no token for it (%.80q); are client_id and client_secret right?", answer.ErrorCode)
	case err != nil:
		return nil, asof.Errorf(asof.CodeUnavailable, "the issuer of tokens gives none: %w", err)
	}
	id, _ := token.Extra("id_token").(string)
	name, err := l.person(ctx, id, said.Issuer, a.Nonce)
	if err != nil {
		return nil, err
	}
	return l.session(ctx, name, token.AccessToken, id)
}

// session chooses the token by which the guard knows somebody: the access token,
// or the ID token where the access token is for the issuer's own use.
func (l *Login) session(ctx context.Context, name, access, id string) (*Session, error) {
	var refusal error
	for _, token := range []string{access, id} {
		_, err := l.guard.Admit(ctx, "Bearer "+token)
		if err != nil {
			if refusal == nil {
				refusal = err
			}
			continue
		}
		said, _, err := l.guard.verifier.open(ctx, token)
		if err != nil {
			return nil, err
		}
		return &Session{Name: name, Token: token, ID: id, Expires: said.Expiry.Time()}, nil
	}
	return nil, refusal
}

// person checks the ID token of who has signed in, and returns their name.
func (l *Login) person(ctx context.Context, token, issuer, nonce string) (string, error) {
	if token == "" || len(token) > maxToken {
		return "", notSignedIn("the issuer gives no ID token, or one that is too large")
	}
	standard, said, err := l.guard.verifier.open(ctx, token)
	if err != nil {
		return "", err
	}
	err = standard.ValidateWithLeeway(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{l.client}, Time: time.Now()}, leeway)
	given, _ := said.Nonce.(string)
	switch {
	case err != nil || issuer == "" || standard.Expiry == nil:
		return "", notSignedIn("the ID token is not of this issuer, for %q, and of now", l.client)
	case subtle.ConstantTimeCompare([]byte(given), []byte(nonce)) != 1:
		return "", notSignedIn("the ID token is of another sign-in")
	case said.person() == "":
		return "", notSignedIn("the ID token names nobody")
	}
	return said.person(), nil
}

func notSignedIn(format string, args ...any) error {
	return asof.Errorf(asof.CodeUnauthenticated, "the sign-in is refused: "+format, args...)
}

// End returns the address at which somebody signs out at the issuer too, and is
// sent back from; "" where it has none.
func (l *Login) End(ctx context.Context, back string) string {
	said, err := l.document(ctx)
	if err != nil || said.EndSessionURL == "" {
		return ""
	}
	at, err := url.Parse(said.EndSessionURL)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" {
		return ""
	}
	query := at.Query()
	query.Set("client_id", l.client)
	query.Set("post_logout_redirect_uri", back)
	at.RawQuery = query.Encode()
	return at.String()
}

// config is how the issuer is asked.
func (l *Login) config(ctx context.Context, redirect string) (*oauth2.Config, *document, error) {
	said, err := l.document(ctx)
	if err != nil {
		return nil, nil, err
	}
	style := oauth2.AuthStyleInParams
	if l.secret != "" && (len(said.TokenMethods) == 0 || slices.Contains(said.TokenMethods, "client_secret_basic")) {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{ClientID: l.client, ClientSecret: l.secret, RedirectURL: redirect, Scopes: []string{"openid", "profile"},
		Endpoint: oauth2.Endpoint{AuthURL: said.AuthorizationURL, TokenURL: said.TokenURL, AuthStyle: style}}, said, nil
}

// documentKept is how long what an issuer says of itself is taken to be right.
const documentKept = 5 * time.Minute

func (l *Login) document(ctx context.Context) (*document, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said != nil && time.Since(l.asked) < documentKept {
		return l.said, nil
	}
	p := l.guard.verifier.ring.publisher
	said, err := p.document(ctx)
	if err != nil {
		if l.said != nil { // it is rarely changed
			return l.said, nil
		}
		return nil, err
	}
	for _, address := range []string{said.AuthorizationURL, said.TokenURL} {
		if !sameSecurity(p.url, address) {
			return nil, asof.Errorf(asof.CodeUnavailable, "%s names no authorization_endpoint and token_endpoint with TLS: nobody can sign in by a browser", p.url)
		}
	}
	l.said, l.asked = said, time.Now()
	return said, nil
}

// sameSecurity reports whether an address is one, and with TLS where that of the
// document is.
func sameSecurity(document, address string) bool {
	at, err := url.Parse(address)
	from, wrong := url.Parse(document)
	return err == nil && wrong == nil && at.Host != "" && (at.Scheme == "https" || at.Scheme == "http" && from.Scheme == "http")
}
