package registryrest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/storetest"
)

// marker is in everything that a reader of the project "shop" is not to know.
const marker = "confidential"

// guarded serves a registry with the objects of everyRoute, to admins of its
// project "shop", to readers of what has no marker there, and to bankers of its
// project "bank".
func guarded(t *testing.T) (h http.Handler, token func(role string) string) {
	t.Helper()
	store := open(t)
	unguarded := serve(t, registryapi.Options{Store: store})
	for _, r := range everyRoute()[:7] {
		for _, project := range []string{"shop", "bank"} {
			r.body.(map[string]any)["project"] = project
			r.body.(map[string]any)["description"] = "plain"
			if project == "bank" {
				r.body.(map[string]any)["description"] = marker
			}
			if status, answer := ask(t, unguarded, r.method, r.target, r.body); status >= 300 {
				t.Fatal(r.target, status, answer)
			}
		}
	}
	ask(t, unguarded, "POST", "/entities", map[string]any{"name": "secret", "project": "shop", "tags": map[string]string{"k": marker}})
	every := []core.PermissionSpec_AuthzedAction{0, 1, 2, 3, 4, 5, 6, 7}
	err := store.Change(t.Context(), []string{"shop", "bank"}, func(r *core.Registry, _ time.Time) error {
		permit := func(project, role, pattern string, actions ...core.PermissionSpec_AuthzedAction) {
			r.Permissions = append(r.Permissions, &core.Permission{Spec: &core.PermissionSpec{Name: "for_" + role, Project: project, Actions: actions, NamePatterns: []string{pattern},
				Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}})
		}
		r.Permissions = nil
		permit("shop", "admin", ".*", every...)
		permit("shop", "reader", "(?!secret).*", core.PermissionSpec_DESCRIBE)
		permit("bank", "banker", ".*", every...)
		for _, p := range r.Projects {
			if p.Spec.Name == "bank" {
				p.Spec.Description = marker
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	return serve(t, registryapi.Options{Store: store, Guard: guard}), func(role string) string {
		return issuer.Token(map[string]any{"preferred_username": role, "roles": []string{role}})
	}
}

// askAs sends a request with a token.
func askAs(h http.Handler, token, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryRouteNeedsAToken(t *testing.T) {
	h, token := guarded(t)
	for _, r := range everyRoute() {
		if r.target == "/openapi.json" {
			continue
		}
		for sent, want := range map[string]string{"": "Missing authentication token", token("admin") + "x": "Invalid or expired access token"} {
			w := askAs(h, sent, r.method, r.target, "{}")
			if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `"HTTPException"`) || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s: %d %s", r.method, r.target, w.Code, w.Body)
			}
		}
	}
}

// TestNobodyReadsWhatIsNotTheirs asks for everything, of either project, as a
// reader of one.
func TestNobodyReadsWhatIsNotTheirs(t *testing.T) {
	h, token := guarded(t)
	reader, banker := token("reader"), token("banker")
	if w := askAs(h, banker, "GET", "/entities/user?project=bank", ""); w.Code != 200 || !strings.Contains(w.Body.String(), marker) {
		t.Fatalf("what is theirs: %d %s", w.Code, w.Body)
	}
	answered := 0
	for _, r := range everyRoute() {
		if r.method != "GET" {
			continue
		}
		for _, target := range []string{r.target, strings.ReplaceAll(r.target, "project=shop", "project=bank"), strings.ReplaceAll(r.target, "/user?", "/secret?")} {
			w := askAs(h, reader, "GET", target, "")
			if strings.Contains(w.Body.String(), marker) || w.Code >= 500 && w.Code != 503 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
			if w.Code == 200 {
				answered++
			}
		}
	}
	if answered < 80 {
		t.Errorf("%d answers", answered)
	}
	if w := askAs(h, reader, "GET", "/entities/secret?project=shop", ""); w.Code != 403 || !strings.Contains(w.Body.String(), `"FeastPermissionError"`) {
		t.Errorf("an object that is not the reader's: %d %s", w.Code, w.Body)
	}
	if w := askAs(h, reader, "GET", "/metrics/recently_visited?project=shop", ""); strings.Contains(w.Body.String(), "banker") || !strings.Contains(w.Body.String(), `"user":"reader"`) {
		t.Errorf("visits: %s", w.Body)
	}
}

// TestNobodyWritesWhatIsNotTheirs: a reader changes nothing, an admin their own
// project.
func TestNobodyWritesWhatIsNotTheirs(t *testing.T) {
	h, token := guarded(t)
	for _, c := range []struct {
		role, method, target, body string
		status                     int
	}{
		{"reader", "POST", "/entities", `{"name":"new","project":"shop"}`, 403},
		{"reader", "DELETE", "/feature_views/stats?project=shop", "", 403},
		{"reader", "POST", "/feature_views", `{"name":"new","project":"shop","entities":["user"]}`, 403},
		{"admin", "POST", "/entities", `{"name":"new","project":"bank"}`, 403},
		{"admin", "DELETE", "/entities/user?project=bank", "", 403},
		{"admin", "POST", "/feature_services", `{"name":"new","project":"bank","features":[{"feature_view_name":"stats"}]}`, 403},
		{"admin", "POST", "/entities", `{"name":"new","project":"shop"}`, 201},
		{"admin", "DELETE", "/feature_services/model?project=shop", "", 200},
	} {
		if w := askAs(h, token(c.role), c.method, c.target, c.body); w.Code != c.status || c.status == 403 && !strings.Contains(w.Body.String(), `"FeastPermissionError"`) {
			t.Errorf("%s: %s %s %s: %d %s", c.role, c.method, c.target, c.body, w.Code, w.Body)
		}
	}
}
