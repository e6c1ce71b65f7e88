package postgres_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

var onlineView = &asof.FeatureView{Name: "v", EntityColumns: []asof.Field{{Name: "id", Type: asof.Scalar(asof.TypeInt64)}},
	Features: []asof.Field{{Name: "x", Type: asof.Scalar(asof.TypeString)}}}

func TestOnlineWithoutItsSchema(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	db := openDatabase(t, d, "Team Features")
	err := openOnline(t, db).Update(t.Context(), "p", []*asof.FeatureView{onlineView}, nil)
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `CREATE SCHEMA "Team Features"`) {
		t.Errorf("a missing schema: %v", err)
	}
	_, err = db.Ledger().Begin(t.Context(), asof.Materialization{Project: "p", View: "v", Span: asof.Interval{To: time.Unix(1, 0)}, Started: time.Unix(1, 0)})
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `CREATE SCHEMA "Team Features"`) {
		t.Errorf("a missing schema for the ledger: %v", err)
	}
	_, err = db.Offline().Columns(t.Context(), &asof.DataSource{Name: "fees", Kind: asof.SourcePostgres, Table: "fees"})
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `has no table "fees": there is no schema "Team Features"`) {
		t.Errorf("a missing schema for a source: %v", err)
	}
	run(t, d.URL(), `CREATE SCHEMA "Team Features"`)
	if err := openOnline(t, db).Update(t.Context(), "p", []*asof.FeatureView{onlineView}, nil); err != nil {
		t.Errorf("with the schema: %v", err)
	}
}

// A user without the privilege to create applies what needs nothing new, and a
// table that somebody dropped by hand is made again.
func TestOnlineTablesAreMadeWhereTheyAreMissing(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	views := []*asof.FeatureView{onlineView}
	if err := openOnline(t, openDatabase(t, d, "")).Update(t.Context(), "p", views, nil); err != nil {
		t.Fatal(err)
	}
	user := d
	user.User, user.Password = "reader_"+d.Name, "geheim"
	run(t, d.URL(), fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'geheim'`, user.User), `REVOKE CREATE ON SCHEMA public FROM PUBLIC`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO `+user.User)
	other := openOnline(t, openDatabase(t, user, ""))
	if err := other.Update(t.Context(), "p", views, nil); err != nil {
		t.Errorf("nothing to make, without the privilege to: %v", err)
	}
	run(t, d.URL(), "ALTER ROLE "+user.User+" CONNECTION LIMIT 0")
	full := openOnline(t, openDatabase(t, user, "")).Update(t.Context(), "p", views, nil)
	if asof.ErrorCode(full) != asof.CodeUnavailable || !strings.Contains(full.Error(), "raise the server's limit") {
		t.Errorf("no connection left: %v", full)
	}
	run(t, d.URL(), `DROP TABLE public.asof_online_1`)
	if err := other.Update(t.Context(), "p", views, nil); asof.ErrorCode(err) != asof.CodeForbidden {
		t.Errorf("a table to make, without the privilege to: %v", err)
	}
	store := openOnline(t, openDatabase(t, d, ""))
	if err := store.Update(t.Context(), "p", views, nil); err != nil {
		t.Fatal(err)
	}
	if err := store.Read(t.Context(), "p", []*asof.Reading{{View: onlineView, Keys: [][]byte{{1}}}}); err != nil {
		t.Errorf("the table that was dropped: %v", err)
	}
}

// A server that went read-only, as a standby is, and a pooler that has no server
// are no mistakes of who sends the rows.
func TestOnlineWhereNothingCanBeWritten(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	views := []*asof.FeatureView{onlineView}
	if err := openOnline(t, openDatabase(t, d, "")).Update(t.Context(), "p", views, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ set, reset, says string }{
		{"ALTER DATABASE " + d.Name + " SET default_transaction_read_only = on", "ALTER DATABASE " + d.Name + " RESET default_transaction_read_only", "takes no writes now"},
		{"CREATE FUNCTION public.away() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'query_wait_timeout' USING ERRCODE = '08P01'; END$$; " +
			"CREATE TRIGGER away BEFORE INSERT ON public.asof_online_1 EXECUTE FUNCTION public.away()", "DROP FUNCTION public.away CASCADE", "query_wait_timeout"},
	} {
		run(t, d.URL(), c.set)
		store := openOnline(t, openDatabase(t, d, ""))
		_, err := store.Write(t.Context(), "p", onlineView, numbered(t, 1, 1, time.Unix(1, 0)))
		if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.set, err)
		}
		run(t, d.URL(), "SET default_transaction_read_only = off", c.reset)
	}
}

// TestFeastTables finds tables as Feast lays them out, cut to 63 bytes where
// PostgreSQL does so, and no others.
func TestFeastTables(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	db := openDatabase(t, d, "")
	if err := openOnline(t, db).Update(t.Context(), "shop", []*asof.FeatureView{onlineView}, nil); err != nil {
		t.Fatal(err)
	}
	long := "shop_" + strings.Repeat("long", 20)
	var statements []string
	for _, table := range []string{"shop_fees", "shop_empty", "shop_Über", long, "other_fees"} {
		statements = append(statements, fmt.Sprintf(`CREATE TABLE public.%q (entity_key BYTEA, feature_name TEXT, value BYTEA, value_text TEXT, vector_value BYTEA, event_ts TIMESTAMPTZ, created_ts TIMESTAMPTZ, PRIMARY KEY (entity_key, feature_name))`, table))
		if table != "shop_empty" {
			statements = append(statements, fmt.Sprintf(`INSERT INTO public.%q (entity_key, feature_name) VALUES ('\x01', 'x')`, table))
		}
	}
	run(t, d.URL(), append(statements, `CREATE TABLE public.shop_orders (id int); INSERT INTO public.shop_orders VALUES (1)`)...)
	got, err := openFeastOnline(t, db).FeastTables(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"shop_fees", long[:63], "shop_Über"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestOnlineThatDoesNotAnswer uses a port that takes connections and says
// nothing, and one that nobody listens on.
func TestOnlineThatDoesNotAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, l := range []net.Listener{silent, closed} {
		port := l.Addr().(*net.TCPAddr).Port
		db, err := postgres.Open(t.Context(), postgres.Config{Host: "127.0.0.1", Port: port, Database: "d", User: "u", Password: "geheim"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		started := time.Now()
		err = openOnline(t, db).Read(ctx, "p", []*asof.Reading{{View: onlineView}})
		cancel()
		if asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), fmt.Sprint(port)) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("got %v (%s), want unavailable", err, asof.ErrorCode(err))
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("got %q, want one line", err)
		}
		if took := time.Since(started); took > 20*time.Second {
			t.Errorf("it took %s to say so", took)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
