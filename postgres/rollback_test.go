package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
)

// A rollback of the team's tables leaves alone what the run did not write.
func TestTheTeamsTablesAreRolledBack(t *testing.T) {
	url := newDatabase(t)
	run(t, url, teamsTables...)
	run(t, url, `CREATE VIEW paying AS SELECT user_id, as_of FROM profile_snapshots WHERE monthly_fee > 0`, `CREATE VIEW payers AS SELECT count(*) FROM paying`,
		`ALTER TABLE profile_snapshots ADD size int GENERATED ALWAYS AS (length(user_id)) STORED`)
	w := openWarehouse(t, url)
	tables := func() string {
		t.Helper()
		var lines []string
		for _, sql := range []string{"SELECT * FROM users ORDER BY 1", "SELECT * FROM subscriptions ORDER BY 1", "SELECT * FROM profile_snapshots ORDER BY as_of, user_id"} {
			rows, err := w.Read(t.Context(), sql)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				lines = append(lines, strings.Join(r, " "))
			}
		}
		return strings.Join(lines, "\n")
	}
	before := tables()
	p := asof.Publication{ID: "r1", AsOf: jan, Writes: []asof.Write{{Table: subscription}, {Table: users}}, Frozen: []asof.Frozen{profile}}
	done, err := publish(t, w, p, map[string][]string{"subscriptions": {"b", "7", "20.25"}, "users": {"b", "2021-02-03"}})
	if err != nil {
		t.Fatal(err)
	}
	done.Tables[2].Dropped.Release()
	p.ID = "r2"
	if done, err = publish(t, w, p, map[string][]string{"subscriptions": {"a", "2", ""}, "users": {"a", "2020-01-01"}}); err != nil {
		t.Fatal(err)
	}
	done.Tables[2].Dropped.Release()

	// What others do meanwhile stays, and is in the way where it refers to the run's rows.
	run(t, url, `UPDATE subscriptions SET add_on_security = NULL WHERE user_id = 'a'`)
	undone, err := w.Rollback(t.Context(), "r2")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"payers", "paying", "profile_snapshots", "subscriptions"}, undone.Readers); diff != "" {
		t.Errorf("readers: %s", diff)
	}
	run(t, url, `CREATE TABLE visits (user_id varchar(10) REFERENCES users)`, `INSERT INTO visits VALUES ('b')`)
	if _, err := w.Rollback(t.Context(), "r1"); asof.ErrorCode(err) != asof.CodeConflict || !strings.Contains(err.Error(), `rows of visits refer to rows of users that the run had added: Key (user_id)=(b)`) {
		t.Errorf("a rollback that rows of others are in the way of: %v", err)
	}
	run(t, url, `DELETE FROM visits`)
	undone, err = w.Rollback(t.Context(), "r1")
	if err != nil || len(undone.Gone) > 0 {
		t.Errorf("gone: %v, %v", undone.Gone, err)
	}
	want := strings.Replace(before, "a 1 10.50 false", "a 1 10.50 ∅", 1)
	if diff := cmp.Diff(want, tables()); diff != "" {
		t.Errorf("tables: %s", diff)
	}
	rows, err := w.Read(t.Context(), "SELECT change, count(*) FROM asof_history GROUP BY 1 UNION ALL SELECT 'dropped', count(*) FROM asof_dropped UNION ALL SELECT 'loaded', count(*) FROM asof_loaded ORDER BY 1")
	if diff := cmp.Diff([][]string{{"dropped", "0"}, {"loaded", "0"}, {"undone", "2"}}, rows); err != nil || diff != "" {
		t.Errorf("our own tables: %s, %v", diff, err)
	}
}

// A table that a run made, and that a view of the team reads by now, is emptied.
func TestATableThatIsReadStays(t *testing.T) {
	url := newDatabase(t)
	w := openWarehouse(t, url)
	p := asof.Publication{ID: "r1", AsOf: jan, Writes: []asof.Write{{Table: subscription}, {Table: users}}}
	if _, err := publish(t, w, p, map[string][]string{"subscriptions": {"a", "1", "9"}, "users": {"a", ""}}); err != nil {
		t.Fatal(err)
	}
	run(t, url, `CREATE VIEW everybody AS SELECT user_id FROM users`)
	undone, err := w.Rollback(t.Context(), "r1")
	if diff := cmp.Diff([]string{"subscriptions"}, undone.Gone); err != nil || diff != "" {
		t.Errorf("gone: %s, %v", diff, err)
	}
	if rows, err := w.Read(t.Context(), "SELECT * FROM everybody"); err != nil || len(rows) > 0 {
		t.Errorf("everybody = %v, %v", rows, err)
	}
}
