package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/storetest"
)

// TestViewsAreOfCallers: what callers see is worked out once for all who may do
// the same, and a guard that is asked about it goes by the permissions.
func TestViewsAreOfCallers(t *testing.T) {
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	c := watchedConsole(t, func(o *Options) { o.Guard = guard })
	permit := func(role, pattern string, types ...core.PermissionSpec_Type) asof.Object {
		stored, err := proto.Marshal(&core.Permission{Spec: &core.PermissionSpec{Name: role, NamePatterns: []string{pattern}, Types: types, Actions: []core.PermissionSpec_AuthzedAction{core.PermissionSpec_DESCRIBE},
			Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return &asof.Opaque{Kind: asof.KindPermission, Name: role, Meta: asof.Meta{Stored: stored}}
	}
	apply := func(objects ...asof.Object) {
		t.Helper()
		if _, err := c.o.Registry.Apply(t.Context(), "p", asof.Change{Put: objects}); err != nil {
			t.Fatal(err)
		}
	}
	apply(permit("some", "view_[12]", core.PermissionSpec_FEATURE_VIEW), permit("all", ".*"))
	as := func(address string, roles ...string) (int, string) {
		return get(c, address, "Authorization", "Bearer "+issuer.Token(map[string]any{"roles": roles}))
	}
	for range 2 {
		for _, one := range []struct {
			roles      []string
			first, all bool
		}{{[]string{"some"}, true, false}, {[]string{"all", "some"}, true, true}, {[]string{"some", "all"}, true, true}, {nil, false, false}} {
			status, page := as("/catalog?kind=view", one.roles...)
			if status != http.StatusOK || strings.Contains(page, ">view_1<") != one.first || strings.Contains(page, ">view_3<") != one.all {
				t.Errorf("%v: %d\n%s", one.roles, status, page)
			}
			status, page = as("/", one.roles...)
			if status != http.StatusOK || strings.Contains(page, "february is bad") != one.all || strings.Contains(page, "is not permitted to DESCRIBE") == one.all ||
				strings.Contains(page, "view_3") != one.all || strings.Contains(page, `class="cell late"`) && !one.first {
				t.Errorf("home for %v: %d\n%s", one.roles, status, page)
			}
		}
	}
	if n := len(c.views.kept); n != 3 {
		t.Errorf("%d views are kept, want 3", n)
	}
	for i := range 2 * mostViews {
		as("/catalog", fmt.Sprint("role ", i))
	}
	if n := len(c.views.kept); n > mostViews {
		t.Errorf("%d views are kept", n)
	}
	apply(&asof.Entity{Name: "new", JoinKey: "new_id"})
	if status, _ := as("/catalog/entity/new", "all"); status != http.StatusOK || len(c.views.kept) != 1 {
		t.Errorf("after a change: %d, %d views", status, len(c.views.kept))
	}
	var seen *view
	for _, seen = range c.views.kept {
	}
	if len(seen.snapshot.Objects(asof.KindPermission)) != 2 {
		t.Error("what a caller sees has lost the permissions: a guard would allow everything")
	}
}
