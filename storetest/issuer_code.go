package storetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// IssuerBrowser is a client of an Issuer without a secret: it has to bring the
// verifier of its challenge (PKCE), as IssuerClient does.
const IssuerBrowser = "browser"

// grant is a code that a browser was given.
type grant struct {
	client, redirect, challenge, nonce, person string
}

var signIn = template.Must(template.New("").Parse(`<!DOCTYPE html><html lang="en"><head><title>Issuer</title><link rel="icon" href="data:,"></head><body>
<form method="post"><label for="p">Who?</label><input id="p" name="person"><button>Sign in</button></form></body></html>`))

// browse serves the pages by which people sign in and out.
func (i *Issuer) browse(routes *http.ServeMux) {
	routes.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		if i.asked(r.URL.Query()) {
			_ = signIn.Execute(w, nil)
			return
		}
		http.Error(w, "the request is wrong: "+r.URL.RawQuery, http.StatusBadRequest)
	})
	routes.HandleFunc("POST /authorize", func(w http.ResponseWriter, r *http.Request) {
		q, person := r.URL.Query(), r.FormValue("person")
		back := url.Values{"state": {q.Get("state")}, "iss": {i.server.URL}}
		if i.People != nil && i.People[person] == nil {
			back.Set("error", "access_denied")
		} else {
			back.Set("code", i.code(grant{q.Get("client_id"), q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), person}))
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	routes.HandleFunc("GET /end", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusFound)
	})
}

// asked reports whether a client asks for a code as it should.
func (i *Issuer) asked(q url.Values) bool {
	client, scopes := q.Get("client_id"), strings.Fields(q.Get("scope"))
	return (client == IssuerClient || client == IssuerBrowser) && q.Get("response_type") == "code" && len(scopes) > 0 && scopes[0] == "openid" &&
		q.Get("code_challenge_method") == "S256" && q.Get("code_challenge") != "" && len(q.Get("state")) >= 20 && len(q.Get("nonce")) >= 20 && strings.HasSuffix(q.Get("redirect_uri"), "/login/callback")
}

func (i *Issuer) code(g grant) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.codes == nil {
		i.codes = map[string]grant{}
	}
	code := rand.Text()
	i.codes[code] = g
	return code
}

// redeem gives tokens for a code, once.
func (i *Issuer) redeem(w http.ResponseWriter, r *http.Request) {
	client, secret, basic := r.BasicAuth()
	if basic {
		secret, _ = url.QueryUnescape(secret)
	} else {
		client, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	i.mu.Lock()
	g, known := i.codes[r.FormValue("code")]
	delete(i.codes, r.FormValue("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case client != IssuerBrowser && (client != IssuerClient || secret != IssuerSecret):
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case !known || g.client != client || g.redirect != r.FormValue("redirect_uri") || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"preferred_username": g.person}
	maps.Copy(claims, i.People[g.person])
	access := i.Token(claims)
	if i.Opaque.Load() {
		access = "opaque"
	}
	maps.Copy(claims, map[string]any{"aud": client, "nonce": g.nonce})
	writeJSON(w, http.StatusOK, map[string]any{"access_token": access, "id_token": i.Token(claims), "expires_in": 3600, "token_type": "Bearer"})
}
