package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAnswersOverSockets holds answers that leave by a connection against those
// that are kept in memory: few rows and many, over each protocol, the same
// connection over and over.
func TestAnswersOverSockets(t *testing.T) {
	h, _, body := tenFeatures(t, 10_000)
	keys := strings.Split(body[strings.Index(body, `:[`)+2:strings.Index(body, `]}}`)], ",")
	plain, secure, second := httptest.NewServer(h), httptest.NewUnstartedServer(h), httptest.NewUnstartedServer(h)
	secure.StartTLS()
	second.EnableHTTP2 = true
	second.StartTLS()
	for _, s := range []*httptest.Server{plain, secure, second} {
		t.Cleanup(s.Close)
	}
	for _, rows := range []int{0, 1, 40, 1000, 10_000, 33} {
		body := `{"feature_service":"ten","entities":{"user_id":[` + strings.Join(keys[:rows], ",") + `]}}`
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/get-online-features", strings.NewReader(body)))
		for name, s := range map[string]*httptest.Server{"HTTP/1.1": plain, "TLS": secure, "HTTP/2": second} {
			answer, err := s.Client().Post(s.URL+"/get-online-features", "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || answer.StatusCode != http.StatusOK || !bytes.Equal(got, w.Body.Bytes()) || answer.ContentLength != int64(len(got)) {
				t.Errorf("%s, %d rows: %s, %d of %d bytes, Content-Length %d, %v", name, rows, answer.Status, len(got), w.Body.Len(), answer.ContentLength, err)
			}
		}
	}
}

// TestClientsThatDoNotRead: one that hangs up half way costs nobody else
// anything, and one that is too slow does not take a part for the whole.
func TestClientsThatDoNotRead(t *testing.T) {
	h, _, body := tenFeatures(t, 10_000)
	begun, ended := make(chan *http.ResponseController, 10), make(chan struct{}, 10)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- http.NewResponseController(w)
		h.ServeHTTP(w, r)
		ended <- struct{}{}
	}))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
		return ctx
	}
	s.Start()
	t.Cleanup(s.Close)
	small := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	client := &http.Client{Transport: &http.Transport{DialContext: small.DialContext, DisableKeepAlives: true}}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/get-online-features", strings.NewReader(body)))
	begin := func() *http.Response {
		t.Helper()
		answer, err := client.Post(s.URL+"/get-online-features", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, answer.Body, 100_000); err != nil || answer.ContentLength != int64(w.Body.Len()) {
			t.Fatalf("the beginning: %v, Content-Length %d", err, answer.ContentLength)
		}
		return answer
	}
	slow := begin()
	if err := (<-begun).SetWriteDeadline(time.Now()); err != nil { // its time is over
		t.Fatal(err)
	}
	for range 5 {
		begin().Body.Close()
	}
	for range 6 {
		<-ended
	}
	rest, err := io.ReadAll(slow.Body)
	slow.Body.Close()
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too slow: %d of %d bytes, %v", 100_000+len(rest), w.Body.Len(), err)
	}
	answer, err := s.Client().Post(s.URL+"/get-online-features", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || !bytes.Equal(got, w.Body.Bytes()) {
		t.Errorf("behind them: %d of %d bytes, %v", len(got), w.Body.Len(), err)
	}
}
