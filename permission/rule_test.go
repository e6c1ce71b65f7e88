package permission_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	"github.com/asof-dev/asof/permission"
)

// role is a policy that asks for one of the roles.
func role(names ...string) *core.Policy {
	return &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: names}}}
}

func permit(name string, policy *core.Policy, actions permission.Action, change func(*core.PermissionSpec)) *core.Permission {
	spec := &core.PermissionSpec{Name: name, Policy: policy}
	for a := range 8 {
		if actions&(1<<a) != 0 {
			spec.Actions = append(spec.Actions, core.PermissionSpec_AuthzedAction(a))
		}
	}
	if change != nil {
		change(spec)
	}
	return &core.Permission{Spec: spec}
}

func view(name string, tags map[string]string) permission.Resource {
	return permission.Of(&asof.FeatureView{Name: name, Kind: asof.ViewPlain, Tags: tags})
}

var (
	ann = &permission.User{Name: "ann", Roles: []string{"reader", "writer"}, Groups: []string{"g"}, Namespaces: []string{"n"}}
	bob = &permission.User{Name: "bob"}
)

func TestPoliciesAndFilters(t *testing.T) {
	patterns := func(list ...string) func(*core.PermissionSpec) {
		return func(s *core.PermissionSpec) { s.NamePatterns = list }
	}
	types := func(list ...core.PermissionSpec_Type) func(*core.PermissionSpec) {
		return func(s *core.PermissionSpec) { s.Types = list }
	}
	group := &core.Policy{PolicyType: &core.Policy_GroupBasedPolicy{GroupBasedPolicy: &core.GroupBasedPolicy{Groups: []string{"g", "h"}}}}
	namespace := &core.Policy{PolicyType: &core.Policy_NamespaceBasedPolicy{NamespaceBasedPolicy: &core.NamespaceBasedPolicy{Namespaces: []string{"n"}}}}
	combined := &core.Policy{PolicyType: &core.Policy_CombinedGroupNamespacePolicy{CombinedGroupNamespacePolicy: &core.CombinedGroupNamespacePolicy{
		Groups: []string{"other"}, Namespaces: []string{"n"}}}}
	later := &core.Policy{}
	later.ProtoReflect().SetUnknown(protoreflect.RawFields{0x4a, 0x00}) // field 9, which is not known
	stream := permission.Of(&asof.FeatureView{Name: "clicks", Kind: asof.ViewStream})
	batch := permission.Of(&asof.FeatureView{Name: "clicks", Kind: asof.ViewBatch})
	computed := permission.Of(&asof.OnDemandFeatureView{Name: "clicks"})
	for _, c := range []struct {
		name   string
		given  *core.Permission
		who    *permission.User
		what   permission.Resource
		action permission.Action
		denied string // part of the reason; "" where it is permitted
	}{
		{"role", permit("p", role("reader", "x"), permission.ReadOnline, nil), ann, view("v", nil), permission.ReadOnline, ""},
		{"no role", permit("p", role("reader"), permission.ReadOnline, nil), bob, view("v", nil), permission.ReadOnline,
			"bob is not permitted to READ_ONLINE feature view v: permission p asks for role reader"},
		{"roles that name none", permit("p", role(), permission.ReadOnline, nil), ann, view("v", nil), permission.ReadOnline, "asks for a role, and names none"},
		{"group", permit("p", group, permission.Describe, nil), ann, view("v", nil), permission.Describe, ""},
		{"no group", permit("p", group, permission.Describe, nil), bob, view("v", nil), permission.Describe, "asks for group g or h"},
		{"namespace", permit("p", namespace, permission.Describe, nil), ann, view("v", nil), permission.Describe, ""},
		{"group or namespace", permit("p", combined, permission.Describe, nil), ann, view("v", nil), permission.Describe, ""},
		{"neither", permit("p", combined, permission.Describe, nil), bob, view("v", nil), permission.Describe, "group other, or namespace n"},
		{"everybody", permit("p", nil, permission.Describe, nil), bob, view("v", nil), permission.Describe, ""},
		{"a policy of a later version", permit("p", later, permission.Describe, nil), ann, view("v", nil), permission.Describe, "no permission covers that"},
		{"another action", permit("p", nil, permission.Describe, nil), ann, view("v", nil), permission.Update, "no permission covers that"},
		{"one action of two", permit("p", nil, permission.Describe, nil), ann, view("v", nil), permission.Describe | permission.Update, "DESCRIBE, UPDATE feature view v"},
		{"no actions", permit("p", nil, 0, nil), ann, view("v", nil), permission.Describe, "no permission covers that"},
		{"another type", permit("p", nil, permission.Describe, types(core.PermissionSpec_ENTITY)), ann, view("v", nil), permission.Describe, "no permission"},
		{"a stream view is a view", permit("p", nil, permission.Describe, types(core.PermissionSpec_FEATURE_VIEW)), ann, stream, permission.Describe, ""},
		{"a batch view is a view", permit("p", nil, permission.Describe, types(core.PermissionSpec_FEATURE_VIEW)), ann, batch, permission.Describe, ""},
		{"a view is no stream view", permit("p", nil, permission.Describe, types(core.PermissionSpec_STREAM_FEATURE_VIEW)), ann, view("v", nil), permission.Describe, "no permission"},
		{"an on-demand view is no view", permit("p", nil, permission.Describe, types(core.PermissionSpec_FEATURE_VIEW)), ann, computed, permission.Describe, "no permission"},
		{"name", permit("p", nil, permission.Describe, patterns("x", " drivers?_.* ")), ann, view("driver_stats", nil), permission.Describe, ""},
		{"part of a name", permit("p", nil, permission.Describe, patterns("driver")), ann, view("driver_stats", nil), permission.Describe, "no permission"},
		{"one of two names", permit("p", nil, permission.Describe, patterns("a|b")), ann, view("ac", nil), permission.Describe, "no permission"},
		{"not that name", permit("p", nil, permission.Describe, patterns("(?!secret_).*")), ann, view("secret_stats", nil), permission.Describe, "no permission"},
		{"another than that name", permit("p", nil, permission.Describe, patterns("(?!secret_).*")), ann, view("open_stats", nil), permission.Describe, ""},
		{"a name of letters", permit("p", nil, permission.Describe, patterns(`\w+`)), ann, view("größe", nil), permission.Describe, ""},
		{"a pattern without end", permit("p", nil, permission.Describe, patterns(`(?=a)(a+)+b`)), ann, view(strings.Repeat("a", 60), nil), permission.Describe, "no permission"},
		{"a broken pattern", permit("p", nil, permission.Describe, patterns("(")), ann, view("(", nil), permission.Describe, "no permission"},
		{"tags", permit("p", nil, permission.Describe, func(s *core.PermissionSpec) { s.RequiredTags = map[string]string{"team": "a"} }), ann,
			view("v", map[string]string{"team": "a", "x": "y"}), permission.Describe, ""},
		{"other tags", permit("p", nil, permission.Describe, func(s *core.PermissionSpec) { s.RequiredTags = map[string]string{"team": "a"} }), ann,
			view("v", map[string]string{"team": "b"}), permission.Describe, "no permission"},
		{"no tags", permit("p", nil, permission.Describe, func(s *core.PermissionSpec) { s.RequiredTags = map[string]string{"team": ""} }), ann,
			view("v", nil), permission.Describe, "no permission"},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			err := permission.NewSet([]*core.Permission{c.given}).Check(c.who, c.what, c.action)
			if c.denied == "" && err != nil || c.denied != "" && (asof.ErrorCode(err) != asof.CodeForbidden || !strings.Contains(err.Error(), c.denied)) {
				t.Errorf("got %v, want %q", err, c.denied)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestOneGrantIsEnough(t *testing.T) {
	set := permission.NewSet([]*core.Permission{permit("first", role("admin"), permission.Describe, nil), permit("second", role("reader"), permission.Describe, nil)})
	if err := set.Check(ann, view("v", nil), permission.Describe); err != nil {
		t.Error(err)
	}
	if err := set.Check(&permission.User{Name: "server", Server: true}, view("v", nil), permission.Delete); err != nil {
		t.Errorf("one of our servers: %v", err)
	}
}

// TestWithoutPermissions: a project without permissions is open, one with
// nothing but broken ones is not.
func TestWithoutPermissions(t *testing.T) {
	if set := permission.NewSet(nil); !set.Empty() || set.Check(bob, view("v", nil), permission.Delete) != nil {
		t.Error("a project without permissions is closed")
	}
	set := permission.NewSet([]*core.Permission{permit("broken", nil, permission.Describe, func(s *core.PermissionSpec) { s.NamePatterns = []string{"("} })})
	if err := set.Check(ann, view("v", nil), permission.Describe); err == nil || set.Empty() {
		t.Error("a project with a broken permission is open")
	}
	if got := strings.Join(set.Problems(), "\n"); !strings.Contains(got, `permission "broken" grants nothing: name pattern "(" can't be read`) {
		t.Errorf("problems: %s", got)
	}
}

// TestObjectsAndTheirMessagesAreOneResource: whichever way a server knows an
// object, the same permissions cover it.
func TestObjectsAndTheirMessagesAreOneResource(t *testing.T) {
	tags := map[string]string{"team": "a"}
	labels := &core.LabelView{Spec: &core.LabelViewSpec{Name: "o", Tags: tags}}
	stored, err := proto.Marshal(labels)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		object  asof.Object
		message proto.Message
	}{
		{&asof.Project{Name: "o", Tags: tags}, &core.Project{Spec: &core.ProjectSpec{Name: "o", Tags: tags}}},
		{&asof.Entity{Name: "o", Tags: tags}, &core.Entity{Spec: &core.EntitySpecV2{Name: "o", Tags: tags}}},
		{&asof.DataSource{Name: "o", Tags: tags}, &core.DataSource{Name: "o", Tags: tags}},
		{&asof.FeatureView{Name: "o", Tags: tags}, &core.FeatureView{Spec: &core.FeatureViewSpec{Name: "o", Tags: tags}}},
		{&asof.FeatureView{Name: "o", Tags: tags, Kind: asof.ViewBatch}, &core.FeatureView{Spec: &core.FeatureViewSpec{Name: "o", Tags: tags, FeatureTransformation: &core.FeatureTransformationV2{}}}},
		{&asof.FeatureView{Name: "o", Tags: tags, Kind: asof.ViewStream}, &core.StreamFeatureView{Spec: &core.StreamFeatureViewSpec{Name: "o", Tags: tags}}},
		{&asof.OnDemandFeatureView{Name: "o", Tags: tags}, &core.OnDemandFeatureView{Spec: &core.OnDemandFeatureViewSpec{Name: "o", Tags: tags}}},
		{&asof.FeatureService{Name: "o", Tags: tags}, &core.FeatureService{Spec: &core.FeatureServiceSpec{Name: "o", Tags: tags}}},
		{&asof.Opaque{Kind: asof.KindLabelView, Name: "o", Meta: asof.Meta{Stored: stored}}, labels},
	} {
		a, b := permission.Of(c.object), permission.OfMessage(c.message)
		if fmt.Sprint(a) != fmt.Sprint(b) || a.Tags["team"] != "a" || a.Name != "o" {
			t.Errorf("%T is %v, and %T is %v", c.object, a, c.message, b)
		}
	}
	if err := permission.NewSet([]*core.Permission{permit("all", nil, permission.Describe, nil)}).Check(ann, permission.OfMessage(&core.Registry{}), permission.Describe); err == nil {
		t.Error("what is no object is covered")
	}
}

func BenchmarkCheck(b *testing.B) {
	var list []*core.Permission
	for i := range 50 {
		list = append(list, permit(fmt.Sprint("p", i), role(fmt.Sprint("role", i)), permission.ReadOnline, func(s *core.PermissionSpec) {
			s.NamePatterns = []string{fmt.Sprintf("team%d_.*", i), "(?!team).*"}
		}))
	}
	set := permission.NewSet(list)
	user := &permission.User{Name: "ann", Roles: []string{"role49"}}
	v := view("team49_stats", nil)
	for b.Loop() {
		if err := set.Check(user, v, permission.ReadOnline); err != nil {
			b.Fatal(err)
		}
	}
}
