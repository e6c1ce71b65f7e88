package definition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/definition"
)

func TestConfigReadsWhoseTokensAreTaken(t *testing.T) {
	const head = "project: p\nregistry: r.db\n"
	for text, want := range map[string]definition.Auth{
		"":                               {Type: "no_auth"},
		"auth:\n":                        {Type: "no_auth"},
		"auth: no_auth\n":                {Type: "no_auth"},
		"auth:\n  type: kubernetes\n":    {Type: "kubernetes"},
		"auth: {type: oidc, token: x}\n": {Type: "oidc"},
		`auth:
  type: oidc
  auth_discovery_url: https://issuer/.well-known/openid-configuration
  client_id: feast
  client_secret: secret
  ui_client_id: browser
  audience: features
  issuer: https://issuer
  verify_ssl: false
  ca_cert_path: ca.pem
  jwks_cache_lifespan_seconds: 60
  jwks_request_timeout_seconds: 0.5
`: {Type: "oidc", DiscoveryURL: "https://issuer/.well-known/openid-configuration", ClientID: "feast", ClientSecret: "secret", UIClientID: "browser", Audience: "features",
			Issuer: "https://issuer", SkipVerify: true, CAFile: "ca.pem", KeepKeys: time.Minute, Timeout: time.Second / 2},
	} {
		c, err := config(t, head+text)
		if err != nil || len(c.Warnings) > 0 {
			t.Errorf("%s: %v, %v", text, err, c.Warnings)
		} else if diff := cmp.Diff(want, c.Auth); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"auth:\n  audience: x\n":                                   "auth.type is missing",
		"auth:\n  type: odic\n":                                    `:4: auth.type is "odic"; write no_auth, oidc or kubernetes; did you mean "oidc"?`,
		"auth: {type: oidc, verify_ssl: maybe}\n":                  "auth.verify_ssl has to be",
		"auth: {type: oidc, jwks_cache_lifespan_seconds: 0}\n":     "auth.jwks_cache_lifespan_seconds is \"0\"; write a number of seconds above 0",
		"auth: {type: oidc, jwks_request_timeout_seconds: soon}\n": "write a number of seconds above 0",
	} {
		if _, err := config(t, head+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if c, err := config(t, head+"auth: {type: oidc, audiance: x}\n"); err != nil || !strings.Contains(c.Warnings.Error(), `"audience"`) {
		t.Errorf("an unknown key: %v", err)
	}
}
