package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/storetest"
)

const warehouseSchema = "the team's"

// newDatabase returns the connection string of a new database with an empty
// schema in it.
func newDatabase(t *testing.T) string {
	t.Helper()
	url := storetest.Postgres(t).Database(t).URL()
	run(t, url, `CREATE SCHEMA "the team's"`)
	return url
}

// connect opens one connection with the warehouse's schema in the path.
func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = `"` + warehouseSchema + `"`
	config.RuntimeParams["timezone"] = "UTC"
	return pgx.ConnectConfig(ctx, config)
}

func run(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func openWarehouse(t *testing.T, url string) storetest.WarehouseUnderTest {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	db := openAs(t, config)
	return storetest.WarehouseUnderTest{Warehouse: db.Warehouse(), Offline: db.Offline(), Read: func(ctx context.Context, sql string) ([][]string, error) {
		conn, err := connect(ctx, url)
		if err != nil {
			return nil, err
		}
		defer conn.Close(ctx)
		result := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil)
		var all [][]string
		for result.NextRow() {
			row := make([]string, len(result.Values()))
			for i, v := range result.Values() {
				switch row[i] = string(v); {
				case v == nil:
					row[i] = "∅"
				case result.FieldDescriptions()[i].DataTypeOID == 16: // boolean
					row[i] = map[string]string{"t": "true", "f": "false"}[string(v)]
				}
			}
			all = append(all, row)
		}
		_, err = result.Close()
		return all, err
	}}
}

func openAs(t *testing.T, config *pgx.ConnConfig) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{Host: config.Host, Port: int(config.Port), User: config.User,
		Password: config.Password, Database: config.Database, Schema: warehouseSchema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestWarehouse(t *testing.T) {
	storetest.Warehouse(t, func(t *testing.T) storetest.WarehouseUnderTest { return openWarehouse(t, newDatabase(t)) })
}

func TestWarehouseKilled(t *testing.T) {
	storetest.WarehouseKilled(t, newDatabase, func(t *testing.T, url string, step func(string)) storetest.WarehouseUnderTest {
		w := openWarehouse(t, url)
		w.Warehouse.(*postgres.Warehouse).OnStep(step)
		return w
	})
}

func TestRollbackKilled(t *testing.T) {
	storetest.RollbackKilled(t, newDatabase, func(t *testing.T, url string, step func(string)) storetest.WarehouseUnderTest {
		w := openWarehouse(t, url)
		w.Warehouse.(*postgres.Warehouse).OnStep(step)
		return w
	})
}

func TestReplacementKilled(t *testing.T) {
	storetest.ReplacementKilled(t, newDatabase, func(t *testing.T, url string, step func(string)) storetest.WarehouseUnderTest {
		w := openWarehouse(t, url)
		w.Warehouse.(*postgres.Warehouse).OnStep(step)
		return w
	}, func(t *testing.T, url string) []string {
		rows, err := openWarehouse(t, url).Read(t.Context(), "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname LIKE 'asof%' AND nspname NOT LIKE 'pg_%'")
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(rows...)
	})
}

// publish writes rows into the tables of one publication: values by table, a
// row each, "" for NULL.
func publish(t *testing.T, w asof.Warehouse, p asof.Publication, rows map[string][]string) (asof.Published, error) {
	t.Helper()
	stage, err := w.Stage(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Discard(t.Context())
	for _, write := range p.Writes {
		if err := load(t, stage, write.Table, rows[write.Table.Name]...); err != nil {
			return asof.Published{}, err
		}
	}
	return stage.Publish(t.Context(), p)
}

// stageOf returns a stage with one row of a table.
func stageOf(t *testing.T, w asof.Warehouse, run string, table asof.Table, values ...string) (asof.Stage, error) {
	t.Helper()
	stage, err := w.Stage(t.Context(), run)
	if err != nil {
		return nil, err
	}
	return stage, load(t, stage, table, values...)
}

func load(t *testing.T, stage asof.Stage, table asof.Table, values ...string) error {
	t.Helper()
	schema, err := table.Schema()
	if err != nil {
		t.Fatal(err)
	}
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer builder.Release()
	for i, v := range values {
		if v == "" {
			builder.Field(i).AppendNull()
		} else if err := builder.Field(i).AppendValueFromString(v); err != nil {
			t.Fatal(err)
		}
	}
	batch := builder.NewRecordBatch()
	defer batch.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	_, err = stage.Load(t.Context(), table, reader, func() string { return "" })
	return err
}

var (
	jan          = time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	users        = asof.Table{Name: "users", Key: []string{"user_id"}, Columns: []asof.TableColumn{{Name: "user_id", Type: "text"}, {Name: "signup_date", Type: "date"}}}
	subscription = asof.Table{Name: "subscriptions", Key: []string{"user_id"}, Columns: []asof.TableColumn{
		{Name: "user_id", Type: "text"}, {Name: "months_active", Type: "bigint"}, {Name: "monthly_fee", Type: "numeric"}}}
	profile = asof.Frozen{Table: asof.Table{Name: "profile_snapshots", Key: []string{"user_id"}, Columns: []asof.TableColumn{
		{Name: "user_id", Type: "text"}, {Name: "monthly_fee", Type: "numeric"}}}, SQL: "SELECT user_id, monthly_fee FROM subscriptions"}
	teamsTables = []string{
		`CREATE TABLE users (user_id varchar(10) PRIMARY KEY, signup_date date)`,
		`CREATE TABLE subscriptions (user_id varchar(10) PRIMARY KEY REFERENCES users, months_active smallint CHECK (months_active >= 0),
 monthly_fee numeric(8,2), add_on_security boolean DEFAULT true)`,
		`CREATE TABLE profile_snapshots (user_id varchar(10) NOT NULL, as_of date NOT NULL, monthly_fee numeric, note text, PRIMARY KEY (user_id, as_of))`,
		`INSERT INTO users VALUES ('a', '2020-01-01')`,
		`INSERT INTO subscriptions VALUES ('a', 1, 10.50, false)`,
		`INSERT INTO profile_snapshots VALUES ('a', '2024-01-31', 10.5, 'kept'), ('z', '2024-01-31', 1, 'goes'), ('z', '2023-12-31', 1, 'stays')`,
	}
)

func TestTheTeamsTablesStayTheirs(t *testing.T) {
	url := newDatabase(t)
	run(t, url, teamsTables...)
	w := openWarehouse(t, url)
	// Children are named first: foreign keys decide the order.
	p := asof.Publication{ID: "r1", AsOf: jan, Writes: []asof.Write{{Table: subscription}, {Table: users}}, Frozen: []asof.Frozen{profile}}
	done, err := publish(t, w, p, map[string][]string{"subscriptions": {"b", "7", "20.25"}, "users": {"b", "2021-02-03"}})
	if err != nil {
		t.Fatal(err)
	}
	if c := done.Tables[2]; c.Added != 1 || c.Removed != 2 || c.Dropped == nil || c.Dropped.NumRows() != 2 {
		t.Errorf("profile_snapshots: %+v; b is added, a and z go", c)
	} else {
		c.Dropped.Release()
	}
	p.ID = "r2"
	if _, err := publish(t, w, p, map[string][]string{"subscriptions": {"a", "2", ""}, "users": {"a", "2020-01-01"}}); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"SELECT * FROM subscriptions ORDER BY user_id":                                                                                                             "a 2 ∅ false|b 7 20.25 true",
		"SELECT * FROM profile_snapshots ORDER BY as_of, user_id":                                                                                                  "z 2023-12-31 1 stays|a 2024-01-31 ∅ ∅",
		"SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'subscriptions'::regclass AND attnum > 0":                                      "character varying(10)|smallint|numeric(8,2)|boolean",
		"SELECT table_name, change, r->>'user_id', r->>'note' FROM asof_history, json_array_elements(previous) r WHERE change = 'removed' ORDER BY publication, 3": "profile_snapshots removed a kept|profile_snapshots removed z goes|profile_snapshots removed b ∅",
	} {
		rows, err := w.Read(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, r := range rows {
			lines = append(lines, strings.Join(r, " "))
		}
		if got := strings.Join(lines, "|"); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}

func TestAValueThatDoesNotFitIsRefused(t *testing.T) {
	url := newDatabase(t)
	run(t, url, teamsTables...)
	w := openWarehouse(t, url)
	p := asof.Publication{ID: "r", AsOf: jan, Writes: []asof.Write{{Table: users}, {Table: subscription}}}
	for name, c := range map[string]struct{ user, months, fee, want string }{
		"rounded":     {"b", "1", "20.255", `user_id=b: the value 20.255`},
		"cut off":     {"b-0123456789", "1", "1", `does not fit its type there, character varying(10)`},
		"overflowing": {"b", "40000", "1", `column "months_active"`},
		"constraint":  {"b", "-1", "1", "check constraint"},
	} {
		_, err := publish(t, w, p, map[string][]string{"users": {c.user, "2021-02-03"}, "subscriptions": {c.user, c.months, c.fee}})
		if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q in it", name, err, c.want)
		}
	}
	if rows, err := w.Read(t.Context(), "SELECT count(*) FROM users"); err != nil || rows[0][0] != "1" {
		t.Errorf("users = %v, %v; nothing may be written", rows, err)
	}
	wider := users
	wider.Columns = append(wider.Columns[:2:2], asof.TableColumn{Name: "signup_dat", Type: "date"})
	p.Writes = []asof.Write{{Table: wider}}
	if _, err := publish(t, w, p, map[string][]string{"users": {"b", "", ""}}); err == nil || !strings.Contains(err.Error(), `did you mean "signup_date"`) {
		t.Errorf("a column that the team's table lacks: %v", err)
	}
}

// A team's table may hold floating-point numbers where the pipeline says
// numeric: they are the nearest, and the same file changes nothing.
func TestFloatsOfTheTeamsTable(t *testing.T) {
	url := newDatabase(t)
	run(t, url, `CREATE TABLE hours (user_id text PRIMARY KEY, hours double precision, mins real)`)
	w := openWarehouse(t, url)
	hours := asof.Table{Name: "hours", Key: []string{"user_id"}, Columns: []asof.TableColumn{{Name: "user_id", Type: "text"},
		{Name: "hours", Type: "numeric"}, {Name: "mins", Type: "numeric"}}}
	p := asof.Publication{ID: "r", AsOf: jan, Writes: []asof.Write{{Table: hours}}}
	for i, changed := range []bool{true, false} {
		done, err := publish(t, w, p, map[string][]string{"hours": {"a", "24.483650766787413", "29.14104464084511"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := done.Tables[0].Added+done.Tables[0].Changed > 0; got != changed {
			t.Errorf("run %d changes the table: %t, want %t", i+1, got, changed)
		}
		p.ID = "again"
	}
	rows, err := w.Read(t.Context(), "SELECT hours::text, mins::text FROM hours")
	if err != nil || fmt.Sprint(rows) != "[[24.483650766787413 29.141045]]" {
		t.Errorf("hours = %v, %v", rows, err)
	}
}

// A database has its own time zone and its own way to write dates and numbers;
// months, times and values stay what they are.
func TestTheDatabasesOwnSettings(t *testing.T) {
	d := storetest.Postgres(t).Database(t)
	for _, setting := range []string{"timezone = 'Europe/Paris'", "datestyle = 'SQL, DMY'", "extra_float_digits = 0", "bytea_output = 'escape'",
		"standard_conforming_strings = off"} {
		run(t, d.URL(), "ALTER DATABASE "+pgx.Identifier{d.Name}.Sanitize()+" SET "+setting)
	}
	db := openDatabase(t, d, "")
	p := asof.Publication{ID: "first", AsOf: jan, Writes: []asof.Write{{Table: users}}}
	for _, p.ID = range []string{"first", "again"} {
		done, err := publish(t, db.Warehouse(), p, map[string][]string{"users": {`a\b`, "2021-02-03"}})
		if err != nil {
			t.Fatal(err)
		}
		if done.Tables[0].Skipped != "" {
			t.Errorf("the month is skipped the %s time: %s", p.ID, done.Tables[0].Skipped)
		}
	}
	source := &asof.DataSource{Name: "s", Kind: asof.SourcePostgres, TimestampField: "at",
		Query: `SELECT user_id AS k, signup_date AS at, '\' || (24.483650766787413::float8)::text AS x FROM users`}
	held, err := db.Offline().Range(t.Context(), source)
	if want := time.Date(2021, 2, 3, 0, 0, 0, 0, time.UTC); err != nil || !held.Oldest.Equal(want) {
		t.Errorf("the oldest row is of %v, want %v; %v", held.Oldest, want, err)
	}
	rows, err := latest(t.Context(), db.Offline(), source, feature("x", asof.TypeString))
	if want := `[a\b \24.483650766787413]`; err != nil || fmt.Sprint(rows) != want {
		t.Errorf("rows = %v, %v; want %s", rows, err, want)
	}
}

func TestAMissingTableIsCreatedWithItsKeys(t *testing.T) {
	w := openWarehouse(t, newDatabase(t))
	child := subscription
	child.References = map[string]string{"user_id": "users"}
	p := asof.Publication{ID: "r", AsOf: jan, Writes: []asof.Write{{Table: child}, {Table: users}}, Frozen: []asof.Frozen{profile}}
	if _, err := publish(t, w, p, map[string][]string{"subscriptions": {"a", "1", "9"}, "users": {"a", ""}}); err != nil {
		t.Fatal(err)
	}
	rows, err := w.Read(t.Context(), `SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE contype IN ('p', 'f') AND conrelid::regclass::text IN ('subscriptions', 'profile_snapshots') ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"profile_snapshots PRIMARY KEY (user_id, as_of)", "subscriptions FOREIGN KEY (user_id) REFERENCES users(user_id)", "subscriptions PRIMARY KEY (user_id)"}
	for i, r := range rows {
		if got := strings.Join(r, " "); i >= len(want) || got != want[i] {
			t.Errorf("constraint %d: %s", i, got)
		}
	}
	p.ID = "r2"
	if _, err := publish(t, w, p, map[string][]string{"subscriptions": {"b", "1", "9"}, "users": {"c", ""}}); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `user_id=b is not in table "users"`) {
		t.Errorf("a row whose parent is not there: %v", err)
	}
}

func TestThreePublicationsAreKept(t *testing.T) {
	w := openWarehouse(t, newDatabase(t))
	for i, fee := range []string{"1", "2", "3", "4", "5"} {
		p := asof.Publication{ID: "r" + fee, AsOf: jan, Writes: []asof.Write{{Table: subscription}}}
		if _, err := publish(t, w, p, map[string][]string{"subscriptions": {"a", "1", fee}}); err != nil {
			t.Fatalf("publication %d: %v", i, err)
		}
	}
	rows, err := w.Read(t.Context(), `SELECT p.run, h.previous->0->>'monthly_fee' FROM asof_history h RIGHT JOIN asof_publications p ON p.id = h.publication AND h.change = 'changed' ORDER BY p.id`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join(r, ":"))
	}
	if want := "r1:∅ r2:∅ r3:2 r4:3 r5:4"; strings.Join(got, " ") != want {
		t.Errorf("history = %v, want %s", got, want)
	}
}

// The team may change a table while a run stages.
func TestTheTeamsTableChangesMeanwhile(t *testing.T) {
	url := newDatabase(t)
	run(t, url, teamsTables...)
	w := openWarehouse(t, url)
	p := asof.Publication{ID: "r1", AsOf: jan, Writes: []asof.Write{{Table: users}}}
	p.Fence = func(context.Context) error { return asof.Errorf(asof.CodeConflict, "not now") }
	if _, err := publish(t, w, p, map[string][]string{"users": {"b-0123456", "2021-02-03"}}); asof.ErrorCode(err) != asof.CodeConflict {
		t.Fatal(err)
	}
	for i, typ := range []string{"varchar(5)", "varchar(50)"} {
		want := []string{"does not fit its type there, character varying(5)", ""}[i]
		run(t, url, "ALTER TABLE users ALTER user_id TYPE varchar(10)")
		stage, err := stageOf(t, w, "r1", users, "b-0123456", "2021-02-03")
		if err != nil {
			t.Fatal(err)
		}
		run(t, url, "ALTER TABLE users ALTER user_id TYPE "+typ)
		p.Fence = nil
		if _, err := stage.Publish(t.Context(), p); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", typ, err, want)
		}
		if err := stage.Discard(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
