package registryrest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/asof-dev/asof/registryapi"
)

// TestOpenAPIIsTrue holds requests to every route, and their answers, against
// the document that the server gives.
func TestOpenAPIIsTrue(t *testing.T) {
	h := serve(t, registryapi.Options{Store: open(t)})
	_, text := ask(t, h, "GET", "/openapi.json", nil)
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromData(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(loader.Context); err != nil {
		t.Fatalf("the document is no OpenAPI: %v", err)
	}
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range everyRoute() {
		var sent []byte
		if r.body != nil {
			if sent, err = json.Marshal(r.body); err != nil {
				t.Fatal(err)
			}
		}
		request := httptest.NewRequest(r.method, r.target, bytes.NewReader(sent))
		request.Header.Set("Content-Type", "application/json")
		route, parameters, err := router.FindRoute(request)
		if err != nil {
			t.Errorf("%s: %v", r.target, err)
			continue
		}
		seen[r.method+" "+route.Path] = true
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(r.method, r.target, bytes.NewReader(sent)))
		input := &openapi3filter.RequestValidationInput{Request: request, PathParams: parameters, Route: route}
		if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil && w.Code < 300 {
			t.Errorf("%s %s: the document refuses the request: %v", r.method, r.target, err)
		}
		answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes()))}
		if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
			t.Errorf("%s %s: the document has another answer than\n%s\n%v", r.method, r.target, w.Body, err)
		}
		if want := r.want(); w.Code != want {
			t.Errorf("%s %s: status %d, want %d\n%s", r.method, r.target, w.Code, want, w.Body)
		}
	}
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if !seen[method+" "+path] {
				t.Errorf("%s %s is in the document, and was not asked", method, path)
			}
		}
	}
}

// want is the status that a request of everyRoute has.
func (r request) want() int {
	switch {
	case strings.Contains(r.target, "/monitoring/"):
		return 503
	case strings.Contains(r.target, "nope"):
		return 404
	case strings.HasPrefix(r.target, "/saved_datasets/create"), strings.HasPrefix(r.target, "/saved_datasets/data"):
		return 409 // there is no offline store
	case r.method == "POST" && !strings.HasPrefix(r.target, "/saved_datasets") && r.target != "/registry/refresh":
		return 201
	}
	return 200
}

// everyRoute fills a registry, asks it for everything, and empties it.
func everyRoute() []request {
	put := func(kind string, body map[string]any) request {
		body["project"] = "shop"
		return request{method: "POST", target: "/" + kind, body: body}
	}
	all := []request{
		put("entities", map[string]any{"name": "user", "join_key": "user_id", "tags": map[string]string{"team": "ads"}}),
		put("data_sources", map[string]any{"name": "file", "timestamp_field": "at", "file_options": map[string]any{"uri": "x.parquet"}}),
		put("data_sources", map[string]any{"name": "table", "timestamp_field": "at", "data_source_class_type": "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource",
			"custom_options": map[string]any{"configuration": `{"name": "table", "query": "", "table": "t"}`}}),
		put("feature_views", map[string]any{"name": "stats", "entities": []string{"user"}, "batch_source": "file", "ttl_seconds": 86400, "tags": map[string]string{"team": "ads"},
			"features": []any{map[string]any{"name": "hours", "value_type": 6}, map[string]any{"name": "visits", "value_type": 4}}}),
		put("feature_services", map[string]any{"name": "model", "features": []any{map[string]any{"feature_view_name": "stats", "feature_names": []string{"visits"}}}}),
		put("permissions", map[string]any{"name": "readers", "types": []string{"FEATURE_VIEW"}, "actions": []string{"DESCRIBE"}, "policy": map[string]any{"role_based_policy": map[string]any{"roles": []string{"r"}}}}),
		put("saved_datasets", map[string]any{"name": "january", "storage_path": "january.parquet", "feature_service_name": "model"}),
		put("saved_datasets/create", map[string]any{"name": "february", "storage_path": "f.parquet", "feature_service_name": "model", "entity_keys": []string{"user_id"}, "entity_values": "a,b"}),
		put("registry/refresh", map[string]any{}),
		put("monitoring/compute", map[string]any{}), put("monitoring/compute/log", map[string]any{}),
	}
	for _, kind := range []string{"entities", "data_sources", "feature_views", "label_views", "features", "labels", "feature_services", "saved_datasets", "permissions"} {
		all = append(all, get("/%s?project=shop&include_relationships=true&page=1&limit=10&sort_by=name&sort_order=asc", kind))
		if kind != "permissions" {
			all = append(all, get("/%s/all?include_relationships=true", kind))
		}
	}
	for _, target := range []string{"/entities/user", "/data_sources/file", "/data_sources/table", "/feature_views/stats", "/feature_services/model", "/saved_datasets/january", "/permissions/readers",
		"/label_views/nope", "/features/stats/hours", "/saved_datasets/data/january", "/materialization_jobs", "/compute_engines", "/lineage/registry", "/lineage/complete",
		"/lineage/objects/featureView/stats", "/metrics/resource_counts", "/metrics/popular_tags", "/metrics/recently_visited"} {
		all = append(all, get("%s?project=shop", target))
	}
	for _, target := range []string{"/projects", "/projects/shop", "/projects/nope", "/version", "/openapi.json", "/saved_datasets/jobs", "/saved_datasets/jobs/nope", "/compute_engines/all", "/lineage/registry/all",
		"/lineage/complete/all", "/metrics/resource_counts", "/metrics/popular_tags", "/metrics/recently_visited?page=1", "/search?query=st&tags=team:ads", "/search?query=", "/monitoring/jobs/x", "/monitoring/metrics/features"} {
		all = append(all, get("%s", target))
	}
	for _, target := range []string{"/saved_datasets/january", "/permissions/readers", "/feature_services/model", "/feature_views/stats", "/data_sources/file", "/entities/user"} {
		all = append(all, request{method: "DELETE", target: target + "?project=shop"})
	}
	return all
}
