package redis_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

var feeView = &asof.FeatureView{Name: "fees", Online: true, Enabled: true, EntityColumns: []asof.Field{{Name: "user", Type: asof.Scalar(asof.TypeString)}},
	Features: []asof.Field{{Name: "fee", Type: asof.Scalar(asof.TypeInt64)}}}

func feeReading(tb testing.TB, users ...string) *asof.Reading {
	tb.Helper()
	return &asof.Reading{View: feeView, Features: []string{"fee"}, Keys: userKeys(tb, 3, users...)}
}

func update(t *testing.T, store *redis.Online, views ...*asof.FeatureView) {
	t.Helper()
	if err := store.Update(t.Context(), "shop", views, nil); err != nil {
		t.Fatal(err)
	}
}

// writeFees writes n users with the fee.
func writeFees(t *testing.T, store *redis.Online, n, fee int) error {
	t.Helper()
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"user": "%d", "event_timestamp": "2024-01-31T00:00:00Z", "fee": %d}`, i, fee)
	}
	_, err := store.Write(t.Context(), "shop", feeView, batch(t, feeView, "["+strings.Join(rows, ",")+"]"))
	return err
}

func mustFees(t *testing.T, store *redis.Online, n, fee int) {
	t.Helper()
	if err := writeFees(t, store, n, fee); err != nil {
		t.Fatal(err)
	}
}

// bound is how long anything may take on a machine that has other work to do:
// tests hold that there is an end, not how soon it comes.
const bound = 15 * time.Second

// read reads user 0, with a bound.
func read(t *testing.T, store *redis.Online) (found bool, err error) {
	t.Helper()
	return readWithin(t, store, bound)
}

func readWithin(t *testing.T, store *redis.Online, limit time.Duration) (found bool, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	r := feeReading(t, "0")
	err = store.Read(ctx, "shop", []*asof.Reading{r})
	return r.Found[0], err
}

// fails checks an error's code and words, and that it holds no password.
func fails(t *testing.T, err error, code asof.Code, says string) {
	t.Helper()
	if err == nil || asof.ErrorCode(err) != code || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "geheim") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v (%s), want %s that says %q", err, asof.ErrorCode(err), code, says)
	}
}

// TestServerComesAndGoes starts before the server does, and sees it stop, hang
// and come back.
func TestServerComesAndGoes(t *testing.T) {
	server := storetest.StartRedis(t, "")
	server.Stop()
	store := open(t, redis.Config{Connection: server.Addr()})
	_, err := read(t, store)
	fails(t, err, asof.CodeUnavailable, "refused")

	server.Start()
	update(t, store, feeView)
	mustFees(t, store, 10, 1)
	if found, err := read(t, store); !found || err != nil {
		t.Fatal(found, err)
	}
	server.Stop()
	for range 3 {
		started := time.Now()
		_, err = read(t, store)
		fails(t, err, asof.CodeUnavailable, server.Addr())
		if took := time.Since(started); took > bound {
			t.Errorf("it took %s to see that the server is down", took)
		}
	}
	fails(t, writeFees(t, store, 10, 1), asof.CodeUnavailable, server.Addr())

	// The server is back, and empty: it says so, rather than that there are no
	// features; and its scripts are gone.
	server.Start()
	_, err = read(t, store)
	fails(t, err, asof.CodeNotFound, "asof apply")
	update(t, store, feeView)
	mustFees(t, store, 10, 2)
	if found, err := read(t, store); !found || err != nil {
		t.Fatal(found, err)
	}

	server.Pause()
	started := time.Now()
	_, err = readWithin(t, store, time.Second)
	took := time.Since(started)
	server.Resume()
	fails(t, err, asof.CodeUnavailable, "too long")
	if took > bound {
		t.Errorf("it took %s to give up on a server that hangs", took)
	}
	if found, err := read(t, store); !found || err != nil {
		t.Errorf("after a pause: %v, %v", found, err)
	}
}

func TestServerWithoutAnAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, kind := range []redis.Kind{redis.Single, redis.Cluster, redis.Sentinel} {
		store := open(t, redis.Config{Connection: silent.Addr().String() + ",password=geheim", Kind: kind})
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		started := time.Now()
		err = store.Read(ctx, "shop", []*asof.Reading{feeReading(t, "0")})
		cancel()
		fails(t, err, asof.CodeUnavailable, "too long")
		if took := time.Since(started); took > bound {
			t.Errorf("%s: it took %s to give up", kind, took)
		}
	}
}

func TestServerThatRefuses(t *testing.T) {
	server := storetest.StartRedis(t, "requirepass right\nuser reader on >geheim2 ~* +@all -@write -@scripting\nreplica-read-only yes\n")
	for connection, says := range map[string]string{
		server.Addr():                                       "asks for a password",
		server.Addr() + ",password=geheim":                  "refuses the login",
		server.Addr() + ",username=nobody,password=geheim":  "refuses the login",
		server.Addr() + ",username=reader,password=geheim9": "refuses the login",
	} {
		_, err := read(t, open(t, redis.Config{Connection: connection}))
		fails(t, err, asof.CodeUnauthenticated, says)
	}
	store := open(t, redis.Config{Connection: server.Addr() + ",password=right"})
	update(t, store, feeView)
	mustFees(t, store, 100, 1)
	reader := open(t, redis.Config{Connection: server.Addr() + ",username=reader,password=geheim2"})
	if found, err := read(t, reader); !found || err != nil {
		t.Errorf("a user who may read: %v, %v", found, err)
	}
	fails(t, writeFees(t, reader, 1, 1), asof.CodeForbidden, "evalsha")

	auth := []string{"--no-auth-warning", "-a", "right"}
	set := func(args ...string) { server.Do(append(auth, append([]string{"config", "set"}, args...)...)...) }
	set("maxmemory", "1")
	fails(t, writeFees(t, store, 100, 2), asof.CodeUnavailable, "is full; raise its maxmemory")
	if found, err := read(t, store); !found || err != nil {
		t.Errorf("reading from a server that is full: %v, %v", found, err)
	}
	set("maxmemory", "0")
	mustFees(t, store, 100, 2)

	server.Do(append(auth, "replicaof", "127.0.0.1", "1")...)
	fails(t, writeFees(t, store, 1, 3), asof.CodeUnavailable, "is a replica")
	server.Do(append(auth, "replicaof", "no", "one")...)
	mustFees(t, store, 1, 3)
}

// TestForeignKeys puts things at keys of ours.
func TestForeignKeys(t *testing.T) {
	server := storetest.StartRedis(t, "")
	store := open(t, redis.Config{Connection: server.Addr()})
	update(t, store, feeView)
	mustFees(t, store, 3, 1)
	key := string(feeReading(t, "1").Keys[0]) + "shop"
	put := func(commands ...[]string) {
		for _, c := range commands {
			server.DoWith(key, c...)
		}
	}
	put([]string{"del"}, []string{"set", "text"})
	err := store.Read(t.Context(), "shop", []*asof.Reading{feeReading(t, "0", "1", "2")})
	fails(t, err, asof.CodeInvalid, "not a hash of features")
	fails(t, writeFees(t, store, 3, 2), asof.CodeInvalid, "not a hash of features")
	// What is no hash is not in the way of an Update, and stays.
	if err := store.Update(t.Context(), "shop", nil, []string{"fees"}); err != nil {
		t.Error(err)
	}
	if got := server.Do("dbsize"); got != "1" {
		t.Errorf("%s keys are left, want the foreign one", got)
	}
	put([]string{"del"})
	update(t, store, feeView)
	mustFees(t, store, 3, 3)

	// A time that cannot be read is told, and a write mends it.
	put([]string{"hset", "_ts:fees", "damaged"})
	err = store.Read(t.Context(), "shop", []*asof.Reading{feeReading(t, "1")})
	fails(t, err, asof.CodeInternal, "materialize the view again")
	mustFees(t, store, 3, 4)
	if err := store.Read(t.Context(), "shop", []*asof.Reading{feeReading(t, "1")}); err != nil {
		t.Error(err)
	}
	server.Do("set", "asof:online:other", "text")
	fails(t, store.Update(t.Context(), "other", []*asof.FeatureView{feeView}, nil), asof.CodeInvalid, "asof:online:other")
}
