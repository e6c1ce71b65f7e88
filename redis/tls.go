package redis

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/asof-dev/asof"
)

// tlsSettings say how a connection is encrypted and whom it trusts.
type tlsSettings struct {
	on          bool
	unchecked   bool   // any certificate
	anyName     bool   // a certificate of any host
	authorities string // path; "" for those of the machine
	certificate string // path of the client's own, with key
	key         string
}

// config returns nil for a connection without TLS.
func (s tlsSettings) config() (*tls.Config, error) {
	if !s.on {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: s.unchecked || s.anyName}
	if s.authorities != "" {
		pem, err := os.ReadFile(s.authorities)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "connection_string: ssl_ca_certs cannot be read: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, asof.Errorf(asof.CodeInvalid, "connection_string: ssl_ca_certs: %s holds no certificate in PEM", s.authorities)
		}
	}
	if s.certificate != "" {
		key := s.key
		if key == "" {
			key = s.certificate // one file may hold both
		}
		pair, err := tls.LoadX509KeyPair(s.certificate, key)
		if err != nil {
			return nil, asof.Errorf(asof.CodeInvalid, "connection_string: ssl_certfile and ssl_keyfile cannot be read: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.anyName && !s.unchecked {
		c.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, c.RootCAs) }
	}
	return c, nil
}

// verifyChain checks who signed a certificate, and not whose it is.
func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
