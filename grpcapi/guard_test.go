package grpcapi_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/permission"
	"github.com/asof-dev/asof/push"
	"github.com/asof-dev/asof/serving"
	"github.com/asof-dev/asof/storetest"
)

// TestCallsNeedATokenAndAPermission: every method of both services needs a
// token, and readers may read.
func TestCallsNeedATokenAndAPermission(t *testing.T) {
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	spec := &core.PermissionSpec{Name: "readers", Actions: []core.PermissionSpec_AuthzedAction{core.PermissionSpec_READ_ONLINE},
		Policy: &core.Policy{PolicyType: &core.Policy_RoleBasedPolicy{RoleBasedPolicy: &core.RoleBasedPolicy{Roles: []string{"reader"}}}}}
	stored, err := proto.Marshal(&core.Permission{Spec: spec})
	if err != nil {
		t.Fatal(err)
	}
	readers := &asof.Opaque{Kind: asof.KindPermission, Name: "readers", Meta: asof.Meta{Stored: stored}}
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{tag, tags, readers}}); err != nil {
		t.Fatal(err)
	}
	write(t, store, tags, tagRows)
	issuer := storetest.NewIssuer(t)
	guard, err := permission.New(permission.Options{Issuer: permission.Issuer{DiscoveryURL: issuer.DiscoveryURL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { guard.Close() })
	reader, err := serving.New(serving.Options{Registry: registry, Online: store, Project: project, Permit: guard.Permit(permission.ReadOnline)})
	if err != nil {
		t.Fatal(err)
	}
	pusher := &push.Pusher{Project: project, Registry: registry, Online: store, Permit: func(ctx context.Context, s *asof.Snapshot, _ push.To, o ...asof.Object) error {
		return guard.Check(ctx, s, permission.WriteOnline, o...)
	}}
	conn, err := grpc.NewClient(start(t, grpcapi.Options{Reader: reader, Pusher: pusher, Guard: guard}), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, service := range []grpc.ServiceDesc{servingpb.ServingService_ServiceDesc, servingpb.GrpcFeatureServer_ServiceDesc} {
		for _, m := range service.Methods {
			err := conn.Invoke(t.Context(), "/"+service.ServiceName+"/"+m.MethodName, &servingpb.GetFeastServingInfoRequest{}, &servingpb.GetFeastServingInfoResponse{})
			if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "the request has no token") {
				t.Errorf("%s: %v", m.MethodName, err)
			}
		}
	}
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
	as := func(roles ...string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+issuer.Token(map[string]any{"roles": roles}))
	}
	ask := &servingpb.GetOnlineFeaturesRequest{Kind: &servingpb.GetOnlineFeaturesRequest_Features{Features: &servingpb.FeatureList{Val: []string{"tags:weight"}}}}
	client, writer := servingpb.NewServingServiceClient(conn), servingpb.NewGrpcFeatureServerClient(conn)
	if _, err := client.GetOnlineFeatures(as("reader"), ask); status.Code(err) == codes.PermissionDenied || status.Code(err) == codes.Unauthenticated {
		t.Errorf("a reader: %v", err)
	}
	if _, err := client.GetOnlineFeatures(as("other"), ask); status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), "asks for role reader") {
		t.Errorf("another: %v", err)
	}
	if _, err := writer.WriteToOnlineStore(as("reader"), &servingpb.WriteToOnlineStoreRequest{FeatureViewName: "tags", Features: map[string]string{"tag_id": "AP8="}}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a reader writes: %v", err)
	}
	if _, err := client.GetFeastServingInfo(as(), &servingpb.GetFeastServingInfoRequest{}); err != nil {
		t.Errorf("the version: %v", err)
	}
}
