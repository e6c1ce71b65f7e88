package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

func cancelled(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	o.update(v)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.store.Write(ctx, project, v, batch(t, v, numbered(10, 1))); err == nil {
		t.Error("a write went through although it was cancelled")
	}
	if err := o.store.Read(ctx, project, []*asof.Reading{reading(t, v, "1")}); err == nil {
		t.Error("a read went through although it was cancelled")
	}
	o.holds(v, "1", "-")
}

// readersAndWriters checks that readers see a write whole or not at all, that
// no key goes back to an older row, and that writers at the same keys leave the
// newest.
func readersAndWriters(t *testing.T, o *online) {
	const n, writes = 300, 20
	v := userView("v", feature("x", asof.TypeInt64), feature("y", asof.TypeInt64))
	o.update(v)
	o.mustWrite(v, numbered(n, 0))
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			for i := range writes {
				if _, err := o.store.Write(t.Context(), project, v, batch(t, v, numbered(n, 2*i+w))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	for range 3 {
		readers.Go(func() {
			r := reading(t, v, keys...)
			seen := make([]int64, n)
			for {
				if err := o.store.Read(t.Context(), project, []*asof.Reading{r}); err != nil {
					t.Error(err)
					return
				}
				for i := range keys {
					first := 0
					if o.has(RowByRow) {
						first = i // its own two values are of one write
					}
					x, y, ok := strings.Cut(shown(r, i), " ")
					if other := strings.Fields(shown(r, first)); !ok || x != y || x != other[0] {
						t.Errorf("half a write was read: key %d holds %s, key %d %s", i, shown(r, i), first, shown(r, first))
						return
					}
					if r.Events[i] < seen[i] {
						t.Errorf("key %d went back from %d to %d", i, seen[i], r.Events[i])
						return
					}
					seen[i] = r.Events[i]
				}
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	newest := fmt.Sprint(2*writes - 1)
	for _, key := range keys {
		o.holds(v, key, newest+" "+newest)
	}
}

// twoStores checks that what one store changes, the other sees.
func twoStores(t *testing.T, o *online) {
	v := userView("v", feature("x", asof.TypeInt64))
	rows := `[{"user": "a", "event_timestamp": "2024-01-01T00:00:00Z", "x": 1}]`
	server := &online{T: t, store: o.open()}
	server.fails(asof.CodeNotFound, "apply", server.read(v, "a"))
	o.update(v)
	server.holds(v, "a", "-")
	o.mustWrite(v, rows)
	server.holds(v, "a", "1")
	changed := userView("v", feature("x", asof.TypeString))
	o.update(changed)
	server.holds(changed, "a", "null")
	o.update(v)
	server.holds(v, "a", "null")
	if err := o.store.Update(t.Context(), project, nil, []string{"v"}); err != nil {
		t.Fatal(err)
	}
	server.fails(asof.CodeNotFound, "apply", server.read(v, "a"))
	o.update(v)
	server.holds(v, "a", "-")
	server.mustWrite(v, rows)
	o.holds(v, "a", "1")
}
