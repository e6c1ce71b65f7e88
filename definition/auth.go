package definition

import (
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// Auth is Feast's section auth, as far as servers need it: whose tokens they
// take, and as which client people sign in by a browser. What other clients get
// tokens with is not kept.
type Auth struct {
	Type         string // "no_auth", "oidc" or "kubernetes"
	DiscoveryURL string // auth_discovery_url
	ClientID     string
	ClientSecret string // client_secret; "" for a public client
	UIClientID   string // ui_client_id: the client of browsers, a public one; "": ClientID
	Audience     string // "" takes any
	Issuer       string // "" takes any
	CAFile       string // ca_cert_path
	SkipVerify   bool   // verify_ssl: false
	KeepKeys     time.Duration
	Timeout      time.Duration // of asking for keys
}

var (
	authTypes = []string{"no_auth", "oidc", "kubernetes"}
	authKeys  = []string{"type", "auth_discovery_url", "client_id", "ui_client_id", "verify_ssl", "ca_cert_path", "audience", "issuer",
		"jwks_cache_lifespan_seconds", "jwks_request_timeout_seconds",
		"username", "password", "client_secret", "token", "token_env_var", "token_refresh_margin_seconds", "user_token"}
)

func (c *Config) readAuth(r *reading, n ast.Node) {
	c.Auth.Type = "no_auth"
	if n == nil || n.Type() == ast.NullType {
		return
	}
	a, values := &c.Auth, map[string]ast.Node{"type": n} // `auth: no_auth`
	if section, ok := n.(*ast.MappingNode); ok {
		values = r.mapping(section, "auth", authKeys)
	}
	before := len(r.problems)
	a.Type = ""
	r.text(values["type"], "auth.type", &a.Type)
	r.text(values["auth_discovery_url"], "auth.auth_discovery_url", &a.DiscoveryURL)
	r.text(values["client_id"], "auth.client_id", &a.ClientID)
	r.text(values["client_secret"], "auth.client_secret", &a.ClientSecret)
	r.text(values["ui_client_id"], "auth.ui_client_id", &a.UIClientID)
	r.text(values["audience"], "auth.audience", &a.Audience)
	r.text(values["issuer"], "auth.issuer", &a.Issuer)
	r.text(values["ca_cert_path"], "auth.ca_cert_path", &a.CAFile)
	switch a.Type {
	case "no_auth", "oidc", "kubernetes":
	case "":
		if len(r.problems) == before {
			r.problem(n, "auth.type is missing; write no_auth, oidc or kubernetes")
		}
	default:
		r.problem(values["type"], "auth.type is %q; write no_auth, oidc or kubernetes%s", a.Type, asof.DidYouMean(a.Type, authTypes))
	}
	if v := values["verify_ssl"]; v != nil {
		verify := true
		r.decode(v, "auth.verify_ssl", &verify)
		a.SkipVerify = !verify
	}
	r.seconds(values["jwks_cache_lifespan_seconds"], "auth.jwks_cache_lifespan_seconds", &a.KeepKeys)
	r.seconds(values["jwks_request_timeout_seconds"], "auth.jwks_request_timeout_seconds", &a.Timeout)
}

// seconds reads a number of seconds, where there is one.
func (r *reading) seconds(n ast.Node, name string, into *time.Duration) {
	if n == nil {
		return
	}
	text := n.GetToken().Value
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s > 0 && s < 1e9) {
		r.problem(n, "%s is %q; write a number of seconds above 0", name, text)
		return
	}
	*into = time.Duration(s * float64(time.Second))
}
