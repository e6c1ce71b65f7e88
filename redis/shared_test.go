package redis_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

// feastFilled is a store whose rows are there without a record: as Feast leaves
// them, and in a database where other programs and projects have keys.
func feastFilled(t *testing.T, version int, views ...*asof.FeatureView) (*storetest.RedisInstance, *redis.Online) {
	t.Helper()
	server := storetest.StartRedis(t, "")
	writer := open(t, redis.Config{Connection: server.Addr(), KeyVersion: version})
	update(t, writer, views...)
	for _, v := range views {
		put(t, writer, "shop", v, "1", "2")
	}
	server.Do("del", "asof:online:shop")
	server.Do("set", "cache:shop", "1")
	return server, open(t, redis.Config{Connection: server.Addr(), KeyVersion: version})
}

// TestFeastAloneHasApplied reads, writes and lists before any Update, and after
// one that names a single view.
func TestFeastAloneHasApplied(t *testing.T) {
	for _, version := range []int{2, 3} {
		fees, usage := view("fees", "user", "fee"), view("usage", "user", "hours")
		server, store := feastFilled(t, version, fees)
		reading := func(v *asof.FeatureView, feature string, want ...bool) {
			t.Helper()
			r := feeReading(t, "1", "3")
			r.View, r.Features = v, []string{feature}
			r.Keys = userKeys(t, version, "1", "3")
			if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil || !slices.Equal(r.Found, want) {
				t.Fatalf("view %s: found %v, %v; want %v", v.Name, r.Found, err, want)
			}
		}
		reading(fees, "fee", true, false)
		reading(usage, "hours", false, false)
		if n := server.Do("exists", "asof:online:shop"); n != "0" {
			t.Errorf("reading has written a record: %s", n)
		}
		put(t, store, "shop", usage, "3")
		reading(usage, "hours", false, true)
		n := 0
		if err := store.Keys(t.Context(), "shop", fees, func(keys [][]byte) error { n += len(keys); return nil }); err != nil || n != 2 {
			t.Errorf("%d keys, %v; want 2", n, err)
		}
		update(t, store, usage) // what Update has not seen is there all the same
		reading(fees, "fee", true, false)
		if version == 2 {
			continue // in which rows of an unknown view cannot be found
		}
		if err := store.Update(t.Context(), "shop", nil, []string{"fees"}); err != nil {
			t.Fatal(err)
		}
		reading(fees, "fee", false, false)
		reading(usage, "hours", false, true)
	}
}

// TestRowsOfAnotherProject are no sign of Feast.
func TestRowsOfAnotherProject(t *testing.T) {
	fees := view("fees", "user", "fee")
	_, store := feastFilled(t, 3, fees)
	r := feeReading(t, "1")
	err := store.Read(t.Context(), "hop", []*asof.Reading{r})
	if asof.ErrorCode(err) != asof.CodeNotFound {
		t.Fatalf("%v, want that the view is not known", err)
	}
}

// TestRowsAreLookedForOnce asks from many sides for a project that has no rows:
// one of them looks through the keys.
func TestRowsAreLookedForOnce(t *testing.T) {
	server := storetest.StartRedis(t, "")
	server.Do("eval", "for i = 1, 20000 do redis.call('set', 'cache:' .. i, 1) end", "0")
	looks := func(readers int) int {
		server.Do("config", "resetstat")
		store := open(t, redis.Config{Connection: server.Addr(), KeyVersion: 3})
		var group sync.WaitGroup
		for range readers {
			group.Go(func() {
				err := store.Read(t.Context(), "shop", []*asof.Reading{feeReading(t, "1")})
				if asof.ErrorCode(err) != asof.CodeNotFound {
					t.Errorf("%v, want that the view is not known", err)
				}
			})
		}
		group.Wait()
		_, calls, _ := strings.Cut(server.Do("info", "commandstats"), "cmdstat_scan:calls=")
		calls, _, _ = strings.Cut(calls, ",")
		n, err := strconv.Atoi(calls)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if one, many := looks(1), looks(20); one != many {
		t.Errorf("20 readers ask for keys %d times, and one reader %d times", many, one)
	}
}

func userKeys(tb testing.TB, version int, users ...string) (keys [][]byte) {
	tb.Helper()
	encoder, err := entitykey.NewEncoder(version, "user")
	if err != nil {
		tb.Fatal(err)
	}
	for _, user := range users {
		key, err := encoder.Append(nil, entitykey.String(user))
		if err != nil {
			tb.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}
