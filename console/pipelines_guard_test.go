package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

// TestWhoMayDoWhatToPipelines: whoever may describe the project sees runs and no
// buttons, whoever may update it too acts under the name of the token, and
// others see nothing.
func TestWhoMayDoWhatToPipelines(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL(), Audience: storetest.IssuerClient}})
	must(t, err)
	t.Cleanup(func() { guard.Close() })
	c, store := piping(t, func(o *Options) { o.Guard, o.Local = guard, false })
	var put []asof.Object
	for role, actions := range map[string][]core.PermissionSpec_AuthzedAction{"reader": {core.PermissionSpec_DESCRIBE}, "runner": {core.PermissionSpec_DESCRIBE, core.PermissionSpec_UPDATE}} {
		stored, err := proto.Marshal(&core.Permission{Spec: &core.PermissionSpec{Name: role, Actions: actions, Types: []core.PermissionSpec_Type{core.PermissionSpec_PROJECT},
			Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}})
		must(t, err)
		put = append(put, &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}})
	}
	_, err = c.o.Registry.Apply(t.Context(), "p", asof.Change{Put: put})
	must(t, err)
	run := submitted(t, store, asof.Run{Pipeline: "month"})
	cancel := "/runs/" + run.ID + "/cancel"
	ask := func(method, address, token string) (int, string) {
		cookie := strings.Repeat("x", 26)
		r := httptest.NewRequest(method, "https://console.example"+address, strings.NewReader(url.Values{"sure": {"yes"}, "token": {c.protect.sign(cookie)}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		r.AddCookie(&http.Cookie{Name: tokenCookie, Value: cookie})
		w := httptest.NewRecorder()
		c.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	token := func(roles ...string) string { return "Bearer " + issuer.Token(map[string]any{"roles": roles}) }
	for _, who := range []struct {
		token        string
		see, ask     int
		buttons      bool
		act, entries int
	}{{"", 401, 401, false, 401, 0}, {token(), 403, 403, false, 403, 0}, {token("reader"), 200, 403, false, 403, 0}, {token("runner"), 200, 200, true, 303, 1}} {
		for _, address := range []string{"/pipelines", "/pipelines/month", "/runs", "/runs/" + run.ID, "/runs/" + run.ID + "/log", "/actions"} {
			if status, page := ask(http.MethodGet, address, who.token); status != who.see || strings.Contains(page, `class="act"`) && !who.buttons {
				t.Errorf("%s: %d, not %d\n%s", address, status, who.see, page)
			}
		}
		if status, page := ask(http.MethodGet, cancel, who.token); status != who.ask {
			t.Errorf("asking: %d, not %d\n%s", status, who.ask, page)
		}
		if status, page := ask(http.MethodPost, cancel, who.token); status != who.act || len(recorded(t, store)) != who.entries {
			t.Errorf("acting: %d, not %d, recorded %+v\n%s", status, who.act, recorded(t, store), page)
		}
		if who.see != http.StatusOK {
			if status, _ := ask(http.MethodGet, "/live/runs/"+run.ID, who.token); status != who.see {
				t.Errorf("following: %d, not %d", status, who.see)
			}
		}
	}
	if list := recorded(t, store); len(list) != 1 || list[0].Who != "ann" || list[0].From != "192.0.2.1" {
		t.Errorf("recorded: %+v", list)
	}
}
