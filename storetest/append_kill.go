package storetest

import (
	"os"
	"testing"

	"github.com/asof-dev/asof"
)

// AppendedTrips are the rows that a place of AppendKilled holds at first, of
// drivers, event times and trips.
func AppendedTrips(t *testing.T) OfflineTable {
	return table(t, "trips", tripColumns, "1 2024-01-01 10  2 2024-01-01 20  2 2024-01-03 21")
}

// AppendKilled appends to a source in a process of its own, which it kills at
// the first step of appending, then at the second, and so on, while this process
// reads: readers see none of the rows or all of them, and a second append goes
// on from there; then left finds nothing of the first, at a place that fresh made.
//
// It has to be the only statement of a test function, for the test binary is
// started again with that one test. fresh makes a place that holds
// AppendedTrips; open opens it with the source of that name, and has step called
// at each step of appending.
func AppendKilled(t *testing.T, fresh func(t *testing.T) string, open func(t *testing.T, place string, step func(name string)) (OfflineUnderTest, *asof.DataSource), left func(t *testing.T, place string) []string) {
	type opened struct {
		OfflineUnderTest
		view asof.ViewQuery
	}
	openView := func(t *testing.T, place string, step func(name string)) opened {
		u, source := open(t, place, step)
		source.TimestampField = "event"
		return opened{u, asof.ViewQuery{View: "trips", Source: source, Timestamp: "event",
			Keys:     []asof.KeyColumn{{Column: "driver", Entity: "driver", Type: asof.Scalar(asof.TypeInt64)}},
			Features: []asof.FeatureColumn{{Column: "trips", Output: "trips", Type: asof.Scalar(asof.TypeInt64)}}}}
	}
	add := func(u opened, values string) {
		if _, err := u.append(t.Context(), u.view.Source, streamOf(t, table(t, "more", tripColumns, values), nil)); err != nil {
			t.Fatal(err)
		}
	}
	const before, after = "1:10 2:20 2:21", "1:10 2:20 2:21 5:50 5:51 5:52"
	if place := os.Getenv(killPlace); place != "" {
		add(openView(t, place, killer(t)), "5 2024-01-01 50  5 2024-01-02 51  5 2024-01-03 52")
		return
	}
	var seen sides
	var place string
	steps := cutOff(t, func(t *testing.T) string { place = fresh(t); return place }, openView, func(opened) {},
		func(u opened, step int, running bool) {
			got := all(t, u.OfflineUnderTest, u.view)
			seen.look(t, step, running, got, before, after)
			if running {
				return
			}
			add(u, "9 2024-01-01 90")
			diff(t, "after a second append", got+" 9:90", all(t, u.OfflineUnderTest, u.view))
			if list := left(t, place); len(list) > 0 {
				t.Errorf("cut off at step %d, %v is left after a second append", step, list)
			}
		})
	seen.all(t, steps)
}
