package redis_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

func TestTLS(t *testing.T) {
	server, files := storetest.StartRedisTLS(t)
	host := fmt.Sprintf("localhost:%d,ssl=true", server.Port)
	numeric := fmt.Sprintf("127.0.0.1:%d,ssl=true", server.Port)
	authority := ",ssl_ca_certs=" + files.Authority
	for connection, works := range map[string]bool{
		host + authority:                                  true,
		host + ",ssl_cert_reqs=none":                      true,
		numeric + ",ssl_check_hostname=false" + authority: true,
		host + ",ssl_ca_certs=" + filepath.Base(files.Authority) + ",ssl_certfile=server.pem,ssl_keyfile=server.key": true,
		host:                                     false,
		numeric + authority:                      false,
		numeric + ",ssl_check_hostname=false":    false,
		fmt.Sprintf("localhost:%d", server.Port): false,
	} {
		store := open(t, redis.Config{Connection: connection, Dir: filepath.Dir(files.Authority)})
		_, err := read(t, store)
		if works {
			fails(t, err, asof.CodeNotFound, "asof apply")
		} else {
			fails(t, err, asof.CodeUnavailable, "does not answer")
		}
	}
	for _, wrong := range []string{",ssl_ca_certs=nowhere.pem", ",ssl_ca_certs=server.key", ",ssl_certfile=server.pem", ",ssl_ciphers=X"} {
		_, _, err := redis.OpenOnline(redis.Config{Connection: host + wrong, Dir: filepath.Dir(files.Authority), KeyVersion: 3})
		fails(t, err, asof.CodeInvalid, "connection_string: ssl_")
	}
}

// TestSentinel fails over from the master to the replica.
func TestSentinel(t *testing.T) {
	s := storetest.StartRedisSentinel(t, "geheim")
	store := open(t, redis.Config{Connection: s.Sentinel.Addr() + ",password=geheim", Kind: redis.Sentinel, Master: storetest.SentinelMaster})
	update(t, store, feeView)
	mustFees(t, store, 50, 1)
	unknown := open(t, redis.Config{Connection: s.Sentinel.Addr() + ",password=geheim", Kind: redis.Sentinel, Master: "another"})
	_, err := read(t, unknown)
	fails(t, err, asof.CodeInvalid, "sentinel_master")

	s.Master.Stop()
	deadline := time.Now().Add(30 * time.Second)
	for writeFees(t, store, 50, 2) != nil {
		if time.Now().After(deadline) {
			t.Fatalf("no write since the master stopped: %v", writeFees(t, store, 50, 2))
		}
		time.Sleep(50 * time.Millisecond)
	}
	if found, err := read(t, store); !found || err != nil {
		t.Errorf("after the failover: %v, %v", found, err)
	}
	if got := s.Replica.Do("--no-auth-warning", "-a", "geheim", "dbsize"); got != "51" {
		t.Errorf("the new master has %s keys, want 50 and the record", got)
	}
}

// TestClusterMoves moves all slots of a node away while the store knows the old
// place of them, and scans all nodes.
func TestClusterMoves(t *testing.T) {
	nodes := storetest.StartRedisCluster(t)
	store := open(t, redis.Config{Connection: nodes[0].Addr(), Kind: redis.Cluster})
	update(t, store, feeView)
	mustFees(t, store, 300, 1)
	for _, node := range nodes {
		if got := node.Do("dbsize"); got == "0" {
			t.Error("a node of the cluster holds no key")
		}
	}
	id := func(n *storetest.RedisInstance) string { return n.Do("cluster", "myid") }
	nodes[0].Do("--cluster", "reshard", nodes[0].Addr(), "--cluster-from", id(nodes[0]), "--cluster-to", id(nodes[1]), "--cluster-slots", "5461", "--cluster-yes")
	mustFees(t, store, 300, 2)
	var users []string
	for i := range 300 {
		users = append(users, fmt.Sprint(i))
	}
	r := feeReading(t, users...)
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	for i, found := range r.Found {
		if !found || r.Value(0, i)[1] != 2 {
			t.Fatalf("user %d after slots moved: %v %v", i, found, r.Value(0, i))
		}
	}
	if err := store.Teardown(t.Context(), "shop", []string{"fees"}); err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		if got := node.Do("dbsize"); got != "0" {
			t.Errorf("a node of the cluster still holds %s keys", got)
		}
	}
	_, _, err := redis.OpenOnline(redis.Config{Connection: nodes[0].Addr() + ",db=1", Kind: redis.Cluster, KeyVersion: 3})
	fails(t, err, asof.CodeInvalid, "no db 1")
	single := open(t, redis.Config{Connection: nodes[0].Addr()})
	fails(t, single.Update(t.Context(), "shop", []*asof.FeatureView{feeView}, nil), asof.CodeInvalid, "redis_cluster")
	none := open(t, redis.Config{Connection: storetest.Redis(t).Database(t).Addr(), Kind: redis.Cluster})
	_, err = read(t, none)
	fails(t, err, asof.CodeUnauthenticated, "password")
}

// TestClusterAsks reads while a slot moves: of its keys some are still at the
// old server, and others already at the new one, which has to be asked in a
// special way.
func TestClusterAsks(t *testing.T) {
	nodes := storetest.StartRedisCluster(t)
	store := open(t, redis.Config{Connection: nodes[0].Addr(), Kind: redis.Cluster})
	update(t, store, feeView)
	mustFees(t, store, 100, 7)
	r := feeReading(t, manyUsers(100)...)
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	key := string(r.Keys[42]) + "shop"
	slot := fmt.Sprint(redis.Slot([]byte(key)))
	from, to := -1, 0
	for i, node := range nodes {
		if node.Do("cluster", "countkeysinslot", slot) != "0" {
			from, to = i, (i+1)%3
		}
	}
	id := func(n *storetest.RedisInstance) string { return n.Do("cluster", "myid") }
	nodes[to].Do("cluster", "setslot", slot, "importing", id(nodes[from]))
	nodes[from].Do("cluster", "setslot", slot, "migrating", id(nodes[to]))
	nodes[from].DoWith("127.0.0.1", "migrate", fmt.Sprint(nodes[to].Port), fmt.Sprintf("%q", key), "0", "5000")
	if got := nodes[to].Do("cluster", "countkeysinslot", slot); got == "0" {
		t.Fatal("the key has not moved")
	}
	for range 3 {
		if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
			t.Fatal(err)
		}
		if err := hasFees(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClusterLosesAServer holds that what a server that stopped had is not
// taken for missing.
func TestClusterLosesAServer(t *testing.T) {
	nodes := storetest.StartRedisCluster(t)
	store := open(t, redis.Config{Connection: nodes[0].Addr() + "," + nodes[1].Addr(), Kind: redis.Cluster})
	update(t, store, feeView)
	mustFees(t, store, 100, 7)
	r := feeReading(t, manyUsers(100)...)
	if err := store.Read(t.Context(), "shop", []*asof.Reading{r}); err != nil {
		t.Fatal(err)
	}
	nodes[2].Stop()
	fails(t, store.Read(t.Context(), "shop", []*asof.Reading{r}), asof.CodeUnavailable, "Redis at")
}

// TestClusterWithoutASlot starts while no server has a slot, and sees that one
// has it again.
func TestClusterWithoutASlot(t *testing.T) {
	nodes := storetest.StartRedisCluster(t)
	config := redis.Config{Connection: nodes[0].Addr(), Kind: redis.Cluster}
	writer := open(t, config)
	update(t, writer, feeView)
	mustFees(t, writer, 100, 7)
	r := feeReading(t, manyUsers(100)...)
	slot := fmt.Sprint(redis.Slot([]byte(string(r.Keys[42]) + "shop")))
	owner := 0
	for i, node := range nodes {
		if node.Do("cluster", "countkeysinslot", slot) != "0" {
			owner = i
		}
	}
	for _, node := range nodes {
		node.Do("cluster", "delslots", slot)
	}
	store := open(t, config)
	fails(t, store.Read(t.Context(), "shop", []*asof.Reading{r}), asof.CodeUnavailable, "CLUSTERDOWN")
	nodes[owner].Do("cluster", "addslots", slot)
	for end := time.Now().Add(2 * bound); ; time.Sleep(20 * time.Millisecond) {
		err := store.Read(t.Context(), "shop", []*asof.Reading{r})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if err := hasFees(r); err != nil {
		t.Error(err)
	}
}

// TestSlot compares the slots of keys with those of the client.
func TestSlot(t *testing.T) {
	store := bareClient(t, storetest.Redis(t).Database(t))
	keys := []string{"", "123456789", "{user}.a", "foo{}{bar}", "foo{{bar}}zap", "foo{bar}{zap}", "a{b", "}{a}", "日本"}
	for i := range 256 {
		keys = append(keys, string([]byte{byte(i), byte(i * 7), '{', byte(i * 31), '}', byte(i)}), strings.Repeat(string(rune(i)), i))
	}
	for _, key := range keys {
		command := store.B().Get().Key(key).Build()
		if got, want := redis.Slot([]byte(key)), command.Slot()%16384; got != want {
			t.Errorf("slot of %.40q: %d, want %d", key, got, want)
		}
	}
}
