package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
)

// shopReader has the views of the comparison with Feast in a store in memory.
func shopReader(t *testing.T, o serving.Options) *serving.Reader {
	t.Helper()
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{user, profile, usage, shops, visits, pair, mixed,
		&asof.Entity{Name: "shop", JoinKey: "shop_id", ValueType: asof.TypeInt64}}}); err != nil {
		t.Fatal(err)
	}
	for v, rows := range rowsOf {
		write(t, store, v, rows)
	}
	o.Registry, o.Online, o.Project = registry, store, project
	reader, err := serving.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestFeaturesOfSeveralEntities(t *testing.T) {
	registry, store := streamflow(t)
	single := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store), Features: []string{"months_active"}})
	every := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store)})
	several := httpapi.New(httpapi.Options{Reader: shopReader(t, serving.Options{MaxEntities: 3})})
	for _, c := range []struct {
		h      http.Handler
		query  string
		status int
		want   string // the whole answer, or a part of an error's
	}{
		{single, "user_id=3413-BMNZE&user_id=nobody", 200, `{"rows":[{"user_id":"3413-BMNZE","features":{"months_active":1}},{"user_id":"nobody","features":{"months_active":null}}]}`},
		{single, "user=3413-BMNZE", 200, `{"rows":[{"user_id":"3413-BMNZE","features":{"months_active":1}}]}`},
		{every, "user_id=3413-BMNZE", 200, `{"rows":[{"user_id":"3413-BMNZE","features":{"months_active":1,"monthly_fee":45.25,"paperless_billing":false,"net_service":"DSL"}}]}`},
		{single, "user_id=a%2Fb+%25%C3%9F%22", 200, `{"rows":[{"user_id":"a/b %ß\"","features":{"months_active":2}}]}`},
		{several, "user_id=ann&shop_id=7&user_id=bob&shop_id=7&features=visits:visited,rating", 200,
			`{"rows":[{"user_id":"ann","shop_id":7,"features":{"visited":3,"rating":4.0}},{"user_id":"bob","shop_id":7,"features":{"visited":null,"rating":4.0}}]}`},
		{several, "&shop_id=7&features=shops:rating&", 200, `{"rows":[{"shop_id":7,"features":{"rating":4.0}}]}`},
		{several, "buyer_id=ann&seller_id=bob&feature_service=pair&full_feature_names=true", 200,
			`{"rows":[{"buyer_id":"ann","seller_id":"bob","features":{"buyer__name":"Ann \"é\" 😀\n","buyer__f32":45.1,"seller__name":""}}]}`},
		{several, "user_id=ann&shop_id=7&shop_id=8&features=visited", 400, `column \"user_id\" has 1 values and column \"shop_id\" has 2; every entity row needs one in each`},
		{several, "user_id=ann&features=visited", 400, `join key \"shop_id\", which feature view \"visits\" needs, is missing`},
		{several, "shop_id=seven&features=rating", 400, `row 1: \"seven\" cannot be the value of join key \"shop_id\" (Int64)`},
		{several, "shop_id=1&shop_id=2&shop_id=3&shop_id=4&features=rating", 400, `has 4 entity rows, and the limit is 3; split it`},
		{several, "shop_id=1", 400, `has several entities, \"shop\" and \"user\": say which features you want`},
		{several, "shop_id=1&feature=rating", 400, `several entities`},
		{several, "shop_id=1&features=rating&feature=x", 404, `column \"feature\" of the request is neither a join key nor an entity of this project`},
		{several, "shop_id=1&features=", 400, "names no feature"},
		{several, "shop_id=%zz", 400, "cannot be read"},
		{several, "", 400, "several entities"},
		{single, "", 400, `join key \"user_id\", which feature view \"subs_profile_fv\" needs, is missing: the request has no columns`},
	} {
		status, got := ask(t, c.h, "GET", "/features?"+c.query, "")
		if ok := status == 200 && got == c.want || status != 200 && strings.Contains(got, c.want); status != c.status || !ok {
			t.Errorf("%s: got %d %s, want %d %s", c.query, status, got, c.status, c.want)
		}
	}
}

// TestLargeAnswers reads ten thousand entities: the answer leaves in pieces, says
// how long it is, and is the same as its parts.
func TestLargeAnswers(t *testing.T) {
	registry, store := streamflow(t)
	h := httpapi.New(httpapi.Options{Reader: newReader(t, registry, store), MaxBody: 1 << 20})
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("%q", []string{"3413-BMNZE", fmt.Sprint(i)}[i%2])
	}
	ofKeys := func(keys []string) answer {
		body := `{"features":["months_active","monthly_fee"],"entities":{"user_id":[` + strings.Join(keys, ",") + `]}}`
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/get-online-features", strings.NewReader(body)))
		if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%d keys: Content-Length %s of %d bytes", len(keys), got, w.Body.Len())
		}
		return parsed(t, w.Body.String())
	}
	whole, part := ofKeys(keys), ofKeys(keys[:2])
	for c, result := range whole.Results {
		if len(result.Values) != len(keys) {
			t.Fatalf("column %d has %d values", c, len(result.Values))
		}
		for row := range keys {
			if c > 0 && (string(result.Values[row]) != string(part.Results[c].Values[row%2]) || result.Statuses[row] != part.Results[c].Statuses[row%2]) {
				t.Fatalf("column %d, row %d: %s %s", c, row, result.Values[row], result.Statuses[row])
			}
		}
	}
	if status, got := ask(t, h, "POST", "/get-online-features", `{"features":["months_active"],"entities":{"user_id":[`+strings.Join(append(keys, `"x"`), ",")+`]}}`); status != 400 || !strings.Contains(got, "has 10001 entity rows, and the limit is 10000") {
		t.Errorf("one too many: %d %s", status, got)
	}
}
