package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/serving"
)

// clicks is a view that a push source feeds, read from the table clicks.
var clicks = func() *asof.FeatureView {
	v := userView("clicks", field("clicks", asof.TypeInt64), field("share", asof.TypeFloat32))
	v.Source = &asof.DataSource{Name: "clicks_source", Kind: asof.SourcePostgres, Table: "clicks", TimestampField: "event_timestamp"}
	v.Stream = &asof.DataSource{Name: "clicked", Kind: asof.SourcePush, Batch: v.Source}
	return v
}()

// writing are the options of a server that takes rows for clicks.
func writing(t *testing.T) httpapi.Options {
	t.Helper()
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, clicks, clicks.Stream}}); err != nil {
		t.Fatal(err)
	}
	return httpapi.Options{Reader: newReader(t, registry, store), Pusher: &push.Pusher{Project: project, Registry: registry, Online: store}}
}

// problem reads the class and the message of an error's answer.
func problem(t *testing.T, text string) string {
	t.Helper()
	class := classOf(t, text)
	if class == "" {
		return text
	}
	var inner string
	var exception struct{ Message string }
	if json.Unmarshal([]byte(text), &inner) != nil || json.Unmarshal([]byte(inner), &exception) != nil {
		t.Fatal(text)
	}
	return class + ": " + exception.Message
}

func TestWriteRoutes(t *testing.T) {
	o := writing(t)
	o.MaxWrite = 2000
	h := httpapi.New(o)
	rows := `{"user_id":["ann","bob"],"clicks":[1,null],"share":[0.5,1],"event_timestamp":["2024-05-01T00:00:00","2024-05-01T00:00:00"],"created":[null,null]}`
	pushed := func(more string) string { return `{"push_source_name":"clicked","df":` + rows + more + `}` }
	written := func(more string) string { return `{"feature_view_name":"clicks","df":` + rows + more + `}` }
	for _, c := range []struct {
		target, body string
		status       int
		want         string // the whole answer, or how an error's begins
	}{
		{"/push", pushed(""), 200, ""},
		{"/push", pushed(`,"to":"online","allow_registry_cache":false,"transform_on_write":true`), 200, ""},
		{"/push", `{"push_source_name":"clicked","df":{}}`, 200, ""},
		{"/push", pushed(`,"to":"both"`), 400, `FeastError: to is "both"; it has to be "online", "offline" or "online_and_offline"`},
		{"/push", `{"push_source_name":"nope","df":{}}`, 422, `PushSourceNotFoundException: push source "nope" does not exist in project "streamflow"; known: clicked`},
		{"/push", `{"push_source_name":"clicked","df":{"user_id":["ann"],"clicks":["x"],"share":[1],"event_timestamp":["2024-05-01"]}}`, 400, `FeastError: row 1, column "clicks": "x" does not fit Int64`},
		{"/push", `{"df":{}}`, 422, `{"detail":[{"type":"missing","loc":["body","push_source_name"],"msg":"Field required","input":{"df":{}}}]}`},
		{"/push", `{"push_source_name":"clicked"}`, 422, `{"detail":[{"type":"missing","loc":["body","df"],"msg":"Field required"`},
		{"/push", `{"push_source_name":5,"df":{}}`, 422, `{"detail":[{"type":"string_type","loc":["body","push_source_name"]`},
		{"/push", `{"push_source_name":"clicked","df":[1]}`, 422, `{"detail":[{"type":"dict_type","loc":["body","df"]`},
		{"/push", `{"push_source_name":"clicked","df":{"user_id":"ann"}}`, 422, `{"detail":[{"type":"list_type","loc":["body","df","user_id"]`},
		{"/push", pushed(`,"transform_on_write":"huh"`), 422, `{"detail":[{"type":"bool_parsing","loc":["body","transform_on_write"]`},
		{"/push", "{\"push_source_name\":\"\xff\",\"df\":{}}", 422, `{"detail":[{"type":"json_invalid"`},
		{"/push", `{"push_source_name":`, 422, `{"detail":[{"type":"json_invalid"`},
		{"/push", `[]`, 422, `{"detail":[{"type":"model_attributes_type"`},
		{"/push", pushed(`,"more":"` + strings.Repeat("x", 2000) + `"`), 413, `{"detail":"the request is larger than 2000 bytes; split it"}`},
		{"/write-to-online-store", written(""), 200, "null"},
		{"/write-to-online-store", `{"feature_view_name":"click","df":{}}`, 404, `FeatureViewNotFoundException: feature view "click" does not exist in project "streamflow"; did you mean "clicks"?`},
		{"/write-to-online-store", `{"feature_view_name":"clicks","df":{"user_id":["ann"]}}`, 400, `FeastError: column "event_timestamp", the event timestamp of feature view "clicks", is missing: the rows have only user_id`},
		{"/write-to-online-store", `{"push_source_name":"clicked","df":{}}`, 422, `{"detail":[{"type":"missing","loc":["body","feature_view_name"]`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", c.target, strings.NewReader(c.body)))
		got := problem(t, w.Body.String())
		if w.Code != c.status || c.status == 200 && got != c.want || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.200s: got %d %s, want %d %s", c.target, c.body, w.Code, got, c.status, c.want)
		}
	}
	want := `{"rows":[{"user_id":"ann","features":{"clicks":1,"share":0.5}},{"user_id":"bob","features":{"clicks":null,"share":1.0}}]}`
	if _, got := ask(t, h, "GET", "/features?user_id=ann&user_id=bob&features=clicks:clicks,clicks:share", ""); got != want {
		t.Errorf("what was written reads as %s, want %s", got, want)
	}
	if status, got := ask(t, httpapi.New(httpapi.Options{Reader: o.Reader}), "POST", "/push", pushed("")); status != http.StatusNotFound {
		t.Errorf("a server that takes no rows: %d %s", status, got)
	}
	if status, _ := ask(t, h, "GET", "/push", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /push: %d", status)
	}
}

// TestWritesHoldUpNoReads fills the bound of writes, which is not that of reads.
func TestWritesHoldUpNoReads(t *testing.T) {
	o := writing(t)
	o.Load = serving.NewReadLoad(1)
	store := &stuck{OnlineStore: o.Pusher.Online, entered: make(chan struct{}), leave: make(chan struct{})}
	if err := store.Update(t.Context(), project, []*asof.FeatureView{clicks}, nil); err != nil {
		t.Fatal(err)
	}
	o.Pusher.Online = store
	h := httpapi.New(o)
	const most = 256
	statuses := make(chan int)
	for range most {
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("POST", "/push", strings.NewReader(`{"push_source_name":"clicked","df":{"user_id":["ann"],"clicks":[1],"share":[1],"event_timestamp":["2024-05-01"]}}`)))
			statuses <- w.Code
		}()
	}
	for range most {
		<-store.entered
	}
	if status, got := ask(t, h, "POST", "/push", `{"push_source_name":"clicked","df":{}}`); status != 503 || !strings.Contains(got, "at its limit of 256 writes at once") {
		t.Errorf("one write too many: %d %s", status, got)
	}
	if status, got := ask(t, h, "GET", "/features/ann?features=clicks:clicks", ""); status != 200 {
		t.Errorf("a read beside: %d %s", status, got)
	}
	close(store.leave)
	for range most {
		if status := <-statuses; status != 200 {
			t.Errorf("a write that waited: %d", status)
		}
	}
}
