package serving_test

import (
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/serving"
)

// A reader that is told of a change goes by it with the next read, however
// long it need not ask; also when many read at that moment.
func TestAChangeIsSeenByTheNextRead(t *testing.T) {
	s := newShop(t, serving.Options{Refresh: time.Hour})
	read := func() error {
		_, err := s.read(features("profile:fee"), texts("user_id", "ann"))
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	disabled := *profile
	disabled.Enabled = false
	s.apply(&disabled)
	if err := read(); err != nil {
		t.Errorf("what nobody told of: %v", err)
	}
	for i := range 50 {
		now := *profile
		now.Enabled = i%2 == 1
		s.apply(&now)
		s.reader.Changed()
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if err := read(); (err == nil) != now.Enabled {
					t.Errorf("change %d, enabled is %v: %v", i, now.Enabled, err)
				}
			})
		}
		wait.Wait()
	}
}

// What is served goes on to be when the registry is away after a change.
func TestAChangeAndARegistryThatIsAway(t *testing.T) {
	s := newShop(t, serving.Options{})
	away := &breakable{Registry: s.registry}
	s.reader = reader(t, serving.Options{Registry: away, Online: s.store, Project: project, Refresh: time.Hour})
	for _, err := range []error{nil, asof.Errorf(asof.CodeUnavailable, "the registry is away"), nil} {
		away.err = err
		s.reader.Changed()
		if _, err := s.read(features("profile:fee"), texts("user_id", "ann")); err != nil {
			t.Errorf("registry %v: %v", away.err, err)
		}
	}
}
