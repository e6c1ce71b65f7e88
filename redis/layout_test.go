package redis_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

// events are times of every length that a timestamp has in protobuf.
var events = rapid.OneOf(
	rapid.Int64Range(-62135596800_000_000, 253402300799_999_999), // years 1 to 9999
	rapid.Int64Range(-3, 3),
	rapid.Map(rapid.Int64Range(-10_000, 10_000), func(s int64) int64 { return s * 1_000_000 }),
	rapid.Map(rapid.IntRange(0, 62), func(bits int) int64 { return min(int64(1)<<bits, 253402300799_000_000) }),
)

func TestTimestampsAreProtobuf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := events.Draw(t, "us")
		want, err := proto.Marshal(timestamppb.New(time.UnixMicro(us)))
		if err != nil {
			t.Fatal(err)
		}
		got := redis.AppendTimestamp(nil, us)
		if string(got) != string(want) {
			t.Fatalf("%d is %x, protobuf writes %x", us, got, want)
		}
		if back, ok := redis.ParseTimestamp(got); !ok || back != us {
			t.Fatalf("%d reads back as %d (%v)", us, back, ok)
		}
		if _, ok := redis.ParseTimestamp(append(got, 0x1a)); ok {
			t.Fatal("a timestamp with another field behind it is read")
		}
	})
	if us, ok := redis.ParseTimestamp([]byte{0x10, 0xff, 0x07}); !ok || us != 1 {
		t.Errorf("1023 nanoseconds read as %d, %v", us, ok)
	}
}

// TestNewestWinsAtAnyTime writes two rows at any times: the script compares the
// bytes that Go and Feast write.
func TestNewestWinsAtAnyTime(t *testing.T) {
	store := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Connection()})
	update(t, store, feeView)
	user := 0
	rapid.Check(t, func(rt *rapid.T) {
		user++
		first, second := events.Draw(rt, "first"), events.Draw(rt, "second")
		for i, us := range []int64{first, second} {
			rows := fmt.Sprintf(`[{"user": "%d", "event_timestamp": %q, "fee": %d}]`, user, time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z"), i)
			if _, err := store.Write(t.Context(), "shop", feeView, batch(t, feeView, rows)); err != nil {
				rt.Fatal(err)
			}
		}
		r := feeReading(t, fmt.Sprint(user))
		if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
			rt.Fatal(err)
		}
		if want := max(first, second); r.Events[0] != want || (r.Value(0, 0)[1] == 1) != (second >= first) {
			rt.Fatalf("of %d and then %d the store holds %d", first, second, r.Events[0])
		}
	})
}

// TestManyFeatures writes rows wider than the stack of a script.
func TestManyFeatures(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr()})
	names := make([]string, 9000)
	for i := range names {
		names[i] = fmt.Sprint("feature_", i)
	}
	wide := view("wide", "user", names...)
	update(t, store, wide)
	put(t, store, "shop", wide, "1", "2", "3")
	key := string(feeReading(t, "2").Keys[0]) + "shop"
	if got := server.DoWith(key, "hlen"); got != "9001" {
		t.Errorf("a row has %s fields, want 9001", got)
	}
	if err := store.Update(t.Context(), "shop", []*asof.FeatureView{view("wide", "user", "feature_0")}, nil); err != nil {
		t.Fatal(err)
	}
	if got := server.DoWith(key, "hlen"); got != "2" {
		t.Errorf("a row has %s fields, want 2", got)
	}
	if err := store.Teardown(t.Context(), "shop", []string{"wide"}); err != nil || server.Do("dbsize") != "0" {
		t.Errorf("a teardown left %s keys: %v", server.Do("dbsize"), err)
	}
}

// TestLeastRights are those that the documentation names.
func TestLeastRights(t *testing.T) {
	server := storetest.StartRedis(t, "user server on >geheim ~*shop -@all +hget +hmget +hgetall\n"+
		"user loader on >geheim ~*shop -@all +hget +hmget +hgetall +hset +hdel +hkeys +hlen +hexists +del +expire +scan +role +eval +evalsha +script|load\n")
	loader := open(t, redis.Config{Connection: server.Addr() + ",username=loader,password=geheim", KeyTTL: time.Hour})
	whole := view("fees", "user", "fee", "old")
	update(t, loader, whole)
	put(t, loader, "shop", whole, "0", "1")
	update(t, loader, feeView)
	mustFees(t, loader, 2, 1)
	reader := open(t, redis.Config{Connection: server.Addr() + ",username=server,password=geheim"})
	if found, err := read(t, reader); !found || err != nil {
		t.Errorf("a user with the least rights reads %v, %v", found, err)
	}
	if err := loader.Teardown(t.Context(), "shop", []string{"fees"}); err != nil {
		t.Error(err)
	}
	fails(t, loader.Update(t.Context(), "another", []*asof.FeatureView{whole}, nil), asof.CodeForbidden, "*PROJECT")
}

// TestConnectionStrings are read as Feast reads them.
func TestConnectionStrings(t *testing.T) {
	for text, says := range map[string]string{
		"":                                 "",
		"localhost":                        "",
		"localhost:6379,password=a=b,db=0": "",
		"localhost:6379,password=null":     "",
		"db=0":                             "names no server",
		"localhost:port":                   "neither host:port",
		"localhost:99999":                  "neither host:port",
		"localhost:6379,db=one":            "the value of db",
		"localhost:6379,ssl=perhaps":       "the value of ssl",
		"localhost:6379,password=a,b:c":    "neither host:port",
	} {
		o, ignored, err := redis.OpenOnline(redis.Config{Connection: text, KeyVersion: 3})
		if says == "" && (err != nil || len(ignored) > 0) {
			t.Errorf("%q: %v, %v", text, ignored, err)
		}
		if says != "" {
			fails(t, err, asof.CodeInvalid, says)
			continue
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	_, ignored, err := redis.OpenOnline(redis.Config{Connection: "localhost,health_check_interval=3,wrong=1,max_connections=3,password=a,b", KeyVersion: 3})
	if err != nil || strings.Join(ignored, "; ") != "wrong; the servers after the first" {
		t.Errorf("%q, %v: want the parameter that is not known, and the second server", ignored, err)
	}
	for _, c := range []redis.Config{{Kind: "sentinel", KeyVersion: 3}, {KeyVersion: 1}, {KeyVersion: math.MaxInt}} {
		_, _, err := redis.OpenOnline(c)
		fails(t, err, asof.CodeInvalid, "")
	}
}
