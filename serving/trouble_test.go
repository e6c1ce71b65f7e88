package serving_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

// breakable is a registry that can be down.
type breakable struct {
	asof.Registry
	err error
}

func (b *breakable) Snapshot(ctx context.Context, project string) (*asof.Snapshot, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.Registry.Snapshot(ctx, project)
}

// hanging is a store that never answers.
type hanging struct{ asof.OnlineStore }

func (hanging) Read(ctx context.Context, _ string, _ []*asof.Reading) error {
	<-ctx.Done()
	return ctx.Err()
}

// refusing is an online store that fails with an error of this code.
type refusing struct {
	asof.OnlineStore
	code asof.Code
}

func (r refusing) Read(context.Context, string, []*asof.Reading) error {
	return asof.Errorf(r.code, "the store says no")
}

// Whatever a store says, its trouble is never the caller's mistake.
func TestTroubleOfTheStore(t *testing.T) {
	s := newShop(t, serving.Options{})
	for _, code := range []asof.Code{asof.CodeInvalid, asof.CodeNotFound, asof.CodeConflict, asof.CodeUnavailable, asof.CodeUnauthenticated, asof.CodeForbidden} {
		s.reader = reader(t, serving.Options{Registry: s.registry, Online: refusing{code: code}, Project: project})
		_, err := s.read(features("profile:age"), texts("user_id", "ann"))
		if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "the store says no") {
			t.Errorf("%s of the store: got %s, %v", code, asof.ErrorCode(err), err)
		}
	}
}

func TestTrouble(t *testing.T) {
	s := newShop(t, serving.Options{})
	broken := &breakable{Registry: s.registry}
	s.reader = reader(t, serving.Options{Registry: broken, Online: s.store, Project: project, Refresh: time.Nanosecond})
	ask := func() error { _, err := s.read(features("profile:age"), texts("user_id", "ann")); return err }
	broken.err = asof.Errorf(asof.CodeInvalid, "registry.db is damaged")
	if err := ask(); asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a registry that is damaged from the start: got %v", err)
	}
	broken.err = nil
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	broken.err = asof.Errorf(asof.CodeUnavailable, "the registry is down")
	if err := ask(); err != nil {
		t.Errorf("what was known is not served any more: %v", err)
	}
	if err := s.reader.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "the registry is down") {
		t.Errorf("ready with the registry down: %v", err)
	}
	broken.err = nil
	if err := s.reader.Ready(t.Context()); err != nil {
		t.Errorf("ready again: %v", err)
	}

	slow := reader(t, serving.Options{Registry: s.registry, Online: hanging{}, Project: project})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := slow.Read(ctx, &serving.Request{Selection: features("profile:age"), Entities: []serving.Column{texts("user_id", "ann")}})
	if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("a store that does not answer: got %v", err)
	}
}

// Answers are not mixed up when many goroutines read while the registry changes.
func TestReadersAndApplies(t *testing.T) {
	s := newShop(t, serving.Options{Refresh: time.Microsecond})
	var wait sync.WaitGroup
	for g := range 4 {
		key, want := "ann", "user_id: \"ann\"P\nfee: 45.25P01T00"
		if g%2 == 1 {
			key, want = "bob", "user_id: \"bob\"P\nfee: 0.1P02T00"
		}
		wait.Go(func() {
			for range 300 {
				if got, err := s.read(features("profile:fee"), texts("user_id", key)); err != nil || got != want {
					t.Errorf("got %s, %v; want %s", got, err, want)
				}
			}
		})
	}
	for i := range 50 {
		changed := *profile
		changed.Description = strings.Repeat("x", i)
		s.apply(&changed)
	}
	wait.Wait()
}

func TestAFunctionThatFails(t *testing.T) {
	s := newShop(t, serving.Options{})
	_, err := s.reader.Read(t.Context(), &serving.Request{Selection: features("failing:x"), Entities: []serving.Column{texts("user_id", "eve"), numbers("amount", "1")}})
	if err == nil || asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "line 2 of the function (df['x'] = df['age'].astype(int)): a null cannot be made an integer") {
		t.Errorf("%s: %v", asof.ErrorCode(err), err)
	}
}
