package registryrest_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof-dev/asof/registryapi"
)

// FuzzRequests: whatever is sent, the answer is JSON, and no fault of the
// server's.
func FuzzRequests(f *testing.F) {
	for _, r := range everyRoute() {
		body, err := json.Marshal(r.body)
		if err != nil {
			f.Fatal(err)
		}
		path, query, _ := strings.Cut(r.target, "?")
		f.Add(r.method, path, query, string(body))
	}
	f.Add("GET", "/entities/%2F%00", "project=%ff&tags=:&tags=a:b:c", "")
	f.Add("POST", "/feature_views", "", `{"name":"x","project":"shop","ttl_seconds":9223372036854775807}`)
	h := serve(f, registryapi.Options{Store: open(f)})
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		if method != "POST" && method != "DELETE" {
			method = "GET"
		}
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = "/"+strings.TrimPrefix(path, "/"), query
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		redirected := w.Code == 301 || w.Code == 307 || w.Code == 308
		if w.Code >= 500 && !strings.HasPrefix(path, "/monitoring/") || w.Body.Len() > 0 && !redirected && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s?%s %s: %d %s", method, path, query, body, w.Code, w.Body)
		}
	})
}
