package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// warehouseModel is what a warehouse holds, said as plainly as can be.
type warehouseModel struct {
	loaded    time.Time                       // the newest month of the live tables
	users     map[string]string               // has_family by user
	usage     map[string][2]string            // hours, devices by user
	snapshots map[string]map[string][2]string // by day, then user
	dropped   map[string]map[string]bool      // users by day
}

// testRandomMonths publishes months at random and compares tables, counts and
// dropped keys with the model after each.
func testRandomMonths(t *testing.T, w WarehouseUnderTest) {
	const seed = 7
	random := rand.New(rand.NewPCG(seed, 0))
	model := &warehouseModel{users: map[string]string{}, usage: map[string][2]string{},
		snapshots: map[string]map[string][2]string{}, dropped: map[string]map[string]bool{}}
	for i := range 25 {
		m := randomMonth(random)
		done := publishMonth(t, w, fmt.Sprint("r", i), m)
		want, dropped := model.publish(m)
		diff(t, "counts", want, counted(done.Tables))
		if got := droppedOf(t, done, "usage_snapshots"); !slices.Equal(got, dropped) {
			t.Errorf("dropped = %v, want %v", got, dropped)
		}
		diff(t, "tables", model.state(), state(t, w))
		if t.Failed() {
			t.Fatalf("publication %d of seed %d", i, seed)
		}
	}
}

// randomMonth makes a month of up to five users, with few values, so that
// months often agree.
func randomMonth(random *rand.Rand) month {
	m := month{asOf: january.AddDate(0, 0, random.IntN(3))}
	for _, user := range []string{"a", "b", "c", "d", "e"} {
		if random.IntN(4) == 0 {
			continue
		}
		m.users = append(m.users, []string{user, []string{"true", "false", "∅"}[random.IntN(3)]})
		if random.IntN(3) > 0 {
			m.usage = append(m.usage, []string{user, []string{"1.00", "2.50", "∅"}[random.IntN(3)], []string{"1", "∅"}[random.IntN(2)]})
		}
	}
	return m
}

// publish changes the model and returns the counts and dropped keys that a
// warehouse has to answer.
func (w *warehouseModel) publish(m month) ([]asof.TableChange, []string) {
	users := asof.TableChange{Table: "users", Skipped: "yes"}
	usage := asof.TableChange{Table: "usage", Skipped: "yes"}
	fresh := map[string]string{}
	for _, r := range m.users {
		fresh[r[0]] = r[1]
	}
	rows := map[string][2]string{}
	for _, r := range m.usage {
		rows[r[0]] = [2]string{r[1], r[2]}
	}
	if !m.asOf.Before(w.loaded) {
		w.loaded = m.asOf
		users = upserted("users", w.users, fresh)
		usage = upserted("usage", w.usage, rows)
	}
	day := m.asOf.Format(time.DateOnly)
	if w.snapshots[day] == nil {
		w.snapshots[day], w.dropped[day] = map[string][2]string{}, map[string]bool{}
	}
	present := w.snapshots[day]
	snapshot := upserted("usage_snapshots", present, rows)
	for user := range present {
		if _, stays := rows[user]; !stays {
			snapshot.Removed++
			w.dropped[day][user] = true
			delete(present, user)
		}
	}
	for user := range rows {
		delete(w.dropped[day], user)
	}
	return []asof.TableChange{users, usage, snapshot}, slices.Sorted(maps.Keys(w.dropped[day]))
}

// upserted writes rows into a table and counts.
func upserted[R comparable](name string, table, rows map[string]R) asof.TableChange {
	c := asof.TableChange{Table: name, Rows: int64(len(rows))}
	for key, row := range rows {
		switch old, there := table[key]; {
		case !there:
			c.Added++
		case old != row:
			c.Changed++
		default:
			c.Equal++
		}
		table[key] = row
	}
	return c
}

// state returns the model as the suite reads a warehouse.
func (w *warehouseModel) state() [][]string {
	var all [][]string
	for _, user := range slices.Sorted(maps.Keys(w.users)) {
		all = append(all, []string{"users", user, w.users[user]})
	}
	for _, user := range slices.Sorted(maps.Keys(w.usage)) {
		all = append(all, []string{"usage", user, w.usage[user][0], w.usage[user][1]})
	}
	for _, day := range slices.Sorted(maps.Keys(w.snapshots)) {
		for _, user := range slices.Sorted(maps.Keys(w.snapshots[day])) {
			row := w.snapshots[day][user]
			all = append(all, []string{"snapshot", day, user, row[0], row[1]})
		}
	}
	return all
}
