package console

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/permission"
)

const (
	sessionCookie = "asof_session"
	loginCookie   = "asof_login"
	loginWithin   = 10 * time.Minute // from being sent to the issuer until being back
	callbackPath  = "/login/callback"
)

// admit finds out who sent a request: by its header, as every server does, else
// by the session of its browser.
func (c *Console) admit(r *http.Request) (context.Context, error) {
	ctx := r.Context()
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || bearer(r) || c.o.Login == nil {
		return c.o.Guard.Admit(ctx, r.Header.Get("Authorization"))
	}
	one := c.sessions.get(cookie.Value)
	if one == nil {
		return c.o.Guard.Admit(ctx, "")
	}
	ctx, err = c.o.Guard.Admit(ctx, "Bearer "+one.Token)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, sessionKey{}, one), nil
}

// bearer reports whether a request brings a token: another header of that name is
// for a proxy.
func bearer(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer")
}

// turnAway answers a request that was not admitted: a browser that asks for a
// page is led to the issuer, all others are told why.
func (c *Console) turnAway(w http.ResponseWriter, r *http.Request, why error) {
	if r.Method == http.MethodGet && asof.ErrorCode(why) == asof.CodeUnauthenticated && c.browses(r) {
		c.lead(w, r, r.URL.RequestURI())
		return
	}
	c.fail(w, r, why)
}

// browses reports whether a request is that of a browser in which somebody can
// sign in.
func (c *Console) browses(r *http.Request) bool {
	return c.o.Login != nil && !bearer(r) && !wantsJSON(r) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// signing answers what belongs to signing in and out, and reports whether the
// request was for that. None of it needs to be admitted.
func (c *Console) signing(w http.ResponseWriter, r *http.Request) bool {
	if c.o.Login == nil {
		return false
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /login":
		c.lead(w, r, r.URL.Query().Get("to"))
	case "GET " + callbackPath:
		c.welcome(w, r)
	case "GET /logout":
		c.answer(w, r, http.StatusOK, route{name: "logout"}, parting{c.o.Login.End(r.Context(), c.address(r, "/logout"))})
	case "POST /logout":
		c.part(w, r)
	default:
		return false
	}
	return true
}

// parting is the page of who has signed out.
type parting struct {
	Issuer string `json:"issuer,omitempty"` // the address at which they sign out there too
}

// signInPath is where somebody signs in who was refused at a page; "" where that
// does not help.
func (c *Console) signInPath(r *http.Request) string {
	if !c.browses(r) {
		return ""
	}
	to := r.URL.Path // of an action, the form
	if strings.HasPrefix(to, "/login") || to == "/logout" {
		to = "/"
	}
	return "/login?to=" + url.QueryEscape(to)
}

// trip is what a browser keeps while it is at the issuer.
type trip struct {
	permission.Attempt
	To    string    // the page that was asked for
	Begun time.Time // when it was sent
}

// lead sends a browser to the issuer, to come back to a page of the console.
func (c *Console) lead(w http.ResponseWriter, r *http.Request, to string) {
	address, attempt, err := c.o.Login.Begin(r.Context(), c.address(r, callbackPath))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	sealed, err := c.protect.seal(trip{attempt, ownPage(to), time.Now()})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.setCookie(w, r, loginCookie, sealed, loginWithin)
	http.Redirect(w, r, address, http.StatusFound)
}

// welcome takes what a browser brings from the issuer, and leads it to the page
// that it had asked for.
func (c *Console) welcome(w http.ResponseWriter, r *http.Request) {
	var t trip
	if cookie, err := r.Cookie(loginCookie); err == nil && c.protect.unseal(cookie.Value, &t) && time.Since(t.Begun) > loginWithin {
		t = trip{}
	}
	c.setCookie(w, r, loginCookie, "", -1)
	one, err := c.o.Login.Finish(r.Context(), c.address(r, callbackPath), t.Attempt, r.URL.Query())
	if err != nil {
		c.o.Log.Warn("somebody was not signed in", "reason", err)
		c.fail(w, r, err)
		return
	}
	c.setCookie(w, r, sessionCookie, c.sessions.open(one), time.Until(one.Expires))
	http.Redirect(w, r, c.o.RootPath+ownPage(t.To), http.StatusFound)
}

// part ends a session.
func (c *Console) part(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := c.protect.check(r); err != nil {
		c.fail(w, r, err)
		return
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		c.sessions.end(cookie.Value)
	}
	c.setCookie(w, r, sessionCookie, "", -1)
	http.Redirect(w, r, c.o.RootPath+"/logout", http.StatusSeeOther) // not to the issuer: a form may lead to this site alone
}

// ownPage returns a page's path and query, and the first page for what leads
// anywhere else.
func ownPage(to string) string {
	at, err := url.Parse(to)
	if err != nil || at.Scheme != "" || at.Host != "" || at.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || len(to) > 1000 {
		return "/"
	}
	return to
}

// address returns the console's address of a path, as browsers see it: by
// Options.URL, else by where the request was sent.
func (c *Console) address(r *http.Request, path string) string {
	if c.o.URL != "" {
		return c.o.URL + path
	}
	scheme := "http"
	if secure(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + c.o.RootPath + path
}

// secure reports whether a browser speaks TLS, to here or to a proxy that says
// so.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// setCookie sets a cookie that scripts do not see, and that other sites send only
// when they lead here; keep below 0 takes it away.
func (c *Console) setCookie(w http.ResponseWriter, r *http.Request, name, value string, keep time.Duration) {
	age := int(keep / time.Second)
	if keep < 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: c.o.RootPath + "/", MaxAge: age, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: secure(r) || strings.HasPrefix(c.o.URL, "https:")})
}

// seal encrypts what a browser keeps for the console alone.
func (p *protection) seal(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(p.cipher().Seal(nil, nil, text, nil)), nil
}

// unseal reads what seal wrote, in this process, and reports whether it is that.
func (p *protection) unseal(sealed string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err == nil {
		text, err = p.cipher().Open(nil, nil, text, nil)
	}
	return err == nil && json.Unmarshal(text, into) == nil
}

func (p *protection) cipher() cipher.AEAD {
	block, err := aes.NewCipher(p.sealed[:])
	if err != nil {
		panic(err) // of a key of 32 bytes
	}
	sealing, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return sealing
}

// newKey makes a key, which is gone with the process.
func newKey() (key [32]byte) {
	_, _ = rand.Read(key[:]) // it never fails
	return key
}
