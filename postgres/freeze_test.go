package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
)

// A snapshot's new day goes straight into its table: where that cannot tell a
// key that comes twice, or a key that is missing, it is told as elsewhere.
func TestANewDayIsChecked(t *testing.T) {
	for name, made := range map[string]string{
		"no table":           "",
		"a table with a key": `CREATE TABLE profile_snapshots (user_id varchar(10), as_of date, monthly_fee numeric, PRIMARY KEY (as_of, user_id))`,
		"a table without":    `CREATE TABLE profile_snapshots (user_id text, as_of date, monthly_fee numeric)`,
		"a key that may be null": `CREATE TABLE profile_snapshots (user_id text, as_of date, monthly_fee numeric);
 CREATE UNIQUE INDEX ON profile_snapshots (user_id, as_of)`,
		"a key of some rows": `CREATE TABLE profile_snapshots (user_id text NOT NULL, as_of date NOT NULL, monthly_fee numeric);
 CREATE UNIQUE INDEX ON profile_snapshots (user_id, as_of) WHERE monthly_fee < 0`,
	} {
		t.Run(name, func(t *testing.T) {
			url := newDatabase(t)
			if made != "" {
				run(t, url, made)
			}
			w := openWarehouse(t, url)
			freeze := func(rows string) (asof.Published, error) {
				f := profile
				f.SQL = "SELECT * FROM (VALUES " + rows + ") AS v(user_id, monthly_fee) -- as they come"
				return publish(t, w, asof.Publication{ID: "r1", AsOf: jan, Frozen: []asof.Frozen{f}}, nil)
			}
			var twice *asof.DuplicateKey
			if _, err := freeze("('a', 1), ('b', 2), ('a', 3)"); !errors.As(err, &twice) || twice.Values[0] != "a" || twice.Count != 2 {
				t.Errorf("a key twice: %v", err)
			}
			if _, err := freeze("('a', 1), (NULL, 2)"); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "a row has no user_id") {
				t.Errorf("no key: %v", err)
			}
			for _, step := range []struct{ rows, want, dropped string }{
				{"('a', 1), ('b', 2)", "2 added 0 changed 0 removed", ""},
				{"('a', 1), ('b', 3)", "0 added 1 changed 0 removed", ""},
				{"('c', 1)", "1 added 0 changed 2 removed", "a b"},
				{"('c', 1), ('a', 1)", "1 added 0 changed 0 removed", "b"},
			} {
				done, err := freeze(step.rows)
				if err != nil {
					t.Fatal(err)
				}
				c := done.Tables[0]
				var keys []string
				if c.Dropped != nil {
					for i := range int(c.Dropped.NumRows()) {
						keys = append(keys, c.Dropped.Column(0).ValueStr(i))
					}
					c.Dropped.Release()
				}
				if got := fmt.Sprintf("%d added %d changed %d removed", c.Added, c.Changed, c.Removed); got != step.want || strings.Join(keys, " ") != step.dropped {
					t.Errorf("%s: %s, dropped %v; want %s, %s", step.rows, got, keys, step.want, step.dropped)
				}
			}
			if _, err := w.Rollback(t.Context(), "r1"); err != nil {
				t.Fatal(err)
			}
			rows, err := w.Read(t.Context(), "SELECT user_id FROM profile_snapshots ORDER BY 1")
			if got := fmt.Sprint(rows); err != nil || got != "[[c]]" {
				t.Errorf("after the rollback of the last: %s, %v", got, err)
			}
		})
	}
}

// A stage that is dropped has no connection left, whose end would drop views
// of what the drop drops.
func TestADroppedStageHasNoConnections(t *testing.T) {
	url := newDatabase(t)
	w := openWarehouse(t, url)
	for i := range 5 {
		stage, err := stageOf(t, w, "r1", users, "a", "2020-01-01")
		if err != nil {
			t.Fatal(err)
		}
		queried, err := stage.Query(t.Context(), "SELECT user_id FROM users") // a second connection, in use
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.Stage(t.Context(), "r1")
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Discard(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, err := w.Read(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'asof stage %' AND datname = current_database()")
		if got := fmt.Sprint(rows); err != nil || got != "[[0]]" {
			t.Errorf("turn %d: connections %s, %v", i, got, err)
		}
		queried.Release()
		_ = stage.Close()
	}
}
