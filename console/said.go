package console

import (
	"crypto/hmac"
	"encoding/base64"
	"net/http"
	"strings"
)

const (
	saidCookie = "asof_said"
	mostSaid   = 1500 // bytes: a browser keeps 4 kB, encoded
)

// say gives the next page a text to show. It is signed, as other sites below the
// same domain can set cookies too.
func (p *protection) say(w http.ResponseWriter, r *http.Request, text string) {
	if len(text) > mostSaid {
		text = strings.ToValidUTF8(text[:mostSaid], "") + "…"
	}
	encoded := base64.RawURLEncoding.EncodeToString([]byte(text))
	http.SetCookie(w, &http.Cookie{Name: saidCookie, Value: encoded + "." + p.sign("said "+text), Path: "/", MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r)})
}

// said returns the text that the page before has left, which is shown once.
func (p *protection) said(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(saidCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: saidCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r)})
	encoded, signature, _ := strings.Cut(cookie.Value, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || !hmac.Equal([]byte(p.sign("said "+string(text))), []byte(signature)) {
		return ""
	}
	return string(text)
}
