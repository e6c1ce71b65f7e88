package server

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"

	"github.com/asof-dev/asof"
)

// Security are the files of a server that encrypts; the zero value serves in
// the clear.
type Security struct {
	Key, Certificate string // in PEM, of the server
	Clients          string // authorities in PEM: only clients with a certificate of theirs are taken; "" takes all
}

// Load reads the files: nil for the zero value. A file that is missing or wrong
// is asof.CodeInvalid. A certificate that is renewed in its file is used for the
// connections that come then.
func (s Security) Load() (*tls.Config, error) {
	if s == (Security{}) {
		return nil, nil
	}
	c := &certificate{files: s}
	if err := c.load(); err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "can't serve with certificate %s and key %s: %w", s.Certificate, s.Key, err)
	}
	config := &tls.Config{GetCertificate: c.current, MinVersion: tls.VersionTLS12}
	if s.Clients == "" {
		return config, nil
	}
	text, err := os.ReadFile(s.Clients)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "can't read the authorities of clients: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, asof.Errorf(asof.CodeInvalid, "%s holds no certificate in PEM", s.Clients)
	}
	return config, nil
}

// Secure returns the listener with TLS by config, for clients that speak one of
// the protocols of ALPN ("h2", "http/1.1"); l itself where config is nil.
func Secure(l net.Listener, config *tls.Config, protocols ...string) net.Listener {
	if config == nil {
		return l
	}
	config = config.Clone()
	config.NextProtos = protocols
	return tls.NewListener(l, config)
}
