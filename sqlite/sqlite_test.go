package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqlite"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func TestOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		path := filepath.Join(t.TempDir(), "new folder %20?#", "online.db")
		return func() asof.OnlineStore { return openOnline(t, path) }
	})
}

func TestLedger(t *testing.T) {
	storetest.Ledger(t, func(t *testing.T) func() asof.Ledger {
		path := filepath.Join(t.TempDir(), "asof.db")
		return func() asof.Ledger {
			l, err := sqlite.OpenLedger(path)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
	})
}

func TestOnlineKill(t *testing.T) {
	storetest.OnlineKill(t,
		func(t *testing.T) string { return filepath.Join(t.TempDir(), "online.db") },
		func(t *testing.T, place string) asof.OnlineStore { return openOnline(t, place) })
}

func BenchmarkOnline(b *testing.B) {
	storetest.OnlineBenchmark(b, func(b *testing.B) asof.OnlineStore {
		return openOnline(b, filepath.Join(b.TempDir(), "online.db"))
	})
}

func openOnline(tb testing.TB, path string) *sqlite.Online {
	tb.Helper()
	o, err := sqlite.OpenOnline(path, 3)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}
