package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

// PostgreSQL plans a statement anew each time while it takes what it knows of the
// parameters for an advantage. Reads give it none, whatever the number of keys.
func TestOnlineReadsAreNotPlannedAgain(t *testing.T) {
	db := openDatabase(t, storetest.Postgres(t).Database(t), "")
	for name, store := range map[string]asof.OnlineStore{"our layout": openOnline(t, db), "Feast's layout": openFeastOnline(t, db)} {
		t.Run(name, func(t *testing.T) { readAgain(t, db, store) })
	}
}

func readAgain(t *testing.T, db *postgres.DB, store asof.OnlineStore) {
	if err := store.Update(t.Context(), "p", []*asof.FeatureView{onlineView}, nil); err != nil {
		t.Fatal(err)
	}
	event := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := store.Write(t.Context(), "p", onlineView, numbered(t, 1, 5000, event)); err != nil {
		t.Fatal(err)
	}
	many := make([]int64, 200)
	for i := range many {
		many[i] = int64(5000 - 7*i)
	}
	const reads = 20
	for _, ids := range [][]int64{{4, 2, 9000}, many} {
		planned := func(of *pgxpool.Pool) (n int) {
			const text = "SELECT coalesce(sum(custom_plans), 0) FROM pg_prepared_statements WHERE statement LIKE '%entity_key = %'"
			if err := of.QueryRow(t.Context(), text).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := planned(db.Pool())
		r := &asof.Reading{View: onlineView, Features: []string{"x"}, Keys: onlineKeys(t, ids...)}
		for range reads {
			if err := store.Read(t.Context(), "p", []*asof.Reading{r}); err != nil {
				t.Fatal(err)
			}
			for i, id := range ids {
				if r.Found[i] != (id <= 5000) {
					t.Fatalf("key %d: found %v", id, r.Found[i])
				}
			}
		}
		if after := planned(db.Pool()); after-before > 5 {
			t.Errorf("%d keys: %d of %d reads were planned", len(ids), after-before, reads)
		}
		if n := db.Pool().Stat().TotalConns(); n != 1 {
			t.Errorf("there are %d connections: some of the reads may not be counted", n)
		}
	}
}
