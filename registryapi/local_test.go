package registryapi_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
)

// TestAClientWithinTheProcess sees one state of the registry, writes to the
// registry as it is, and is told what a client over gRPC is told.
func TestAClientWithinTheProcess(t *testing.T) {
	server := registryapi.New(registryapi.Options{Store: registryfile.Open(t.TempDir()+"/registry.db", nil)})
	t.Cleanup(server.Close)
	client := func() pb.RegistryServerClient {
		t.Helper()
		c, err := server.Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	put := func(c pb.RegistryServerClient, name string, commit bool) {
		t.Helper()
		_, err := c.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Project: project, Commit: commit,
			Entity: &core.Entity{Spec: &core.EntitySpecV2{Name: name, JoinKey: name}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	early, other := client(), client()
	put(other, "first", true)
	put(early, "second", true)
	put(other, "draft", false) // goes with its client
	late := client()
	for _, name := range []string{"first", "second"} {
		ask := &pb.GetEntityRequest{Project: project, Name: name}
		_, err := early.GetEntity(t.Context(), ask)
		wantCode(t, err, codes.NotFound, "EntityNotFoundException")
		if got, err := late.GetEntity(t.Context(), ask); err != nil || got.GetSpec().GetJoinKey() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	list, err := late.ListEntities(t.Context(), &pb.ListEntitiesRequest{Project: project, Pagination: &pb.PaginationParams{Page: 2, Limit: 1}, Sorting: &pb.SortingParams{SortBy: "name"}})
	if err != nil || len(list.GetEntities()) != 1 || list.GetPagination().GetTotalPages() < 2 {
		t.Errorf("a page: %v, %v", list, err)
	}
	_, err = late.GetEntity(t.Context(), &pb.GetEntityRequest{Project: project, Name: "draft"})
	wantCode(t, err, codes.NotFound, "EntityNotFoundException")
}
