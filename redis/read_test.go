package redis_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

// TestReadHugeValues reads values of megabytes beside small ones.
func TestReadHugeValues(t *testing.T) {
	store := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Connection()})
	notes := *feeView
	notes.Name, notes.Features = "notes", []asof.Field{{Name: "note", Type: asof.Scalar(asof.TypeString)}}
	update(t, store, &notes, feeView)
	mustFees(t, store, 100, 7)
	huge := strings.Repeat("x", 5<<20)
	if _, err := store.Write(t.Context(), "shop", &notes, batch(t, &notes, fmt.Sprintf(`[{"user": "0", "event_timestamp": "2024-01-31T00:00:00Z", "note": "%s"},
		{"user": "1", "event_timestamp": "2024-01-31T00:00:00Z", "note": ""}, {"user": "2", "event_timestamp": "2024-01-31T00:00:00Z", "note": "%s2"}]`, huge, huge))); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	for range 4 {
		r := feeReading(t, manyUsers(4)...)
		r.View, r.Features = &notes, []string{"note"}
		group.Go(func() error {
			for range 5 {
				if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
					return err
				}
				first, third := r.Value(0, 0), r.Value(0, 2)
				if !r.Found[1] || r.Found[3] || !bytes.HasSuffix(first, []byte(huge)) || !bytes.HasSuffix(third, []byte(huge+"2")) {
					return fmt.Errorf("found %v, values of %d and %d bytes", r.Found, len(first), len(third))
				}
			}
			return nil
		})
		small := feeReading(t, manyUsers(100)...)
		group.Go(func() error {
			for range 50 {
				if err := store.Read(t.Context(), "shop", []*asof.Reading{small}); err != nil {
					return err
				}
				if err := hasFees(small); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// TestReadAllocations holds that what a Read allocates does not grow with its
// keys, whether it reads fields or whole hashes.
func TestReadAllocations(t *testing.T) {
	store := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Connection()})
	wide := *feeView
	wide.Name, wide.Features = "wide", nil
	for i := range 60 {
		wide.Features = append(wide.Features, asof.Field{Name: fmt.Sprint("f", i), Type: asof.Scalar(asof.TypeInt64)})
	}
	update(t, store, feeView, &wide)
	mustFees(t, store, 1000, 7)
	for _, view := range []*asof.FeatureView{feeView, &wide} {
		allocated := func(keys int) float64 {
			r := feeReading(t, manyUsers(keys)...)
			r.View, r.Features = view, view.FeatureNames()
			return testing.AllocsPerRun(50, func() {
				if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
					t.Fatal(err)
				}
			})
		}
		few, many := allocated(1), allocated(1000)
		if many > few+100 {
			t.Errorf("view %s: %v allocations for a key, %v for 1000", view.Name, few, many)
		}
	}
}
