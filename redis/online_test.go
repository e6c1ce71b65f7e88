package redis_test

import (
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/redis"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// open opens a store that the test closes.
func open(tb testing.TB, config redis.Config) *redis.Online {
	tb.Helper()
	if config.KeyVersion == 0 {
		config.KeyVersion = 3
	}
	o, ignored, err := redis.OpenOnline(config)
	if err != nil || len(ignored) > 0 {
		tb.Fatal(err, ignored)
	}
	tb.Cleanup(func() {
		if err := o.Close(); err != nil {
			tb.Error(err)
		}
	})
	return o
}

func TestOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		d := storetest.Redis(t).Database(t)
		return func() asof.OnlineStore { return open(t, redis.Config{Connection: d.Connection()}) }
	}, storetest.LastWins, storetest.RowByRow)
}

func TestOnlineOnCluster(t *testing.T) {
	nodes := storetest.StartRedisCluster(t)
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		for _, node := range nodes {
			node.Do("flushall")
		}
		return func() asof.OnlineStore {
			return open(t, redis.Config{Connection: nodes[0].Addr() + "," + nodes[1].Addr(), Kind: redis.Cluster})
		}
	}, storetest.LastWins, storetest.RowByRow)
}

func TestOnlineKill(t *testing.T) {
	storetest.OnlineKill(t,
		func(t *testing.T) string { return storetest.Redis(t).Database(t).Connection() },
		func(t *testing.T, place string) asof.OnlineStore { return open(t, redis.Config{Connection: place}) },
		storetest.RowByRow)
}

func BenchmarkOnline(b *testing.B) {
	storetest.OnlineBenchmark(b, func(b *testing.B) asof.OnlineStore {
		return open(b, redis.Config{Connection: storetest.Redis(b).Database(b).Connection()})
	})
}
