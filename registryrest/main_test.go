package registryrest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/registryrest"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// serve makes a handler of a registry.
func serve(tb testing.TB, o registryapi.Options) http.Handler {
	tb.Helper()
	server := registryapi.New(o)
	tb.Cleanup(server.Close)
	return registryrest.New(registryrest.Options{Registry: server, Project: "everything", FeastVersion: "0.67.0"})
}

// open opens a new registry file.
func open(tb testing.TB) feastregistry.Store {
	tb.Helper()
	return registryfile.Open(filepath.Join(tb.TempDir(), "registry.db"), nil)
}

// ask sends a request, and returns the status and what the JSON of the answer
// holds.
func ask(tb testing.TB, h http.Handler, method, target string, body any) (int, any) {
	tb.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			tb.Fatal(err)
		}
		sent = strings.NewReader(string(text))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), method, target, sent))
	var answer any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			tb.Fatalf("%s %s answers no JSON: %v\n%s", method, target, err, w.Body)
		}
	}
	return w.Code, answer
}
