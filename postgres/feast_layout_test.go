package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

func openFeastOnline(tb testing.TB, db *postgres.DB) *postgres.FeastOnline {
	tb.Helper()
	o, err := db.FeastOnline(3)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func TestFeastOnline(t *testing.T) {
	storetest.Online(t, func(t *testing.T) func() asof.OnlineStore {
		d := storetest.Postgres(t).Database(t)
		return func() asof.OnlineStore { return openFeastOnline(t, openDatabase(t, d, "")) }
	}, storetest.JoinedNames)
}

func TestFeastOnlineKill(t *testing.T) {
	storetest.OnlineKill(t,
		func(t *testing.T) string { return storetest.Postgres(t).Database(t).URL() },
		func(t *testing.T, place string) asof.OnlineStore {
			c, err := pgx.ParseConfig(place)
			if err != nil {
				t.Fatal(err)
			}
			return openFeastOnline(t, openDatabase(t, storetest.PostgresDatabase{Host: c.Host, Port: int(c.Port), User: c.User, Password: c.Password, Name: c.Database}, ""))
		})
}
