package proxy_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/memory"
	"github.com/asof-dev/asof/proxy"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// TestOnline holds the cached store against the contract: writes through it are
// seen at once.
func TestOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		store := proxy.Cache(memory.NewOnline(3), 10, time.Hour)
		return func() asof.OnlineStore { return store }
	})
}

var view = &asof.FeatureView{Name: "v", EntityColumns: []asof.Field{{Name: "id", Type: asof.Scalar(asof.TypeInt64)}},
	Features: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeInt64)}}}

// counted is a store whose rows all hold a number that the test sets.
type counted struct {
	asof.OnlineStore
	number atomic.Int64
	keys   atomic.Int64
	during func() // called amid a read, after its rows were taken
}

func (s *counted) Read(_ context.Context, _ string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
		for i := range r.Keys {
			s.keys.Add(1)
			r.Found[i], r.Events[i] = true, s.number.Load()
			r.Set(0, i, fmt.Append(nil, s.number.Load()))
		}
	}
	if s.during != nil {
		s.during()
	}
	return nil
}

func (s *counted) Update(context.Context, string, []*asof.FeatureView, []string) error {
	s.number.Add(1)
	return nil
}

func read(t *testing.T, store asof.OnlineStore, keys ...byte) (values []string) {
	t.Helper()
	r := &asof.Reading{View: view, Features: []string{"x"}}
	for _, k := range keys {
		r.Keys = append(r.Keys, []byte{k})
	}
	if err := store.Read(t.Context(), "p", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		values = append(values, string(r.Value(0, i)))
	}
	return values
}

func want(t *testing.T, what string, got []string, values ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(values) {
		t.Errorf("%s: got %v, want %v", what, got, values)
	}
}

func TestRowsAreKeptForATime(t *testing.T) {
	inner := &counted{}
	store := proxy.Cache(inner, 100, 50*time.Millisecond)
	want(t, "at first", read(t, store, 1, 2), "0", "0")
	inner.number.Store(7) // another process writes
	want(t, "kept, and one more", read(t, store, 2, 3, 1), "0", "7", "0")
	if n := inner.keys.Load(); n != 3 {
		t.Errorf("the store was asked for %d keys, want 3", n)
	}
	time.Sleep(60 * time.Millisecond)
	want(t, "after the time", read(t, store, 1, 2), "7", "7")
}

func TestRowsAreBounded(t *testing.T) {
	inner := &counted{}
	store := proxy.Cache(inner, 10, time.Hour)
	for k := range byte(100) {
		read(t, store, k)
	}
	inner.number.Store(1)
	kept := 0
	for k := range byte(100) {
		if read(t, store, 99-k)[0] == "0" {
			kept++
		}
	}
	if kept < 5 || kept > 10 {
		t.Errorf("%d rows are kept, want 5 to 10", kept)
	}
}

// TestAReadAmidAWrite takes its rows before a write and would keep them after it.
func TestAReadAmidAWrite(t *testing.T) {
	inner := &counted{}
	store := proxy.Cache(inner, 100, time.Hour)
	inner.during = func() {
		if err := store.Update(t.Context(), "p", []*asof.FeatureView{view}, nil); err != nil {
			t.Error(err)
		}
	}
	want(t, "before the write", read(t, store, 1), "0")
	inner.during = nil
	want(t, "after the write", read(t, store, 1), "1")
}

// TestNothingReplacedIsServed reads while rows are replaced: no read gives less
// than what was written before it began.
func TestNothingReplacedIsServed(t *testing.T) {
	inner := &counted{}
	store := proxy.Cache(inner, 100, time.Hour)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 2000 {
				least := inner.number.Load()
				var n int64
				if fmt.Sscan(read(t, store, 1)[0], &n); n < least-1 {
					t.Errorf("read %d after %d was written", n, least)
				}
			}
		})
	}
	for range 200 {
		if err := store.Update(t.Context(), "p", []*asof.FeatureView{view}, nil); err != nil {
			t.Error(err)
		}
	}
	group.Wait()
}
