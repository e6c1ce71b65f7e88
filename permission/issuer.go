package permission

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/asof-dev/asof"
)

// Issuer says whose tokens are taken. DiscoveryURL is needed, the rest has
// defaults.
type Issuer struct {
	DiscoveryURL string // of its OpenID Connect configuration document
	ClientID     string // whose roles of resource_access count; "" for none
	Audience     string // that a token's aud has to hold; "" takes any
	Name         string // that a token's iss has to be; "" takes any

	CAFile     string        // authorities that are trusted beside the system's, in PEM
	SkipVerify bool          // take any certificate of the issuer
	KeepKeys   time.Duration // how long its keys are used before they are asked for again; 0 is 5 min
	Timeout    time.Duration // of asking for them; 0 is 10 s
}

// publisher asks an issuer for its keys.
type publisher struct {
	url    string
	client *http.Client
}

func newPublisher(i Issuer) (*publisher, error) {
	at, err := url.Parse(i.DiscoveryURL)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return nil, asof.Errorf(asof.CodeInvalid, "auth_discovery_url is %q; write the URL of the issuer's configuration: https://HOST/…/.well-known/openid-configuration", i.DiscoveryURL)
	}
	security := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: i.SkipVerify}
	if i.CAFile != "" {
		text, err := os.ReadFile(i.CAFile)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "can't read ca_cert_path: %w", err)
		}
		if security.RootCAs, err = x509.SystemCertPool(); err != nil {
			security.RootCAs = x509.NewCertPool()
		}
		if !security.RootCAs.AppendCertsFromPEM(text) {
			return nil, asof.Errorf(asof.CodeInvalid, "ca_cert_path %s holds no certificate in PEM", i.CAFile)
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = security
	transport.DisableKeepAlives = true // it is asked once in minutes
	return &publisher{i.DiscoveryURL, &http.Client{Transport: transport, Timeout: cmp.Or(i.Timeout, 10*time.Second), CheckRedirect: noDowngrade}}, nil
}

// noDowngrade follows no redirect out of TLS.
func noDowngrade(r *http.Request, via []*http.Request) error {
	if len(via) >= 5 || via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return http.ErrUseLastResponse
	}
	return nil
}

// document is what an issuer says of itself.
type document struct {
	Issuer           string   `json:"issuer"`
	KeysURL          string   `json:"jwks_uri"`
	AuthorizationURL string   `json:"authorization_endpoint"`
	TokenURL         string   `json:"token_endpoint"`
	EndSessionURL    string   `json:"end_session_endpoint"`
	TokenMethods     []string `json:"token_endpoint_auth_methods_supported"`
}

// document asks for the issuer's configuration document.
func (p *publisher) document(ctx context.Context) (*document, error) {
	var said document
	if err := p.get(ctx, p.url, &said); err != nil {
		return nil, err
	}
	at, err := url.Parse(said.KeysURL)
	if err != nil || at.Host == "" {
		return nil, asof.Errorf(asof.CodeUnavailable, "%s names no jwks_uri: is it the issuer's configuration document?", p.url)
	}
	return &said, nil
}

// keys returns the public keys with which the issuer signs now.
func (p *publisher) keys(ctx context.Context) ([]jose.JSONWebKey, error) {
	said, err := p.document(ctx)
	if err != nil {
		return nil, err
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := p.get(ctx, said.KeysURL, &published); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, text := range published.Keys {
		var key jose.JSONWebKey // of a kind that is not known: not for us
		if json.Unmarshal(text, &key) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, asof.Errorf(asof.CodeUnavailable, "%s holds no public key to check signatures with", said.KeysURL)
	}
	return keys, nil
}

// maxDocument bounds what an issuer may answer, in bytes.
const maxDocument = 1 << 20

func (p *publisher) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "the issuer of tokens cannot be asked: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	answer, err := p.client.Do(request)
	if err != nil {
		return asof.Errorf(asof.CodeUnavailable, "the issuer of tokens does not answer: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return asof.Errorf(asof.CodeUnavailable, "the issuer of tokens answers %s for %s", answer.Status, address)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxDocument)).Decode(into); err != nil {
		return asof.Errorf(asof.CodeUnavailable, "what the issuer of tokens answers for %s is no JSON: %w", address, err)
	}
	return nil
}

// sameKeys reports whether an issuer signs with the same keys as before.
func sameKeys(a, b []jose.JSONWebKey) bool {
	return slices.EqualFunc(a, b, func(x, y jose.JSONWebKey) bool {
		first, err := x.MarshalJSON()
		if err != nil {
			return false
		}
		second, err := y.MarshalJSON()
		return err == nil && string(first) == string(second)
	})
}
