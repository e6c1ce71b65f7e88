package redis_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

func view(name, key string, features ...string) *asof.FeatureView {
	v := &asof.FeatureView{Name: name, Online: true, Enabled: true, EntityColumns: []asof.Field{{Name: key, Type: asof.Scalar(asof.TypeString)}}}
	for _, f := range features {
		v.Features = append(v.Features, asof.Field{Name: f, Type: asof.Scalar(asof.TypeInt64)})
	}
	return v
}

// put writes the keys of a view in a project, every feature 1.
func put(t *testing.T, store *redis.Online, project string, v *asof.FeatureView, keys ...string) {
	t.Helper()
	var rows []string
	for _, key := range keys {
		row := fmt.Sprintf(`{%q: %q, "event_timestamp": "2024-01-31T00:00:00Z"`, v.EntityColumns[0].Name, key)
		for _, f := range v.Features {
			row += fmt.Sprintf(`, %q: 1`, f.Name)
		}
		rows = append(rows, row+"}")
	}
	if _, err := store.Write(t.Context(), project, v, batch(t, v, "["+strings.Join(rows, ",")+"]")); err != nil {
		t.Fatal(err)
	}
}

// hashes are the server's keys but for the records, by what they end in.
func hashes(server *storetest.RedisInstance, suffix string) int {
	n := 0
	for _, key := range strings.Split(server.Do("--scan", "--pattern", "*"+suffix), "\n") {
		if key != "" && !strings.HasPrefix(key, "asof:") && !strings.HasPrefix(key, `"asof:`) {
			n++
		}
	}
	return n
}

// TestRemovalTakesNothingElse has two projects of which one's name ends in the
// other's, entities of which one's name begins another's, and keys of others.
func TestRemovalTakesNothingElse(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr()})
	fees, usage, items := view("fees", "user", "fee", "old"), view("usage", "user", "hours"), view("items", "user_item", "n")
	for _, project := range []string{"shop", "workshop", "*shop", "[s]hop"} {
		if err := store.Update(t.Context(), project, []*asof.FeatureView{fees, usage, items}, nil); err != nil {
			t.Fatal(err)
		}
		put(t, store, project, fees, "1", "2", "shop")
		put(t, store, project, usage, "2", "3")
		put(t, store, project, items, "1")
	}
	server.Do("set", "theirs:shop", "x")
	server.Do("hset", "\x01hash of another:shop", "f", "v")
	before := hashes(server, "")

	// A feature goes: the rows stay.
	if err := store.Update(t.Context(), "shop", []*asof.FeatureView{view("fees", "user", "fee")}, nil); err != nil {
		t.Fatal(err)
	}
	r := feeReading(t, "1", "2", "3")
	r.View, r.Features = fees, []string{"old", "fee"}
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Found, []bool{true, true, false}) || len(r.Value(0, 0)) != 0 || len(r.Value(0, 1)) != 0 || len(r.Value(1, 1)) == 0 {
		t.Errorf("without a feature: %v, %x", r.Found, r.Buf)
	}
	// A view goes: hashes that another view has rows in stay.
	if err := store.Update(t.Context(), "shop", nil, []string{"fees"}); err != nil {
		t.Fatal(err)
	}
	if got := hashes(server, ""); got != before-2 {
		t.Errorf("%d hashes are left of %d, want two fewer", got, before)
	}
	r.View, r.Features = usage, []string{"hours"}
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil || !slices.Equal(r.Found, []bool{false, true, true}) {
		t.Errorf("the other view: %v, %v", r.Found, err)
	}
	if err := store.Teardown(t.Context(), "shop", []string{"fees", "usage", "items", "never"}); err != nil {
		t.Fatal(err)
	}
	if got := hashes(server, ""); got != before-5 {
		t.Errorf("%d hashes are left of %d, want those of the other projects and of others", got, before)
	}
	if got := server.Do("exists", "asof:online:shop", "asof:online:workshop"); got != "1" {
		t.Errorf("%s records are there, want that of workshop alone", got)
	}
}

// TestUpdateGoesOn ends an Update half way, and runs another.
func TestUpdateGoesOn(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr()})
	var keys []string
	for i := range 30_000 {
		keys = append(keys, fmt.Sprint(i))
	}
	whole, less := view("fees", "user", "fee", "old"), view("fees", "user", "fee")
	update(t, store, whole)
	put(t, store, "shop", whole, keys...)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
	defer cancel()
	if err := store.Update(ctx, "shop", []*asof.FeatureView{less}, nil); err == nil {
		t.Fatal("an Update ended in no time: nothing is shown")
	}
	// The feature is back before the values have gone: they go first.
	update(t, store, whole)
	r := feeReading(t, keys...)
	r.View, r.Features = whole, []string{"old", "fee"}
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	for i := range keys {
		if len(r.Value(0, i)) != 0 || len(r.Value(1, i)) != 2 {
			t.Fatalf("key %d: the feature that was removed is %x, the other one %x", i, r.Value(0, i), r.Value(1, i))
		}
	}
	put(t, store, "shop", whole, "1")
}

// TestFeastsRowsOfUnknownViews drops a view that Feast filled and Update never
// saw: it is not served when it comes.
func TestFeastsRowsOfUnknownViews(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr()})
	fees, usage := view("fees", "user", "fee"), view("usage", "user", "hours")
	update(t, store, fees, usage)
	put(t, store, "shop", fees, "1", "2")
	put(t, store, "shop", usage, "2")
	server.Do("del", "asof:online:shop") // as if Feast had written it all
	if err := store.Update(t.Context(), "shop", []*asof.FeatureView{usage}, []string{"fees"}); err != nil {
		t.Fatal(err)
	}
	update(t, store, fees, usage)
	r := feeReading(t, "1", "2")
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil || r.Found[0] || r.Found[1] {
		t.Errorf("%v, %v: want no rows", r.Found, err)
	}
	if got := hashes(server, ""); got != 1 {
		t.Errorf("%d hashes are left, want that of the other view", got)
	}
}

func TestKeepsRemoved(t *testing.T) {
	store := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Connection(), KeepsRemoved: true})
	whole := view("fees", "user", "fee", "old")
	update(t, store, whole)
	put(t, store, "shop", whole, "1")
	update(t, store, view("fees", "user", "fee"))
	update(t, store, whole)
	r := feeReading(t, "1")
	r.View, r.Features = whole, []string{"old"}
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil || len(r.Value(0, 0)) == 0 {
		t.Errorf("full_scan_for_deletion: false removed a value: %v", err)
	}
	if err := store.Teardown(t.Context(), "shop", []string{"fees"}); err != nil {
		t.Fatal(err)
	}
	update(t, store, whole)
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil || r.Found[0] {
		t.Errorf("a teardown left a row: %v", err)
	}
}

func TestKeysExpire(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr(), KeyTTL: 100 * time.Second})
	update(t, store, feeView)
	mustFees(t, store, 2, 1)
	key := string(feeReading(t, "1").Keys[0]) + "shop"
	if got := server.DoWith(key, "ttl"); got != "100" && got != "99" {
		t.Errorf("the key lives for %s seconds, want 100", got)
	}
	server.DoWith(key, "expire", "5")
	mustFees(t, store, 2, 1) // the same again
	if got := server.DoWith(key, "ttl"); got != "100" && got != "99" {
		t.Errorf("the key lives for %s seconds after another write, want 100", got)
	}
	if got := server.Do("ttl", "asof:online:shop"); got != "-1" {
		t.Errorf("the record lives for %s seconds, want for ever", got)
	}
}

// TestCollision has two features to which Feast's layout gives one field.
func TestCollision(t *testing.T) {
	a, b := redis.Colliding("fees")
	store := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Connection()})
	err := store.Update(t.Context(), "shop", []*asof.FeatureView{view("fees", "user", a, b)}, nil)
	fails(t, err, asof.CodeInvalid, "rename one of them")
	if !strings.Contains(err.Error(), "fees:"+a) || !strings.Contains(err.Error(), "fees:"+b) {
		t.Errorf("%v does not name %s and %s", err, a, b)
	}
	update(t, store, view("fees", "user", a))
	update(t, store, view("other", "item", b)) // another entity, another hash
	put(t, store, "shop", view("fees", "user", a), "1")
}

// TestWideViews reads hashes of many fields: some of them, and all at once.
func TestWideViews(t *testing.T) {
	store := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Connection()})
	var names []string
	for i := range 250 {
		names = append(names, fmt.Sprintf("f%03d", i))
	}
	wide, narrow := view("wide", "user", names...), view("narrow", "user", "x")
	update(t, store, wide, narrow)
	put(t, store, "shop", wide, "1", "2")
	put(t, store, "shop", narrow, "2", "3")
	for _, n := range []int{1, 39, 100, 249, 250} {
		w, x := feeReading(t, "1", "2", "3"), feeReading(t, "1", "2", "3")
		w.View, w.Features, x.View, x.Features = wide, slices.Clone(names[250-n:]), narrow, []string{"x"}
		slices.Reverse(w.Features)
		for range 2 { // the record is known the second time, which may choose another way
			if err := store.Read(t.Context(), "shop", []*asof.Reading{w, x}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(w.Found, []bool{true, true, false}) || !slices.Equal(x.Found, []bool{false, true, true}) {
				t.Fatalf("%d features: found %v and %v", n, w.Found, x.Found)
			}
			for c := range w.Features {
				if len(w.Value(c, 0)) == 0 || len(w.Value(c, 1)) == 0 || len(w.Value(c, 2)) != 0 {
					t.Fatalf("%d features: %s is %x", n, w.Features[c], w.Buf)
				}
			}
		}
	}
	whole := feeReading(t, "2")
	whole.View, whole.Features = wide, append(slices.Clone(names), names[:3]...) // a feature twice
	if err := store.Read(t.Context(), "shop", []*asof.Reading{whole, whole}); err != nil || len(whole.Value(252, 0)) == 0 {
		t.Errorf("a feature that is asked for twice: %v", err)
	}
}
