package registryrest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/feastregistry"
	"github.com/asof-dev/asof/registryapi"
)

// counted counts what is asked of a registry.
type counted struct {
	feastregistry.Store
	reads, writes atomic.Int64
}

func (c *counted) Message(ctx context.Context) (*core.Registry, error) {
	c.reads.Add(1)
	return c.Store.Message(ctx)
}

func (c *counted) Change(ctx context.Context, projects []string, edit func(*core.Registry, time.Time) error) error {
	c.writes.Add(1)
	return c.Store.Change(ctx, projects, edit)
}

// TestARequestSeesOneState counts what each request asks of the registry: one
// look, and one transaction where it writes.
func TestARequestSeesOneState(t *testing.T) {
	store := &counted{Store: open(t)}
	h := serve(t, registryapi.Options{Store: store})
	for _, r := range everyRoute() {
		reads, writes := store.reads.Load(), store.writes.Load()
		status, _ := ask(t, h, r.method, r.target, r.body)
		wantWrites := int64(0)
		if r.method != "GET" && status < 300 && r.target != "/registry/refresh" {
			wantWrites = 1
		}
		if reads, writes := store.reads.Load()-reads, store.writes.Load()-writes; reads != 1 || writes != wantWrites {
			t.Errorf("%s %s: %d reads and %d writes of the registry, want 1 and %d", r.method, r.target, reads, writes, wantWrites)
		}
	}
}

// TestWritesMakeOnlineTables: the online store hears of views that are put and
// removed, and a view that it refuses is not registered.
func TestWritesMakeOnlineTables(t *testing.T) {
	var told []string
	refuse := false
	h := serve(t, registryapi.Options{Store: open(t), Online: func(_ context.Context, project string, keep []*asof.FeatureView, drop []string, change func() error) error {
		if refuse {
			return asof.Errorf(asof.CodeUnavailable, "the disk is full")
		}
		for _, v := range keep {
			told = append(told, fmt.Sprintf("%s keeps %s by %v", project, v.Name, v.JoinKeys()))
		}
		for _, name := range drop {
			told = append(told, project+" drops "+name)
		}
		return change()
	}})
	routes := everyRoute()
	for _, r := range routes[:4] {
		if status, answer := ask(t, h, r.method, r.target, r.body); status != 201 {
			t.Fatalf("%s: %d %v", r.target, status, answer)
		}
	}
	if status, answer := ask(t, h, "DELETE", "/feature_views/stats?project=shop", nil); status != 200 {
		t.Fatal(status, answer)
	}
	if diff := cmp.Diff([]string{"shop keeps stats by [user_id]", "shop drops stats"}, told); diff != "" {
		t.Error(diff)
	}
	refuse = true
	status, answer := ask(t, h, "POST", "/feature_views", routes[3].body)
	if want := map[string]any{"status_code": 503.0, "detail": "the disk is full", "error_type": "HTTPException"}; status != 503 || !cmp.Equal(answer, any(want)) {
		t.Error(status, answer)
	}
	if status, _ := ask(t, h, "GET", "/feature_views/stats?project=shop", nil); status != 404 {
		t.Errorf("a view without a table is registered: %d", status)
	}
}

// TestMistakes: each is told by a sentence that says what to do.
func TestMistakes(t *testing.T) {
	h := serve(t, registryapi.Options{Store: open(t)})
	for _, r := range everyRoute()[:5] {
		ask(t, h, r.method, r.target, r.body)
	}
	body := func(fields ...any) map[string]any {
		b := map[string]any{"name": "x", "project": "shop"}
		for i := 0; i < len(fields); i += 2 {
			b[fields[i].(string)] = fields[i+1]
		}
		return b
	}
	for _, c := range []struct {
		request
		status      int
		class, want string
	}{
		{get("/entities"), 422, "RequestValidationError", "the query has no project"},
		{get("/entities?project=shop&limit=1000"), 422, "RequestValidationError", `limit is "1000"; it has to be a whole number from 1 to 100`},
		{get("/entities?project=shop&page=99999999999"), 422, "RequestValidationError", "page"},
		{get("/entities?project=shop&sort_order=up"), 422, "RequestValidationError", "one of asc, desc"},
		{get("/search?query=x&sort_by=size"), 400, "HTTPException", "match_score, name, type"},
		{get("/lineage/objects/nonsense/x?project=shop"), 422, "ValueError", "one of dataSource"},
		{get("/feature_views/nope?project=shop"), 404, "FeastObjectNotFoundException", "Feature view nope does not exist in project shop"},
		{request{method: "POST", target: "/entities", body: "text"}, 422, "RequestValidationError", "no JSON object"},
		{request{method: "POST", target: "/entities", body: body("name", 5)}, 422, "RequestValidationError", "name of the body is a JSON number; it has to be a string"},
		{request{method: "POST", target: "/entities", body: body("project", nil)}, 422, "RequestValidationError", "the body has no project"},
		{request{method: "POST", target: "/entities", body: body("name", "")}, 422, "ValueError", "has no name"},
		{request{method: "POST", target: "/entities", body: body("value_type", 999)}, 422, "RequestValidationError", "no number of Feast's ValueType"},
		{request{method: "POST", target: "/entities", body: body("description", strings.Repeat("x", 1<<20))}, 413, "HTTPException", "more than 1048576 bytes"},
		{request{method: "POST", target: "/data_sources", body: body()}, 422, "RequestValidationError", "reads nothing"},
		{request{method: "POST", target: "/data_sources", body: body("file_options", 5)}, 422, "RequestValidationError", "it has to be an object"},
		{request{method: "POST", target: "/feature_views", body: body("entities", []string{"nobody"})}, 404, "FeastObjectNotFoundException", "Entity nobody"},
		{request{method: "POST", target: "/feature_views", body: body("features", []any{map[string]any{"value_type": 5}})}, 422, "RequestValidationError", "features[0] of the body has no name"},
		{request{method: "POST", target: "/feature_views", body: body("features", []any{map[string]any{"name": "f", "value_type": "5"}})}, 422, "RequestValidationError", "it has to be a whole number"},
		{request{method: "POST", target: "/feature_views", body: body("ttl_seconds", -1)}, 422, "RequestValidationError", "ttl_seconds is -1; it has to be"},
		{request{method: "POST", target: "/feature_services", body: body("features", []any{map[string]any{"feature_view_name": "stats", "feature_names": []string{"hour"}}})}, 404, "FeastObjectNotFoundException", "feature view stats has no feature hour"},
		{request{method: "POST", target: "/permissions", body: body("policy", map[string]any{})}, 422, "RequestValidationError", "holds no policy"},
		{request{method: "POST", target: "/permissions", body: body("policy", map[string]any{}, "types", []string{"VIEW"})}, 400, "HTTPException", "FEATURE_VIEW, "},
		{request{method: "POST", target: "/saved_datasets", body: body("storage_path", "x", "storage_type", "floppy")}, 422, "RequestValidationError", "storage_type"},
		{request{method: "DELETE", target: "/entities/nobody?project=shop"}, 404, "FeastObjectNotFoundException", "Entity nobody"},
	} {
		status, answer := ask(t, h, c.method, c.target, c.body)
		told, _ := answer.(map[string]any)
		detail, _ := told["detail"].(string)
		if status != c.status || told["status_code"] != float64(c.status) || told["error_type"] != c.class || !strings.Contains(detail, c.want) {
			t.Errorf("%s %s %.100v: %d %v; want %d %s %q", c.method, c.target, c.body, status, answer, c.status, c.class, c.want)
		}
	}
}

// TestVisitsAreBounded: the newest hundred of a project are kept.
func TestVisitsAreBounded(t *testing.T) {
	h := serve(t, registryapi.Options{Store: open(t)})
	for i := range 120 {
		name := fmt.Sprintf("e%03d", i)
		ask(t, h, "POST", "/entities", map[string]any{"name": name, "project": "shop"})
		ask(t, h, "GET", "/api/v1/entities/"+name+"?project=shop", nil)
		ask(t, h, "GET", "/entities/nobody?project=shop", nil) // no visit
	}
	for _, target := range []string{"/metrics/recently_visited?project=shop", "/metrics/recently_visited"} {
		_, answer := ask(t, h, "GET", target, nil)
		list := answer.(map[string]any)["visits"].([]any)
		first, last := list[0].(map[string]any), list[len(list)-1].(map[string]any)
		if !strings.Contains(target, "?") { // the newest first
			first, last = last, first
		}
		if len(list) != 100 || first["object_name"] != "e020" || last["object_name"] != "e119" || first["path"] != "/api/v1/entities/e020" {
			t.Errorf("%s: %d visits from %v to %v", target, len(list), first, last)
		}
	}
}

// TestAtOnce writes and reads at the same time; each list is whole.
func TestAtOnce(t *testing.T) {
	h := serve(t, registryapi.Options{Store: open(t)})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 10 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("POST", "/entities", strings.NewReader(fmt.Sprintf(`{"name":"e%d_%d","project":"shop"}`, i, j))))
				if w.Code != http.StatusCreated {
					t.Error(w.Code, w.Body)
				}
				w = httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/entities/e%d_%d?project=shop", i, j), nil))
				if w.Code != http.StatusOK {
					t.Error(w.Code, w.Body)
				}
			}
		})
	}
	all.Wait()
	_, answer := ask(t, h, "GET", "/entities?project=shop&page=1&limit=100", nil)
	if list := answer.(map[string]any)["entities"].([]any); len(list) < 40 {
		t.Errorf("%d entities", len(list))
	}
}
