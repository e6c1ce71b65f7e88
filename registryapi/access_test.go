package registryapi_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
	"github.com/asof-dev/asof/storetest"
)

// guarded serves a registry of three projects: "shop" has permissions for roles,
// "bank" for its own, and "open" has none.
func guarded(t *testing.T) (address string, issuer *storetest.Issuer) {
	t.Helper()
	registry := registryfile.Open(t.TempDir()+"/registry.db", nil)
	every := []core.PermissionSpec_AuthzedAction{0, 1, 2, 3, 4, 5, 6, 7}
	permit := func(project, name, role string, change func(*core.PermissionSpec)) *core.Permission {
		spec := &core.PermissionSpec{Name: name, Project: project, Actions: every, Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{
			RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{role}}}}}
		if change != nil {
			change(spec)
		}
		return &core.Permission{Spec: spec}
	}
	describe := []core.PermissionSpec_AuthzedAction{core.PermissionSpec_DESCRIBE}
	err := registry.Change(t.Context(), []string{"shop", "bank", "open"}, func(r *core.Registry, _ time.Time) error {
		for _, project := range []string{"shop", "bank", "open"} {
			r.Projects = append(r.Projects, &core.Project{Spec: &core.ProjectSpec{Name: project}})
			for _, name := range []string{"user", "secret"} {
				r.Entities = append(r.Entities, &core.Entity{Spec: &core.EntitySpecV2{Name: name, Project: project, JoinKey: name, ValueType: 2}})
				r.FeatureViews = append(r.FeatureViews, &core.FeatureView{Spec: &core.FeatureViewSpec{Name: name + "_fv", Project: project, Entities: []string{name},
					Features: []*core.FeatureSpecV2{{Name: "f", ValueType: 5}}, Online: true, BatchSource: source(name + "_source")}})
			}
		}
		r.Permissions = append(r.Permissions, permit("shop", "admins", "admin", nil), permit("bank", "bankers", "banker", nil),
			permit("shop", "readers", "reader", func(s *core.PermissionSpec) {
				s.Actions, s.NamePatterns = describe, []string{"(?!secret|admins).*"}
			}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer = storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	return start(t, registryapi.Options{Store: registry, Guard: guard}), issuer
}

func source(name string) *core.DataSource {
	return &core.DataSource{Name: name, Type: core.DataSource_BATCH_FILE, TimestampField: "at",
		Options: &core.DataSource_FileOptions_{FileOptions: &core.DataSource_FileOptions{Uri: "x.parquet"}}}
}

// bearer sends a token with every call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}
func (bearer) RequireTransportSecurity() bool { return false }

// dialAs connects a user with roles.
func dialAs(t *testing.T, address string, issuer *storetest.Issuer, roles ...string) pb.RegistryServerClient {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(bearer(issuer.Token(map[string]any{"roles": roles}))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewRegistryServerClient(conn)
}

func TestEveryMethodNeedsAToken(t *testing.T) {
	address, issuer := guarded(t)
	_, conn := dial(t, address)
	expired := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+issuer.Token(map[string]any{"exp": time.Now().Unix() - 60}))
	for _, m := range pb.RegistryServer_ServiceDesc.Methods {
		for _, ctx := range []context.Context{t.Context(), expired} {
			err := conn.Invoke(ctx, "/"+pb.RegistryServer_ServiceDesc.ServiceName+"/"+m.MethodName, &emptypb.Empty{}, &emptypb.Empty{})
			if status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s: %v", m.MethodName, err)
			}
		}
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	address, issuer := guarded(t)
	type client = pb.RegistryServerClient
	users := map[string]client{"admin": dialAs(t, address, issuer, "admin"), "reader": dialAs(t, address, issuer, "reader"),
		"banker": dialAs(t, address, issuer, "banker"), "nobody": dialAs(t, address, issuer)}
	entity := func(name string) *core.Entity {
		return &core.Entity{Spec: &core.EntitySpecV2{Name: name, JoinKey: name}}
	}
	view := func(name string) *core.FeatureView { return &core.FeatureView{Spec: &core.FeatureViewSpec{Name: name}} }
	now := timestamppb.Now()
	ctx := t.Context()
	for _, c := range []struct {
		what    string
		call    func(c client) error
		allowed string // of the users
	}{
		{"get", func(c client) error {
			_, err := c.GetEntity(ctx, &pb.GetEntityRequest{Project: "shop", Name: "user"})
			return err
		}, "admin reader"},
		{"get what is secret", func(c client) error {
			_, err := c.GetFeatureView(ctx, &pb.GetFeatureViewRequest{Project: "shop", Name: "secret_fv"})
			return err
		}, "admin"},
		{"get any view", func(c client) error {
			_, err := c.GetAnyFeatureView(ctx, &pb.GetAnyFeatureViewRequest{Project: "shop", Name: "secret_fv"})
			return err
		}, "admin"},
		{"get in another project", func(c client) error {
			_, err := c.GetEntity(ctx, &pb.GetEntityRequest{Project: "bank", Name: "user"})
			return err
		}, "banker"},
		{"get where there are no permissions", func(c client) error {
			_, err := c.GetEntity(ctx, &pb.GetEntityRequest{Project: "open", Name: "secret"})
			return err
		}, "admin reader banker nobody"},
		{"get a project", func(c client) error { _, err := c.GetProject(ctx, &pb.GetProjectRequest{Name: "shop"}); return err }, "admin reader"},
		{"get a permission", func(c client) error {
			_, err := c.GetPermission(ctx, &pb.GetPermissionRequest{Project: "shop", Name: "admins"})
			return err
		}, "admin"},
		{"create", func(c client) error {
			_, err := c.ApplyEntity(ctx, &pb.ApplyEntityRequest{Project: "shop", Entity: entity("new")})
			return err
		}, "admin"},
		{"change", func(c client) error {
			_, err := c.ApplyEntity(ctx, &pb.ApplyEntityRequest{Project: "shop", Entity: entity("user")})
			return err
		}, "admin"},
		{"apply a view", func(c client) error {
			_, err := c.ApplyFeatureView(ctx, &pb.ApplyFeatureViewRequest{Project: "shop", BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: view("secret_fv")}})
			return err
		}, "admin"},
		{"grant oneself", func(c client) error {
			_, err := c.ApplyPermission(ctx, &pb.ApplyPermissionRequest{Project: "bank", Permission: &core.Permission{Spec: &core.PermissionSpec{Name: "mine", Actions: []core.PermissionSpec_AuthzedAction{0, 1, 2}}}})
			return err
		}, "banker"},
		{"delete", func(c client) error {
			_, err := c.DeleteEntity(ctx, &pb.DeleteEntityRequest{Project: "shop", Name: "user"})
			return err
		}, "admin"},
		{"delete a view", func(c client) error {
			_, err := c.DeleteFeatureView(ctx, &pb.DeleteFeatureViewRequest{Project: "shop", Name: "user_fv"})
			return err
		}, "admin"},
		{"delete a project", func(c client) error {
			_, err := c.DeleteProject(ctx, &pb.DeleteProjectRequest{Name: "bank"})
			return err
		}, "banker"},
		{"say what is online", func(c client) error {
			_, err := c.ApplyMaterialization(ctx, &pb.ApplyMaterializationRequest{Project: "open", FeatureView: view("user_fv"), StartDate: now, EndDate: now})
			return err
		}, "admin reader banker nobody"},
		{"say what is online in another project", func(c client) error {
			_, err := c.ApplyMaterialization(ctx, &pb.ApplyMaterializationRequest{Project: "bank", FeatureView: view("secret_fv"), StartDate: now, EndDate: now})
			return err
		}, ""}, // the banker has deleted the project in their draft: there is no such view
		{"infra", func(c client) error { _, err := c.GetInfra(ctx, &pb.GetInfraRequest{Project: "shop"}); return err }, "admin reader"},
		{"infra of a project to be", func(c client) error { _, err := c.GetInfra(ctx, &pb.GetInfraRequest{Project: "new"}); return err }, "admin reader banker nobody"},
		{"update infra", func(c client) error {
			_, err := c.UpdateInfra(ctx, &pb.UpdateInfraRequest{Project: "shop", Infra: &core.Infra{}})
			return err
		}, "admin"},
		{"metadata", func(c client) error {
			_, err := c.ListProjectMetadata(ctx, &pb.ListProjectMetadataRequest{Project: "shop"})
			return err
		}, "admin reader"},
		{"lineage", func(c client) error {
			_, err := c.GetRegistryLineage(ctx, &pb.GetRegistryLineageRequest{Project: "bank"})
			return err
		}, "banker"},
		{"relations", func(c client) error {
			_, err := c.GetObjectRelationships(ctx, &pb.GetObjectRelationshipsRequest{Project: "bank", ObjectType: "entity", ObjectName: "user"})
			return err
		}, "banker"},
		{"refresh", func(c client) error { _, err := c.Refresh(ctx, &pb.RefreshRequest{Project: "shop"}); return err }, "admin"},
	} {
		for name, user := range users {
			err := c.call(user)
			if slices.Contains(strings.Fields(c.allowed), name) {
				if err != nil {
					t.Errorf("%s may not %s: %v", name, c.what, err)
				}
			} else if status.Code(err) != codes.PermissionDenied && status.Code(err) != codes.NotFound ||
				status.Code(err) == codes.PermissionDenied && !strings.Contains(err.Error(), `"class":"FeastPermissionError"`) {
				t.Errorf("%s may %s: %v", name, c.what, err)
			}
		}
	}
}

func TestListsLeaveOutWhatIsNotToBeKnown(t *testing.T) {
	address, issuer := guarded(t)
	for _, c := range []struct{ roles, projects, entities, views, features, whole string }{
		{"admin", "open shop", "secret user", "secret_fv user_fv", "secret_fv user_fv", "open:2 shop:2"},
		{"reader", "open shop", "user", "user_fv", "user_fv", "open:2 shop:1"},
		{"banker", "bank open", "", "", "", "bank:2 open:2"},
		{"", "open", "", "", "", "open:2"},
	} {
		user := dialAs(t, address, issuer, c.roles)
		projects, err := user.ListProjects(t.Context(), &pb.ListProjectsRequest{})
		check(t, c.roles+": projects", projects.GetProjects(), func(p *core.Project) string { return p.GetSpec().GetName() }, err, c.projects)
		entities, err := user.ListEntities(t.Context(), &pb.ListEntitiesRequest{Project: "shop"})
		check(t, c.roles+": entities", entities.GetEntities(), func(e *core.Entity) string { return e.GetSpec().GetName() }, err, c.entities)
		if int(entities.GetPagination().GetTotalCount()) != len(entities.GetEntities()) {
			t.Errorf("%s: the list tells how many there are: %v", c.roles, entities.GetPagination())
		}
		views, err := user.ListAllFeatureViews(t.Context(), &pb.ListAllFeatureViewsRequest{Project: "shop"})
		check(t, c.roles+": views", views.GetFeatureViews(), func(v *pb.AnyFeatureView) string { return v.GetFeatureView().GetSpec().GetName() }, err, c.views)
		features, err := user.ListFeatures(t.Context(), &pb.ListFeaturesRequest{Project: "shop"})
		check(t, c.roles+": features", features.GetFeatures(), func(f *pb.Feature) string { return f.GetFeatureView() }, err, c.features)
		if c.projects == "open shop" {
			lineage, err := user.GetRegistryLineage(t.Context(), &pb.GetRegistryLineageRequest{Project: "shop"})
			if told := strings.Contains(lineage.String(), "secret"); told != (c.roles == "admin") || err != nil || len(lineage.GetRelationships()) < 2 {
				t.Errorf("%s: lineage: %v, %v", c.roles, lineage, err)
			}
		}
		whole, err := user.Proto(t.Context(), &emptypb.Empty{})
		check(t, c.roles+": everything", whole.GetProjects(), func(p *core.Project) string {
			n := 0
			for _, v := range whole.GetFeatureViews() {
				if v.GetSpec().GetProject() == p.GetSpec().GetName() {
					n++
				}
			}
			return p.GetSpec().GetName() + ":" + string(rune('0'+n))
		}, err, c.whole)
	}
}

func check[M any](t *testing.T, what string, list []M, name func(M) string, err error, want string) {
	t.Helper()
	var names []string
	for _, m := range list {
		names = append(names, name(m))
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != want || err != nil {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

// TestADraftGrantsNothing: what a connection has put and not committed counts
// for no permission; what is committed counts at once.
func TestADraftGrantsNothing(t *testing.T) {
	address, issuer := guarded(t)
	admin, reader := dialAs(t, address, issuer, "admin"), dialAs(t, address, issuer, "reader")
	changed := &core.Permission{Spec: &core.PermissionSpec{Name: "readers", Actions: []core.PermissionSpec_AuthzedAction{core.PermissionSpec_DESCRIBE},
		Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{"reader"}}}}}}
	if _, err := admin.ApplyPermission(t.Context(), &pb.ApplyPermissionRequest{Project: "shop", Permission: changed}); err != nil {
		t.Fatal(err)
	}
	secret := &pb.GetEntityRequest{Project: "shop", Name: "secret"}
	if _, err := reader.GetEntity(t.Context(), secret); status.Code(err) != codes.PermissionDenied {
		t.Errorf("before the commit: %v", err)
	}
	if _, err := admin.Commit(t.Context(), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.GetEntity(t.Context(), secret); err != nil {
		t.Errorf("after the commit: %v", err)
	}
	if _, err := reader.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Project: "open", Entity: &core.Entity{Spec: &core.EntitySpecV2{Name: "e", JoinKey: "e"}}}); err != nil {
		t.Errorf("a project without permissions: %v", err)
	}
	if _, err := reader.Commit(t.Context(), &emptypb.Empty{}); err != nil {
		t.Errorf("its commit: %v", err)
	}
}
