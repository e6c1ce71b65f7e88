package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/server"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// serveTLS serves the name of a protocol until the test ends, and returns the
// port.
func serveTLS(t *testing.T, s server.Security) string {
	t.Helper()
	config, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	go func() {
		ended <- server.HTTP(ctx, server.Secure(l, config, "h2", "http/1.1"), answer, server.HTTPOptions{})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// trusting is a client that trusts an authority, and shows no certificate.
func trusting(t *testing.T, c storetest.Certificates) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	text, err := os.ReadFile(c.Authority)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	return &tls.Config{RootCAs: pool}
}

func fetch(t *testing.T, config *tls.Config, port string) (string, error) {
	t.Helper()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://localhost:" + port)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func TestTLS(t *testing.T) {
	c := storetest.NewCertificates(t)
	port := serveTLS(t, server.Security{Key: c.Key, Certificate: c.Certificate})
	if got, err := fetch(t, trusting(t, c), port); got != "HTTP/2.0" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	old := trusting(t, c)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := fetch(t, old, port); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	if _, err := fetch(t, trusting(t, storetest.NewCertificates(t)), port); err == nil {
		t.Error("a client that does not trust the authority is served")
	}
	answer, err := http.Get("http://localhost:" + port)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "HTTP request to an HTTPS server") {
		t.Errorf("plain HTTP: %d %s", answer.StatusCode, body)
	}
}

func TestMutualTLS(t *testing.T) {
	c, others := storetest.NewCertificates(t), storetest.NewCertificates(t)
	port := serveTLS(t, server.Security{Key: c.Key, Certificate: c.Certificate, Clients: c.Authority})
	for name, certificates := range map[string]storetest.Certificates{"nobody": {}, "a stranger": others, "a client": c} {
		config := trusting(t, c)
		if certificates.Key != "" {
			pair, err := tls.LoadX509KeyPair(certificates.Certificate, certificates.Key)
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		if got, err := fetch(t, config, port); (err == nil) != (name == "a client") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestACertificateIsRenewed: the files are replaced one after the other, and no
// connection is lost.
func TestACertificateIsRenewed(t *testing.T) {
	first, second := storetest.NewCertificates(t), storetest.NewCertificates(t)
	port := serveTLS(t, server.Security{Key: first.Key, Certificate: first.Certificate})
	replace := func(from, to string) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, append(text, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		do   func()
		want storetest.Certificates
	}{
		{func() {}, first},
		{func() { replace(second.Certificate, first.Certificate) }, first}, // no pair
		{func() { replace(second.Key, first.Key) }, second},
		{func() { os.Remove(first.Key) }, second},
	} {
		step.do()
		if _, err := fetch(t, trusting(t, step.want), port); err != nil {
			t.Error(err)
		}
	}
	if _, err := (server.Security{Key: first.Key, Certificate: first.Certificate}).Load(); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("a key that is missing: %v", err)
	}
	if _, err := (server.Security{Key: second.Key, Certificate: second.Certificate, Clients: second.Key}).Load(); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("an authority that is none: %v", err)
	}
	if config, err := (server.Security{}).Load(); config != nil || err != nil {
		t.Errorf("no files: %v, %v", config, err)
	}
}
