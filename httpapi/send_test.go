package httpapi_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
