package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

// openDatabase opens a database of storetest in one of its schemas.
func openDatabase(tb testing.TB, d storetest.PostgresDatabase, schema string) *postgres.DB {
	tb.Helper()
	db, err := postgres.Open(tb.Context(), postgres.Config{Host: d.Host, Port: d.Port, Database: d.Name, User: d.User, Password: d.Password, Schema: schema})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func openOnline(tb testing.TB, db *postgres.DB) *postgres.Online {
	tb.Helper()
	o, err := db.Online(3)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func TestOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		d := storetest.Postgres(t).Database(t)
		return func() asof.OnlineStore { return openOnline(t, openDatabase(t, d, "")) }
	})
}

func TestOnlineKill(t *testing.T) {
	storetest.OnlineKill(t,
		func(t *testing.T) string { return storetest.Postgres(t).Database(t).URL() },
		func(t *testing.T, place string) asof.OnlineStore {
			c, err := pgx.ParseConfig(place)
			if err != nil {
				t.Fatal(err)
			}
			return openOnline(t, openDatabase(t, storetest.PostgresDatabase{Host: c.Host, Port: int(c.Port), User: c.User, Password: c.Password, Name: c.Database}, ""))
		})
}

func BenchmarkOnline(b *testing.B) {
	storetest.OnlineBenchmark(b, func(b *testing.B) asof.OnlineStore {
		return openOnline(b, openDatabase(b, storetest.Postgres(b).Database(b), ""))
	})
}

func TestLedger(t *testing.T) {
	storetest.Ledger(t, func(t *testing.T) func() asof.Ledger {
		d := storetest.Postgres(t).Database(t)
		return func() asof.Ledger { return openDatabase(t, d, "").Ledger() }
	})
}

// A ledger of an earlier version gets its indexes with the next run.
func TestLedgerOfAnEarlierVersion(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	enter := func() *postgres.DB {
		t.Helper()
		db := openDatabase(t, d, "")
		if _, err := db.Ledger().Begin(t.Context(), asof.Materialization{Project: "p", View: "v"}); err != nil {
			t.Fatal(err)
		}
		return db
	}
	if _, err := enter().Pool().Exec(t.Context(), "DROP INDEX asof_ledger_entry, asof_ledger_newest, asof_ledger_unfinished"); err != nil {
		t.Fatal(err)
	}
	var indexes int
	if err := enter().Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_indexes WHERE tablename = 'asof_ledger' AND indexname <> 'asof_ledger_pkey'").Scan(&indexes); err != nil || indexes != 3 {
		t.Errorf("%d indexes, %v; want 3", indexes, err)
	}
}
