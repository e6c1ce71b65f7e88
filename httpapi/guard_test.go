package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/httpapi"
	"github.com/asof-dev/asof/materialize"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

// TestRoutesNeedATokenAndAPermission: readers may read the view, and a service
// that holds more; writers may write.
func TestRoutesNeedATokenAndAPermission(t *testing.T) {
	registry, store := streamflow(t)
	other := userView("other_fv", field("x", asof.TypeInt64))
	all := &asof.FeatureService{Name: "all", Projections: []asof.Projection{{View: "subs_profile_fv", Features: subscriptions.Features}, {View: "other_fv", Features: other.Features}}}
	put := []asof.Object{other, all}
	for role, spec := range map[string]*core.PermissionSpec{
		"reader": {Actions: []core.PermissionSpec_AuthzedAction{core.PermissionSpec_READ_ONLINE}, NamePatterns: []string{"subs_.*", "all"}},
		"writer": {Actions: []core.PermissionSpec_AuthzedAction{core.PermissionSpec_WRITE_ONLINE}},
	} {
		spec.Name = role
		spec.Policy = &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}
		stored, err := proto.Marshal(&core.Permission{Spec: spec})
		if err != nil {
			t.Fatal(err)
		}
		put = append(put, &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}})
	}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: put}); err != nil {
		t.Fatal(err)
	}
	if err := store.Update(t.Context(), project, []*asof.FeatureView{other}, nil); err != nil {
		t.Fatal(err)
	}
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), Audience: storetest.IssuerClient}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	reader, err := serving.New(serving.Options{Registry: registry, Online: store, Project: project, Permit: guard.Permit(permission.ReadOnline)})
	if err != nil {
		t.Fatal(err)
	}
	jobs := &materialize.Jobs{}
	h := httpapi.New(httpapi.Options{Reader: reader, Guard: guard, Jobs: jobs, Metrics: http.NotFoundHandler(),
		Pusher: &push.Pusher{Project: project, Registry: registry, Online: store, Permit: func(ctx context.Context, s *asof.Snapshot, _ push.To, o ...asof.Object) error {
			return guard.Check(ctx, s, permission.WriteOnline, o...)
		}}})

	tokens := map[string]string{"nobody": issuer.Token(nil), "reader": issuer.Token(map[string]any{"roles": []string{"reader"}}),
		"writer": issuer.Token(map[string]any{"roles": []string{"writer"}}), "expired": issuer.Token(map[string]any{"exp": time.Now().Unix() - 60}),
		"another audience": issuer.Token(map[string]any{"aud": "x"})}
	const entities = `{"entities": {"user_id": ["3413-BMNZE"]}, `
	for _, c := range []struct {
		who, method, target, body string
		status                    int
		want                      string // part of the answer
	}{
		{"", "GET", "/health", "", 200, "ok"},
		{"", "GET", "/ready", "", 200, "ready"},
		{"", "GET", "/openapi.json", "", 200, "bearer"},
		{"", "GET", "/features/3413-BMNZE", "", 401, `{"detail":"Missing authentication token"}`},
		{"", "GET", "/metrics", "", 401, "Missing"},
		{"", "GET", "/nowhere", "", 401, "Missing"},
		{"", "POST", "/push", "{}", 401, "Missing"},
		{"", "POST", "/materialize", "{}", 401, "Missing"},
		{"", "GET", "/materialize/jobs", "", 401, "Missing"},
		{"expired", "POST", "/get-online-features", entities + `"features": ["subs_profile_fv:months_active"]}`, 401, `{"detail":"Invalid or expired access token"}`},
		{"another audience", "GET", "/features/3413-BMNZE", "", 401, `{"detail":"Invalid or expired access token"}`},
		{"nobody", "POST", "/get-online-features", entities + `"features": ["subs_profile_fv:months_active"]}`, 403,
			`"{\"module\": \"feast.errors\", \"class\": \"FeastPermissionError\", \"message\": \"ann is not permitted to READ_ONLINE feature view subs_profile_fv: permission reader asks for role reader\"}"`},
		{"reader", "POST", "/get-online-features", entities + `"features": ["subs_profile_fv:months_active"]}`, 200, `"values":[1]`},
		{"reader", "POST", "/get-online-features", entities + `"features": ["subs_profile_fv:months_active", "other_fv:x"]}`, 403, "other_fv"},
		{"reader", "POST", "/get-online-features", entities + `"feature_service": "all"}`, 200, `"values":[1]`},
		{"writer", "POST", "/get-online-features", entities + `"feature_service": "all"}`, 403, "feature service all"},
		{"reader", "GET", "/features/3413-BMNZE?features=months_active", "", 200, `"months_active":1`},
		{"reader", "GET", "/features?user_id=3413-BMNZE&features=x", "", 403, `{"detail":"ann is not permitted to READ_ONLINE feature view other_fv: no permission covers that"}`},
		{"reader", "POST", "/write-to-online-store", `{"feature_view_name": "other_fv", "df": {}}`, 403, "WRITE_ONLINE feature view other_fv"},
		{"writer", "POST", "/write-to-online-store", `{"feature_view_name": "other_fv", "df": {"user_id": ["3413-BMNZE"], "x": [7], "event_timestamp": ["2024-01-31T00:00:00"]}}`, 200, "null"},
		{"reader", "GET", "/materialize/jobs", "", 200, `{"jobs":[]}`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, strings.NewReader(c.body))
		if c.who != "" {
			r.Header.Set("Authorization", "Bearer "+tokens[c.who])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s by %q: %d %s, want %d %s", c.method, c.target, c.body, c.who, w.Code, w.Body, c.status, c.want)
		}
		if challenge := w.Header().Get("WWW-Authenticate"); strings.HasPrefix(challenge, "Bearer") != (w.Code == 401) ||
			c.who == "expired" && !strings.Contains(challenge, `error="invalid_token", error_description="the token is refused: it expired at `) {
			t.Errorf("%s by %q: the challenge is %q", c.target, c.who, challenge)
		}
	}
}
