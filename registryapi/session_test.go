package registryapi_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
)

const project = "shop"

func entity(name string) *core.Entity {
	return &core.Entity{Spec: &core.EntitySpecV2{Name: name, JoinKey: name + "_id"}}
}

func plainView(name string) *core.FeatureView {
	return &core.FeatureView{Spec: &core.FeatureViewSpec{Name: name, Online: true, Entities: []string{"user"},
		EntityColumns: []*core.FeatureSpecV2{{Name: "user_id", ValueType: 2}},
		Features:      []*core.FeatureSpecV2{{Name: "hours", ValueType: 5}}, BatchSource: &core.DataSource{Name: "stats", Type: core.DataSource_BATCH_FILE}}}
}

// client is one client, with a connection of its own.
type client struct {
	pb.RegistryServerClient
	t     *testing.T
	close func() error
}

func connect(t *testing.T, address string) client {
	t.Helper()
	c, conn := dial(t, address)
	return client{c, t, conn.Close}
}

// entity applies an entity.
func (c client) entity(name string, commit bool) {
	c.t.Helper()
	if _, err := c.ApplyEntity(c.t.Context(), &pb.ApplyEntityRequest{Entity: entity(name), Project: project, Commit: commit}); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) view(m *core.FeatureView, commit bool) error {
	_, err := c.ApplyFeatureView(c.t.Context(), &pb.ApplyFeatureViewRequest{
		BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: m}, Project: project, Commit: commit})
	return err
}

func (c client) commit() error {
	_, err := c.Commit(c.t.Context(), &emptypb.Empty{})
	return err
}

// sees fails the test where the client's list of entities is another one.
func (c client) sees(want ...string) {
	c.t.Helper()
	answer, err := c.ListEntities(c.t.Context(), &pb.ListEntitiesRequest{Project: project})
	if err != nil {
		c.t.Fatal(err)
	}
	var got []string
	for _, e := range answer.Entities {
		if e.Spec.Name != asof.DummyEntity {
			got = append(got, e.Spec.Name)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		c.t.Errorf("sees %q, want %q", got, want)
	}
}

func wantCode(t *testing.T, err error, want codes.Code, text string) {
	t.Helper()
	if status.Code(err) != want || !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("got %v, want %s with %q", err, want, text)
	}
}

func TestAnApplyIsSeenByItsConnectionUntilItIsCommitted(t *testing.T) {
	address, _ := startFile(t)
	a, b := connect(t, address), connect(t, address)
	a.sees()
	a.entity("user", false)
	a.sees("user")
	b.sees()
	if answer, err := a.ListProjects(t.Context(), &pb.ListProjectsRequest{}); err != nil || len(answer.Projects) != 0 {
		t.Errorf("projects before the commit: %v (%v)", answer, err)
	}
	b.entity("shop", false)
	b.entity("till", true) // commits both
	a.sees("shop", "till", "user")
	if err := a.commit(); err != nil {
		t.Fatal(err)
	}
	b.sees("shop", "till", "user")
	answer, err := b.GetProject(t.Context(), &pb.GetProjectRequest{Name: project})
	if err != nil || answer.Spec.Name != project {
		t.Errorf("the project that the applies imply: %v (%v)", answer, err)
	}
}

// TestFieldsOfLaterVersionsAreKept applies messages with fields that nobody here
// knows, and reads them back from registries of each kind.
func TestFieldsOfLaterVersionsAreKept(t *testing.T) {
	later := protowire.AppendString(protowire.AppendTag(nil, 4711, protowire.BytesType), "of later")
	for name, place := range places(t) {
		c := connect(t, start(t, registryapi.Options{Store: storeAt(t, place)}))
		e, v := entity("user"), plainView("visits")
		e.Spec.ProtoReflect().SetUnknown(later)
		v.ProtoReflect().SetUnknown(later)
		v.Spec.BatchSource.ProtoReflect().SetUnknown(later)
		if _, err := c.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Entity: e, Project: project}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is there already keeps them too
			if err := c.view(v, true); err != nil {
				t.Fatal(err)
			}
		}
		gotEntity, err := c.GetEntity(t.Context(), &pb.GetEntityRequest{Name: "user", Project: project})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.GetFeatureView(t.Context(), &pb.GetFeatureViewRequest{Name: "visits", Project: project})
		if err != nil {
			t.Fatal(err)
		}
		for what, m := range map[string]proto.Message{"the entity": gotEntity.Spec, "the view": got, "the view's source": got.Spec.BatchSource} {
			if !bytes.Equal(m.ProtoReflect().GetUnknown(), later) {
				t.Errorf("%s: %s has lost a field: %v", name, what, m)
			}
		}
	}
}

func TestDeletesAndPutsOfOneConnection(t *testing.T) {
	address, _ := startFile(t)
	a, b := connect(t, address), connect(t, address)
	a.entity("user", true)
	remove := func(c client, name string, commit bool) error {
		_, err := c.DeleteEntity(t.Context(), &pb.DeleteEntityRequest{Name: name, Project: project, Commit: commit})
		return err
	}
	if err := remove(a, "user", false); err != nil {
		t.Fatal(err)
	}
	a.sees()
	b.sees("user")
	wantCode(t, remove(a, "user", false), codes.NotFound, `"class":"EntityNotFoundException","message":"Entity user does not exist in project shop"`)
	a.entity("user", false)
	a.sees("user")
	if err := remove(b, "user", true); err != nil { // meanwhile
		t.Fatal(err)
	}
	if err := a.commit(); err != nil {
		t.Fatal(err)
	}
	b.sees("user")
	if err := remove(a, "user", false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Refresh(t.Context(), &pb.RefreshRequest{Project: project}); err != nil {
		t.Fatal(err)
	}
	a.sees("user") // a refresh drops what is not committed
}

func TestAClientThatDiesLeavesNothing(t *testing.T) {
	address, registry := startFile(t)
	a := connect(t, address)
	a.entity("user", false)
	a.sees("user")
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	b := connect(t, address)
	b.sees()
	b.entity("shop", true)
	b.sees("shop")
	m, err := registry.Message(t.Context())
	if err != nil || len(m.Entities) != 2 { // and the dummy entity
		t.Errorf("registered: %v (%v)", m.GetEntities(), err)
	}
	wantCode(t, connect(t, address).commit(), codes.FailedPrecondition, "the connection was lost")
}

// TestAStopLetsAppliesEnd stops a server in the middle of an apply, which goes
// on, and of one that does not end, for which it waits no longer than it may.
func TestAStopLetsAppliesEnd(t *testing.T) {
	for _, c := range []struct {
		commits bool
		grace   time.Duration
	}{{true, time.Minute}, {false, 100 * time.Millisecond}} {
		registry := registryfile.Open(filepath.Join(t.TempDir(), "registry.db"), nil)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		server := registryapi.New(registryapi.Options{Store: registry, Grace: c.grace})
		t.Cleanup(server.Close)
		go func() { ended <- server.Serve(ctx, l) }()
		a := connect(t, l.Addr().String())
		a.entity("user", false)
		stop()
		want := 0
		if c.commits {
			time.Sleep(100 * time.Millisecond)
			a.entity("shop", false)
			if err := a.commit(); err != nil {
				t.Error(err)
			}
			want = 3 // with the dummy entity
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		m, err := registry.Message(t.Context())
		if err != nil || len(m.Entities) != want {
			t.Errorf("an apply that ends, %t: %d entities (%v), want %d", c.commits, len(m.GetEntities()), err, want)
		}
	}
}

func TestClientsAtOnceLoseNothing(t *testing.T) {
	address, _ := startFile(t)
	const clients, rounds = 8, 5
	var group sync.WaitGroup
	var want []string
	for n := range clients {
		for i := range rounds {
			want = append(want, fmt.Sprintf("a%d_%d", n, i), fmt.Sprintf("b%d_%d", n, i))
		}
		c := connect(t, address)
		group.Go(func() {
			for i := range rounds {
				for _, half := range []string{"a", "b"} {
					if _, err := c.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Entity: entity(fmt.Sprintf("%s%d_%d", half, n, i)), Project: project}); err != nil {
						t.Error(err)
					}
				}
				if err := c.commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	slices.Sort(want)
	connect(t, address).sees(want...)
}
