package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"

	"github.com/asof-dev/asof"
)

// protection refuses requests that change something and do not come from a page
// of the console.
type protection struct {
	key    [32]byte // of tokens, made anew with each start
	sealed [32]byte // of what a browser keeps for the console alone, likewise
	open   bool     // other machines reach it, and nobody is asked for a token
	alone  bool     // nobody is asked for a token
	host   string   // by which browsers know the console, beside this machine's own names; may be ""
	origin *http.CrossOriginProtection
}

func newProtection(o Options) *protection {
	p := &protection{key: newKey(), sealed: newKey(), open: o.Guard == nil && !o.Local, alone: o.Guard == nil, origin: http.NewCrossOriginProtection()}
	if at, err := url.Parse(o.URL); err == nil {
		p.host = at.Host
	}
	return p
}

// known returns why a console for this machine alone answers nothing: a page of
// another site whose name leads here could read it as its own.
func (p *protection) known(r *http.Request) error {
	if !p.alone || p.open || loopback(r.Host) || p.host != "" && r.Host == p.host {
		return nil
	}
	return asof.Errorf(asof.CodeForbidden, "this console is for its own machine, and not known as %.60q: ask for localhost, or write the address behind a proxy as asof.serve.console_url into feature_store.yaml", r.Host)
}

const tokenCookie = "asof_form"

// token returns the token for the forms of a page. It belongs to a cookie that
// the answer sets, so that it is of use in one browser alone.
func (p *protection) token(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(tokenCookie)
	if err != nil || len(cookie.Value) < 20 {
		cookie = &http.Cookie{Name: tokenCookie, Value: rand.Text(), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r)}
		http.SetCookie(w, cookie)
		r.AddCookie(cookie) // for a second form of the page
	}
	return p.sign(cookie.Value)
}

func (p *protection) sign(text string) string {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func refused(why string) error {
	return asof.Errorf(asof.CodeForbidden, "the action is refused: %s", why)
}

// admits returns why nothing may be changed from where a request comes.
func (p *protection) admits(r *http.Request) error {
	switch {
	case p.open:
		return refused("the console is open to other machines and asks nobody for a token; listen on 127.0.0.1, or configure auth in feature_store.yaml")
	case p.alone && !loopback(r.Host):
		return refused("without auth in feature_store.yaml actions are taken at localhost alone")
	}
	return nil
}

// check returns why a request may not change anything; nil for one that only
// reads. The body is not read before the rest is right.
func (p *protection) check(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if err := p.admits(r); err != nil {
		return err
	}
	if p.origin.Check(r) != nil {
		return refused("it comes from a page of another site")
	}
	cookie, err := r.Cookie(tokenCookie)
	if err == nil {
		if err := readForm(r); err != nil {
			return err
		}
	}
	if err != nil || !hmac.Equal([]byte(p.sign(cookie.Value)), []byte(r.PostFormValue("token"))) {
		return refused("its page is older than the console; load the page again")
	}
	return nil
}

// loopback reports whether a host, with or without a port, is this machine as
// seen from itself: a name that another site's DNS points here is not.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
