package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
	"github.com/asof-dev/asof/value"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const project = "streamflow"

func field(name string, t asof.ValueType) asof.Field {
	return asof.Field{Name: name, Type: asof.Scalar(t)}
}

var user = &asof.Entity{Name: "user", JoinKey: "user_id", ValueType: asof.TypeString}

func userView(name string, features ...asof.Field) *asof.FeatureView {
	return &asof.FeatureView{Name: name, Kind: asof.ViewPlain, Entities: []string{"user"},
		EntityColumns: []asof.Field{field("user_id", asof.TypeString)}, Features: features, Online: true, Enabled: true}
}

var subscriptions = userView("subs_profile_fv", field("months_active", asof.TypeInt64), field("monthly_fee", asof.TypeFloat32),
	field("paperless_billing", asof.TypeBool), field("net_service", asof.TypeString))

// batch makes rows of a view from Arrow's JSON.
func batch(t testing.TB, v *asof.FeatureView, rows string) arrow.RecordBatch {
	t.Helper()
	var fields []arrow.Field
	for _, k := range value.Keys(v) {
		fields = append(fields, arrow.Field{Name: k.Name, Type: k.Type.Arrow()})
	}
	fields = append(fields, arrow.Field{Name: asof.EventTimestamp, Type: asof.Timestamp}, arrow.Field{Name: asof.CreatedTimestamp, Type: asof.Timestamp, Nullable: true})
	for _, f := range v.Features {
		fields = append(fields, arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true})
	}
	b, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// write puts rows into a store.
func write(t testing.TB, store asof.OnlineStore, v *asof.FeatureView, rows string) {
	t.Helper()
	b := batch(t, v, rows)
	defer b.Release()
	if err := store.Update(t.Context(), project, []*asof.FeatureView{v}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Write(t.Context(), project, v, b); err != nil {
		t.Fatal(err)
	}
}

func newReader(t testing.TB, registry asof.Registry, store asof.OnlineStore) *serving.Reader {
	t.Helper()
	r, err := serving.New(serving.Options{Registry: registry, Online: store, Project: project, Refresh: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// streamflow returns a registry and a store with two users of StreamFlow.
func streamflow(t testing.TB) (asof.Registry, asof.OnlineStore) {
	t.Helper()
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, subscriptions}}); err != nil {
		t.Fatal(err)
	}
	write(t, store, subscriptions, `[
		{"user_id": "3413-BMNZE", "event_timestamp": "2024-01-31T00:00:00Z", "months_active": 1, "monthly_fee": 45.25, "paperless_billing": false, "net_service": "DSL"},
		{"user_id": "a/b %ß\"", "event_timestamp": "2024-01-31T00:00:00Z", "months_active": 2, "monthly_fee": 0.1, "paperless_billing": null, "net_service": "\u2028é"}]`)
	return registry, store
}

// ask sends a request and returns the status and the body.
func ask(t testing.TB, h http.Handler, method, target, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("%s %s: content type %q", method, target, got)
	}
	if b := w.Body.Bytes(); !json.Valid(b) {
		t.Errorf("%s %s: %q is no JSON", method, target, b)
	}
	return w.Code, w.Body.String()
}

func TestEntityRoute(t *testing.T) {
	registry, store := streamflow(t)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store), Features: []string{"months_active", "subs_profile_fv:monthly_fee", "paperless_billing"}})
	all := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)})
	for _, c := range []struct {
		handler http.Handler
		target  string
		status  int
		want    string // the whole answer, or a part of an error's
	}{
		{h, "/features/3413-BMNZE", 200, `{"user_id":"3413-BMNZE","features":{"months_active":1,"monthly_fee":45.25,"paperless_billing":false}}`},
		{all, "/features/3413-BMNZE", 200, `{"user_id":"3413-BMNZE","features":{"months_active":1,"monthly_fee":45.25,"paperless_billing":false,"net_service":"DSL"}}`},
		{h, "/features/nobody", 200, `{"user_id":"nobody","features":{"months_active":null,"monthly_fee":null,"paperless_billing":null}}`},
		{h, "/features/a%2Fb%20%25%C3%9F%22", 200, `{"user_id":"a/b %ß\"","features":{"months_active":2,"monthly_fee":0.1,"paperless_billing":null}}`},
		{h, "/features/%2E%2E?features=net_service", 200, `{"user_id":"..","features":{"net_service":null}}`},
		{h, "/features/3413-BMNZE?features=net_service,%20months_active", 200, `{"user_id":"3413-BMNZE","features":{"net_service":"DSL","months_active":1}}`},
		{h, "/features/3413-BMNZE?features=net_service&features=subs_profile_fv:months_active&full_feature_names=true", 200,
			`{"user_id":"3413-BMNZE","features":{"subs_profile_fv__net_service":"DSL","subs_profile_fv__months_active":1}}`},
		{h, "/features/3413-BMNZE?features=month_active", 404, `did you mean \"months_active\"`},
		{h, "/features/3413-BMNZE?features=subs_profile:months_active", 404, `feature view \"subs_profile\" does not exist`},
		{h, "/features/3413-BMNZE?feature_service=churn", 404, `feature service \"churn\" does not exist`},
		{h, "/features/3413-BMNZE?feature_service=", 400, `names no feature service`},
		{h, "/features/3413-BMNZE?features=,", 400, `names no feature`},
		{h, "/features/3413-BMNZE?feature=months_active", 400, `there is no parameter \"feature\"; did you mean \"features\"`},
		{h, "/features/3413-BMNZE?full_feature_names=perhaps", 400, "neither true nor false"},
		{h, "/features/3413-BMNZE?features=%zz", 400, "cannot be read"},
		{h, "/features/%FF", 400, "no UTF-8"},
		{h, "/features/", 404, `{"detail":"Not Found"}`},
		{h, "/features/a/b", 404, `{"detail":"Not Found"}`},
		{h, "/", 404, `{"detail":"Not Found"}`},
		{h, "/health", 200, `{"status":"ok"}`},
		{h, "/ready", 200, `{"status":"ready"}`},
	} {
		status, got := ask(t, c.handler, "GET", c.target, "")
		exact := status == 200 || strings.HasPrefix(c.want, "{")
		if status != c.status || exact && got != c.want || !exact && !(strings.HasPrefix(got, `{"detail":"`) && strings.Contains(got, c.want)) {
			t.Errorf("%s: got %d %s, want %d %s", c.target, status, got, c.status, c.want)
		}
	}
}

// Answers that hold values say how their views stand to their calendars.
func TestFreshnessHeader(t *testing.T) {
	registry, store := streamflow(t)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store), Freshness: func(views iter.Seq[string]) string {
		return strings.Join(slices.Collect(views), "+")
	}})
	for _, c := range []struct{ method, target, body, want string }{
		{"POST", "/get-online-features", oneUser, "subs_profile_fv"},
		{"GET", "/features/3413-BMNZE?features=monthly_fee", "", "subs_profile_fv"},
		{"GET", "/features?user_id=3413-BMNZE&features=subs_profile_fv:monthly_fee", "", "subs_profile_fv"},
		{"GET", "/features/3413-BMNZE?features=nothing", "", ""},
		{"GET", "/health", "", ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body)))
		if got := w.Header().Get("Asof-Freshness"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.method, c.target, got, c.want)
		}
	}
}

func TestMethods(t *testing.T) {
	registry, store := streamflow(t)
	server := httptest.NewServer(httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/features/x", 405, "GET, HEAD"}, {"GET", "/get-online-features", 405, "POST"}, {"DELETE", "/health", 405, "GET, HEAD"},
		{"HEAD", "/features/3413-BMNZE", 200, ""}, {"HEAD", "/health", 200, ""}, {"HEAD", "/ready", 200, ""}, {"HEAD", "/nothing", 404, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != c.status || response.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: got %d, Allow %q; want %d, %q", c.method, c.path, response.StatusCode, response.Header.Get("Allow"), c.status, c.allow)
		}
		if c.method == "HEAD" && (len(body) > 0 || response.ContentLength <= 0) {
			t.Errorf("HEAD %s: a body of %d bytes, content length %d", c.path, len(body), response.ContentLength)
		}
	}
}

func TestSeveralEntities(t *testing.T) {
	registry, store := streamflow(t)
	plan := &asof.FeatureView{Name: "plans", Entities: []string{"plan"}, Online: true, Enabled: true,
		EntityColumns: []asof.Field{field("plan_id", asof.TypeInt64)}, Features: []asof.Field{field("price", asof.TypeFloat64)}}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{plan, &asof.Entity{Name: "plan", JoinKey: "plan_id", ValueType: asof.TypeInt64}}}); err != nil {
		t.Fatal(err)
	}
	write(t, store, plan, `[{"plan_id": 5, "event_timestamp": "2024-01-31T00:00:00Z", "price": 10}]`)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)})
	for _, c := range []struct {
		target string
		status int
		want   string // the answer's beginning
	}{
		{"/features/5", 400, `{"detail":"project \"streamflow\" has several entities, \"plan\" and \"user\": say which features you want; pass ?features=`},
		{"/features/5?features=price,months_active", 400, `{"detail":"these features need several join keys, \"plan_id\" and \"user_id\"`},
		{"/features/5?features=price", 200, `{"plan_id":5,"features":{"price":10.0}}`},
		{"/features/five?features=price", 400, `{"detail":"row 1: \"five\" cannot be the value of join key \"plan_id\" (Int64): it is no whole number"}`},
	} {
		if status, got := ask(t, h, "GET", c.target, ""); status != c.status || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: got %d %s, want %d %s", c.target, status, got, c.status, c.want)
		}
	}
}

func TestBeforeApply(t *testing.T) {
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)})
	if status, got := ask(t, h, "GET", "/health", ""); status != 200 || got != `{"status":"ok"}` {
		t.Errorf("health: %d %s", status, got)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/features/x", "", 404}, {"GET", "/ready", "", 503},
		{"POST", "/get-online-features", `{"entities":{"user_id":["x"]},"features":["a:b"]}`, 404},
	} {
		if status, got := ask(t, h, c.method, c.path, c.body); status != c.status || !strings.Contains(got, "run `asof apply`") {
			t.Errorf("%s: %d %s, want %d and what to run", c.path, status, got, c.status)
		}
	}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, subscriptions}}); err != nil {
		t.Fatal(err)
	}
	write(t, store, subscriptions, `[]`)
	if status, got := ask(t, h, "GET", "/features/x?features=months_active", ""); status != 200 {
		t.Errorf("after the apply: %d %s", status, got)
	}
}

// hanging is a store that never answers.
type hanging struct{ asof.OnlineStore }

func (hanging) Read(ctx context.Context, _ string, _ []*asof.Reading) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStoreDown(t *testing.T) {
	registry, _ := streamflow(t)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, hanging{}), Timeout: 20 * time.Millisecond})
	for _, c := range [][3]string{{"GET", "/features/x", ""}, {"GET", "/ready", ""}, {"POST", "/get-online-features", `{"entities":{"user_id":["x"]},"features":["months_active"]}`}} {
		begin := time.Now()
		if status, got := ask(t, h, c[0], c[1], c[2]); status != 503 || !strings.Contains(got, "the online store did not answer in time") {
			t.Errorf("%s: %d %s, want 503 and the reason", c[1], status, got)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %s", c[1], took)
		}
	}
}
