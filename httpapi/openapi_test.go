package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/metric"
	"github.com/asof-dev/asof/serving"
)

// described returns the document that the server serves, and its routes.
func described(t *testing.T, h http.Handler) (*openapi3.T, routers.Router) {
	t.Helper()
	_, text := ask(t, h, "GET", "/openapi.json", "")
	loader := openapi3.NewLoader()
	document, err := loader.LoadFromData([]byte(text))
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
	return document, router
}

// TestOpenAPIIsTrue holds answers of every route and status against the
// document.
func TestOpenAPIIsTrue(t *testing.T) {
	registry, _ := streamflow(t)
	down := httpapi.New(httpapi.Options{Reader: newReader(t, registry, hanging{}), Timeout: 1})
	h := httpapi.New(httpapi.Options{Reader: shopReader(t, serving.Options{}), MaxBody: 1000})
	measured := httpapi.New(httpapi.Options{Reader: shopReader(t, serving.Options{}), Metrics: metric.New(metric.Options{}).Handler()})
	writes, _ := filling(t)
	writes.MaxWrite, writes.MaxBody = 1000, 1000
	writes.Pusher.Online.Update(t.Context(), project, []*asof.FeatureView{clicks}, nil)
	fills := httpapi.New(writes)
	vectors := httpapi.New(httpapi.Options{Reader: searchable(t)})
	rows := `"df":{"user_id":["ann"],"clicks":[1],"share":[null],"event_timestamp":["2024-05-01T00:00:00"],"created":[null]}`
	long := `"` + strings.Repeat("x", 1000) + `"`
	_, router := described(t, h)
	seen := map[string]bool{}
	for _, c := range []struct {
		h                    http.Handler
		method, target, body string
		status               int
	}{
		{h, "POST", "/get-online-features", `{"entities":{"user_id":["ann","nobody"]},"features":["profile:f32","profile:numbers","profile:raw"],"include_feature_view_version_metadata":true}`, 200},
		{h, "POST", "/get-online-features", `{"entities":{"shop_id":[7],"user_id":["ann"]},"feature_service":"mixed"}`, 200},
		{h, "POST", "/get-online-features", `{"entities":{"user_id":[]},"features":["profile:f32"]}`, 200},
		{h, "POST", "/get-online-features", `{"entities":{"user_id":[null]},"features":["profile:f32"]}`, 400},
		{h, "POST", "/get-online-features", `{"entities":{"user_id":["ann"]},"features":["nope:f32"]}`, 404},
		{h, "POST", "/get-online-features", `{"entities":{"user_id":["` + strings.Repeat("x", 1000) + `"]}}`, 413},
		{h, "POST", "/get-online-features", `{"entities":5}`, 422},
		{down, "POST", "/get-online-features", `{"entities":{"user_id":["ann"]},"features":["months_active"]}`, 503},
		{vectors, "POST", "/search", `{"features":["notes:title"],"query":[1,0.5],"top_k":2,"distance_metric":"cosine","query_string":null}`, 200},
		{vectors, "POST", "/search", `{"features":["notes:title"],"query":[1,0.5],"top_k":2,"query_string":"x"}`, 400},
		{vectors, "POST", "/search", `{"features":["notes:nope"],"query":[1,0.5],"top_k":2}`, 404},
		{vectors, "POST", "/search", `{"features":["notes:title"],"query":["x"],"top_k":2}`, 422},
		{vectors, "POST", "/search", `{"features":["notes:title"],"query":[1],"top_k":"x"}`, 422},
		{vectors, "POST", "/retrieve-online-documents", `{"features":["notes:title"],"query":[1,0.5],"top_k":2,"include_feature_view_version_metadata":true}`, 200},
		{vectors, "POST", "/retrieve-online-documents", `{"features":["notes:title"],"top_k":2}`, 400},
		{fills, "POST", "/push", `{"push_source_name":"clicked","to":"online",` + rows + `}`, 200},
		{fills, "POST", "/push", `{"push_source_name":"clicked","df":{"user_id":["ann"]}}`, 400},
		{h, "POST", "/push", `{"push_source_name":"clicked","df":{}}`, 404},
		{fills, "POST", "/push", long, 413},
		{fills, "POST", "/push", `{"push_source_name":"nope","df":{}}`, 422},
		{fills, "POST", "/push", `{"df":{}}`, 422},
		{fills, "POST", "/write-to-online-store", `{"feature_view_name":"clicks",` + rows + `}`, 200},
		{fills, "POST", "/write-to-online-store", `{"feature_view_name":"clicks","df":{"user_id":["ann"]}}`, 400},
		{fills, "POST", "/write-to-online-store", `{"feature_view_name":"nope","df":{}}`, 404},
		{fills, "POST", "/write-to-online-store", long, 413},
		{fills, "POST", "/write-to-online-store", `{}`, 422},
		{fills, "POST", "/materialize", `{"start_ts":"2023-01-01","end_ts":"2023-01-02","feature_views":null}`, 200},
		{fills, "POST", "/materialize", `{}`, 400},
		{fills, "POST", "/materialize", `{"start_ts":"2024-04-01","end_ts":"2024-04-02","feature_views":["nope"]}`, 404},
		{fills, "POST", "/materialize", long, 413},
		{fills, "POST", "/materialize", `{"feature_views":5}`, 422},
		{fills, "POST", "/materialize?async=true", `{"disable_event_timestamp":true}`, 202},
		{fills, "POST", "/materialize-incremental?async=true", `{"end_ts":"2024-06-01"}`, 409},
		{fills, "POST", "/materialize-incremental", `{"end_ts":"soon"}`, 400},
		{fills, "POST", "/materialize-incremental", `5`, 422},
		{fills, "GET", "/materialize/jobs", "", 200},
		{h, "GET", "/materialize/jobs", "", 404},
		{fills, "GET", "/materialize/jobs/nope", "", 404},
		{h, "GET", "/features/ann?features=profile:f32,usage:hours", "", 200},
		{h, "GET", "/features/ann?features=visits:visited", "", 400},
		{h, "GET", "/features/ann?feature_service=nope", "", 404},
		{down, "GET", "/features/ann", "", 503},
		{h, "GET", "/features?user_id=ann&user_id=bob&shop_id=7&shop_id=8&features=visits:visited,profile:since", "", 200},
		{h, "GET", "/features?user_id=ann", "", 400},
		{h, "GET", "/features?nope=ann&features=profile:f32", "", 404},
		{down, "GET", "/features?user_id=ann", "", 503},
		{h, "GET", "/health", "", 200},
		{h, "GET", "/ready", "", 200},
		{down, "GET", "/ready", "", 503},
		{h, "GET", "/openapi.json", "", 200},
		{measured, "GET", "/metrics", "", 200},
		{h, "GET", "/metrics", "", 404},
	} {
		request := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		request.Header.Set("Content-Type", "application/json")
		route, parameters, err := router.FindRoute(request)
		if err != nil {
			t.Errorf("%s: %v", c.target, err)
			continue
		}
		seen[c.method+" "+route.Path] = true
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, request)
		if w.Code != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.target, c.body, w.Code, w.Body, c.status)
		}
		if route.Operation.Responses.Status(c.status) == nil {
			t.Errorf("%s: status %d is not in the document", c.target, c.status)
		}
		input := &openapi3filter.RequestValidationInput{Request: httptest.NewRequest(c.method, c.target, strings.NewReader(c.body)), PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		input.Request.Header.Set("Content-Type", "application/json")
		if c.status == 200 {
			if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil {
				t.Errorf("%s %s: the document refuses the request: %v", c.target, c.body, err)
			}
		}
		answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes()))}
		if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
			t.Errorf("%s %s: the document has another answer than\n%s\n%v", c.target, c.body, w.Body, err)
		}
	}
	document, _ := described(t, h)
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if !seen[method+" "+path] {
				t.Errorf("%s %s is in the document, and was not asked", method, path)
			}
		}
	}
}

// searchable reads from a store with two vectors.
func searchable(t *testing.T) *serving.Reader {
	t.Helper()
	notes := userView("notes", field("title", asof.TypeString), asof.Field{Name: "vector", Type: asof.Scalar(asof.TypeFloat32List), VectorIndex: true})
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, notes}}); err != nil {
		t.Fatal(err)
	}
	write(t, store, notes, `[{"user_id": "ann", "event_timestamp": "2024-01-31T00:00:00Z", "title": "one", "vector": [1, 0]}, {"user_id": "bob", "event_timestamp": "2024-01-31T00:00:00Z", "title": "two", "vector": [0, 1]}]`)
	r, err := serving.New(serving.Options{Registry: registry, Online: store, Keys: store, Project: project})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpenAPIReportsTheLimit(t *testing.T) {
	document, _ := described(t, httpapi.New(httpapi.Options{Reader: shopReader(t, serving.Options{MaxEntities: 77})}))
	entities := document.Components.Schemas["OnlineRequest"].Value.Properties["entities"].Value
	if most := entities.AdditionalProperties.Schema.Value.MaxItems; most == nil || *most != 77 {
		t.Errorf("maxItems is %v, want 77", most)
	}
}
