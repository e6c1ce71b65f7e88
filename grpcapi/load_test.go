package grpcapi_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/asof-dev/asof"
	servingpb "github.com/asof-dev/asof/feastpb/serving"
	"github.com/asof-dev/asof/grpcapi"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/serving"
)

// held is a store whose reads wait.
type held struct {
	asof.OnlineStore
	reading, release chan struct{}
}

func (h *held) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	h.reading <- struct{}{}
	<-h.release
	return h.OnlineStore.Read(ctx, project, readings)
}

// TestTooMuchAtOnce fills a server whose store is slow: what is too much is
// refused at once, of both services.
func TestTooMuchAtOnce(t *testing.T) {
	registry, store := memory.NewRegistry(nil), memory.NewOnline(3)
	if _, err := registry.Apply(t.Context(), project, asof.Change{Put: []asof.Object{tag, tags}}); err != nil {
		t.Fatal(err)
	}
	write(t, store, tags, tagRows)
	slow := &held{store, make(chan struct{}, 4), make(chan struct{})}
	told := make(outcomes, 5)
	conn := dial(t, start(t, grpcapi.Options{Reader: readerOf(t, registry, slow), Load: serving.NewReadLoad(3), Observer: told}))
	client, other := servingpb.NewServingServiceClient(conn), servingpb.NewGrpcFeatureServerClient(conn)
	light, heavy := ask([]string{"tags:weight"}, "tag_id", texts("AP8=")), ask([]string{"tags:weight"}, "tag_id", texts(slices.Repeat([]string{"AP8="}, 200)...))
	var group sync.WaitGroup
	answered := func() {
		if got, err := client.GetOnlineFeatures(t.Context(), light); err != nil || len(got.Results) != 2 {
			t.Errorf("a request within the limit: %v, %v", got, err)
		}
	}
	group.Go(answered)
	<-slow.reading
	for name, call := range map[string]func() error{
		"ServingService":    func() error { _, err := client.GetOnlineFeatures(t.Context(), heavy); return err },
		"GrpcFeatureServer": func() error { _, err := other.GetOnlineFeatures(t.Context(), heavy); return err },
	} {
		if err := call(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "at its limit of 3 requests at once (asof.serve.max_requests") {
			t.Errorf("%s: %v", name, err)
		}
	}
	group.Go(answered) // a light one still has room
	<-slow.reading
	close(slow.release)
	group.Wait()
	if _, err := client.GetOnlineFeatures(t.Context(), heavy); err != nil {
		t.Errorf("a heavy one alone: %v", err)
	}
	refused := 0
	for range cap(told) {
		if o := <-told; o.Refused && o.Failed && o.Code == "Unavailable" {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("the observer is told of %d refusals, want 2", refused)
	}
}
