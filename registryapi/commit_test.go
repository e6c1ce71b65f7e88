package registryapi_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/feastpb/core"
	pb "github.com/asof-dev/asof/feastpb/registry"
	"github.com/asof-dev/asof/registryapi"
	"github.com/asof-dev/asof/registryfile"
)

func TestMaterializationsOfWritersAreJoined(t *testing.T) {
	address, _ := startFile(t)
	a, b := connect(t, address), connect(t, address)
	if err := a.view(plainView("visits"), true); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	record := func(c client, from, to int, commit bool) {
		t.Helper()
		_, err := c.ApplyMaterialization(t.Context(), &pb.ApplyMaterializationRequest{FeatureView: plainView("visits"), Project: project,
			StartDate: timestamppb.New(day.AddDate(0, 0, from)), EndDate: timestamppb.New(day.AddDate(0, 0, to)), Commit: commit})
		if err != nil {
			t.Fatal(err)
		}
	}
	spans := func(c client) string {
		t.Helper()
		m, err := c.GetFeatureView(t.Context(), &pb.GetFeatureViewRequest{Name: "visits", Project: project})
		if err != nil {
			t.Fatal(err)
		}
		text := m.Meta.State.String()
		for _, i := range m.Meta.MaterializationIntervals {
			text += fmt.Sprintf(" %d-%d", i.StartTime.AsTime().YearDay(), i.EndTime.AsTime().YearDay())
		}
		return text
	}
	for i := range 20 {
		record(a, i, i+1, true)
	}
	if got := spans(a); got != "AVAILABLE_ONLINE 1-21" {
		t.Errorf("twenty days that touch: %s", got)
	}
	stale, err := a.GetFeatureView(t.Context(), &pb.GetFeatureViewRequest{Name: "visits", Project: project})
	if err != nil {
		t.Fatal(err)
	}
	record(a, 30, 31, false)
	record(b, 40, 41, true)
	if got := spans(a); got != "AVAILABLE_ONLINE 1-21 31-32 41-42" {
		t.Errorf("before the commit: %s", got)
	}
	if got := spans(b); got != "AVAILABLE_ONLINE 1-21 41-42" {
		t.Errorf("the other client: %s", got)
	}
	if err := a.commit(); err != nil {
		t.Fatal(err)
	}
	stale.Spec.Description = "as it was read before"
	if err := b.view(stale, true); err != nil {
		t.Fatal(err)
	}
	if got := spans(b); got != "AVAILABLE_ONLINE 1-21 31-32 41-42" {
		t.Errorf("after a view was put as it was read before: %s", got)
	}
	_, err = a.ApplyMaterialization(t.Context(), &pb.ApplyMaterializationRequest{FeatureView: plainView("nope"), Project: project,
		StartDate: timestamppb.New(day), EndDate: timestamppb.New(day)})
	wantCode(t, err, codes.NotFound, "Feature view nope does not exist in project shop")
	_, err = a.ApplyMaterialization(t.Context(), &pb.ApplyMaterializationRequest{FeatureView: plainView("visits"), Project: project,
		StartDate: timestamppb.New(day.AddDate(0, 0, 1)), EndDate: timestamppb.New(day)})
	wantCode(t, err, codes.InvalidArgument, "an end_date that is not before it")
}

// onlineCalls notes what a server asks of its online store.
type onlineCalls struct {
	mu    sync.Mutex
	calls []string
	err   error // before the change
	late  error // after it
}

func (o *onlineCalls) update(_ context.Context, project string, keep []*asof.FeatureView, drop []string, change func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	call := project
	for _, v := range keep {
		call += " +" + v.Name
	}
	if o.err != nil {
		return o.err
	}
	if err := change(); err != nil {
		return err
	}
	for _, v := range drop {
		call += " -" + v
	}
	o.calls = append(o.calls, call)
	return o.late
}

func TestACommitMakesTheOnlineTables(t *testing.T) {
	online := &onlineCalls{}
	address := start(t, registryapi.Options{Store: registryfile.Open(t.TempDir()+"/registry.db", nil), Online: online.update})
	c := connect(t, address)
	for _, name := range []string{"visits", "tags"} {
		if err := c.view(plainView(name), false); err != nil {
			t.Fatal(err)
		}
	}
	if len(online.calls) != 0 {
		t.Errorf("before the commit: %q", online.calls)
	}
	if err := c.commit(); err != nil {
		t.Fatal(err)
	}
	offline := plainView("visits")
	offline.Spec.Online = false
	if err := c.view(offline, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteFeatureView(t.Context(), &pb.DeleteFeatureViewRequest{Name: "tags", Project: project, Commit: true}); err != nil {
		t.Fatal(err)
	}
	stored := &core.OnDemandFeatureView{Spec: &core.OnDemandFeatureViewSpec{Name: "stored", Project: project, WriteToOnlineStore: true, Features: plainView("x").Spec.Features}}
	if _, err := c.ApplyFeatureView(t.Context(), &pb.ApplyFeatureViewRequest{Project: project, Commit: true, BaseFeatureView: &pb.ApplyFeatureViewRequest_OnDemandFeatureView{OnDemandFeatureView: stored}}); err != nil {
		t.Fatal(err)
	}
	stored.Spec.WriteToOnlineStore = false
	for range 2 {
		if _, err := c.ApplyFeatureView(t.Context(), &pb.ApplyFeatureViewRequest{Project: project, Commit: true, BaseFeatureView: &pb.ApplyFeatureViewRequest_OnDemandFeatureView{OnDemandFeatureView: stored}}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"shop +visits +tags", "shop -visits -tags", "shop +stored", "shop -stored"}; !slices.Equal(online.calls, want) {
		t.Errorf("asked of the online store: %q, want %q", online.calls, want)
	}

	online.calls = nil
	retyped := plainView("visits")
	retyped.Spec.Features[0].ValueType = 2
	for _, v := range []*core.FeatureView{plainView("visits"), plainView("visits"), retyped, retyped} {
		if err := c.view(v, true); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"shop +visits", "shop +visits", "shop +visits -visits", "shop +visits"}; !slices.Equal(online.calls, want) {
		t.Errorf("asked of the online store for a feature of another type: %q, want %q", online.calls, want)
	}

	online.err = asof.Errorf(asof.CodeUnavailable, "the online store is away")
	wantCode(t, c.view(plainView("more"), true), codes.Unavailable, "the online store is away")
	online.err = nil
	if err := c.commit(); err != nil { // of what failed, nothing is left
		t.Fatal(err)
	}
	_, err := c.GetAnyFeatureView(t.Context(), &pb.GetAnyFeatureViewRequest{Name: "more", Project: project})
	wantCode(t, err, codes.NotFound, "FeatureViewNotFoundException")
	online.err, online.late = nil, asof.Errorf(asof.CodeUnavailable, "the online store went away")
	if err := c.view(plainView("late"), true); err != nil { // it is registered
		t.Error(err)
	}
	if _, err := c.GetAnyFeatureView(t.Context(), &pb.GetAnyFeatureViewRequest{Name: "late", Project: project}); err != nil {
		t.Error(err)
	}
	online.err = errors.New("a secret of ours")
	wantCode(t, c.view(plainView("more"), true), codes.Internal, "the server's log says more")
}

func TestViewsOfAllKindsShareOneSpaceOfNames(t *testing.T) {
	address, _ := startFile(t)
	c := connect(t, address)
	if err := c.view(plainView("visits"), false); err != nil {
		t.Fatal(err)
	}
	_, err := c.ApplyFeatureView(t.Context(), &pb.ApplyFeatureViewRequest{Project: project,
		BaseFeatureView: &pb.ApplyFeatureViewRequest_LabelView{LabelView: &core.LabelView{Spec: &core.LabelViewSpec{Name: "visits"}}}})
	wantCode(t, err, codes.InvalidArgument, "'visits' is already used by a FeatureView. Cannot register a LabelView")
	for want, request := range map[string]*pb.ApplyFeatureViewRequest{
		"names no project":         {BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: plainView("v")}},
		"has no feature view":      {Project: project},
		"feature view has no name": {Project: project, BaseFeatureView: &pb.ApplyFeatureViewRequest_FeatureView{FeatureView: plainView("")}},
	} {
		_, err := c.ApplyFeatureView(t.Context(), request)
		wantCode(t, err, codes.InvalidArgument, want)
	}
}

func TestAProjectGoesWithAllThatIsInIt(t *testing.T) {
	address, registry := startFile(t)
	a, b := connect(t, address), connect(t, address)
	a.entity("user", true)
	if err := a.view(plainView("visits"), true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ApplyEntity(t.Context(), &pb.ApplyEntityRequest{Entity: entity("other"), Project: "bank", Commit: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.DeleteProject(t.Context(), &pb.DeleteProjectRequest{Name: project}); err != nil {
		t.Fatal(err)
	}
	a.sees()
	b.sees("user")
	a.entity("shop", false)
	a.sees("shop")
	if err := a.commit(); err != nil {
		t.Fatal(err)
	}
	b.sees("shop")
	m, err := registry.Message(t.Context())
	if err != nil || len(m.FeatureViews) != 0 || len(m.FeatureViewVersionHistory.GetRecords()) != 0 || len(m.Projects) != 2 {
		t.Errorf("registered: %v (%v)", m, err)
	}
	_, err = a.DeleteProject(t.Context(), &pb.DeleteProjectRequest{Name: "nope"})
	wantCode(t, err, codes.NotFound, `"class":"ProjectObjectNotFoundException","message":"Project nope does not exist"`)
}

func TestAPinnedViewIsAppliedAgain(t *testing.T) {
	address, _ := startFile(t)
	c := connect(t, address)
	wide := func(version string) *core.FeatureView {
		m := plainView("visits")
		m.Spec.Features = append(m.Spec.Features, &core.FeatureSpecV2{Name: "shops", ValueType: 5})
		m.Spec.Version = version
		return m
	}
	for _, m := range []*core.FeatureView{plainView("visits"), wide("latest"), wide("v0"), wide("v0")} {
		if err := c.view(m, true); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.GetFeatureView(t.Context(), &pb.GetFeatureViewRequest{Name: "visits", Project: project})
	if err != nil || len(got.Spec.Features) != 1 || got.Spec.Version != "v0" || got.Meta.CurrentVersionNumber != 0 {
		t.Errorf("pinned to v0: %v (%v)", got, err)
	}
	changed := wide("v0")
	changed.Spec.Features[0].Name = "other"
	wantCode(t, c.view(changed, true), codes.InvalidArgument, `"class":"FeatureViewPinConflict"`)
	wantCode(t, c.view(wide("newest"), true), codes.InvalidArgument, `it has to be \"latest\", or v and a number`)
}

// A commit is told of before its client is answered; what changed nothing is not.
func TestChangesAreToldOf(t *testing.T) {
	var changes, views atomic.Int32
	registry := registryfile.Open(filepath.Join(t.TempDir(), "registry.db"), nil)
	c := connect(t, start(t, registryapi.Options{Store: registry, Changed: func(_ context.Context, name string, put []asof.Object) {
		if name == project {
			changes.Add(1)
			views.Add(int32(len(put)))
		}
	}}))
	steps := []struct {
		what string
		do   func() error
		want int32
	}{
		{"a draft", func() error { return c.view(plainView("visits"), false) }, 0},
		{"its commit", c.commit, 1},
		{"a commit of nothing", c.commit, 1},
		{"an apply", func() error { return c.view(plainView("fees"), true) }, 2},
		{"a mistake", func() error {
			_, err := c.DeleteFeatureView(t.Context(), &pb.DeleteFeatureViewRequest{Name: "none", Project: project, Commit: true})
			if err == nil {
				return errors.New("a view that is not there was deleted")
			}
			return nil
		}, 2},
	}
	for _, s := range steps {
		if err := s.do(); err != nil || changes.Load() != s.want {
			t.Errorf("%s: told of %d times, want %d; %v", s.what, changes.Load(), s.want, err)
		}
	}
	if views.Load() != 2 {
		t.Errorf("%d objects are said to be put, want the two views", views.Load())
	}
}
