//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/postgres"
)

// unopened fails the test where a connection is opened that nothing reads.
func unopened(t *testing.T) opener {
	return func(context.Context) (asof.OfflineStore, error) {
		t.Error("a connection is opened that no source uses")
		return nil, asof.Errorf(asof.CodeUnavailable, "closed")
	}
}

// Which database a PostgreSQLSource is read from.
func TestConnectionOfSource(t *testing.T) {
	db := newCRM(t)
	db.run(t, `CREATE SCHEMA sales`, `CREATE TABLE sales.fees (user_id text, as_of date, fee numeric(8,2))`, `INSERT INTO sales.fees VALUES ('a', '2024-01-31', 7)`,
		`CREATE TABLE usage (user_id text, as_of date, fee real)`, `INSERT INTO usage VALUES ('u', '2024-01-31', 8)`)
	w, err := asofduckdb.OpenWarehouse(filepath.Join(t.TempDir(), "warehouse"))
	if err != nil {
		t.Fatal(err)
	}
	publishFee(t, w, "fees", "1.25")
	none := map[string]opener(nil)
	one := map[string]opener{"crm": opens(db.store)}
	two := map[string]opener{"crm": opens(db.store), "billing": unopened(t)}
	query := "SELECT user_id, DATE '2024-01-31' AS as_of, fee FROM fees"
	for _, c := range []struct {
		connections map[string]opener
		tag         string
		table       string
		query       string
		want        string
	}{
		{one, "", "usage", "", "u=8"},
		{one, "", "public.usage", "", "u=8"},
		{one, "", "", "SELECT * FROM usage", "u=8"},
		{one, "", "", "SELECT * FROM public.usage", "u=8"},
		{one, "", "", "SELECT user_id, as_of::date, fee FROM usage JOIN LATERAL (SELECT 1) AS one ON true", "u=8"},
		{one, "", "", query, "a=1.25"}, // the warehouse has it
		{one, "crm", "sales.fees", "", "a=7"},
		{two, "crm", "usage", "", "u=8"},
		{one, "warehouse", "", query, "a=1.25"},
		{map[string]opener{"crm": unopened(t)}, "", "", query, "a=1.25"},
		{none, "crm", "", query, "a=1.25"}, // a tag of one's own
		{none, "", "usage", "", `the warehouse has no table "usage"; known: fees; if another database has it, name that under asof.connections in feature_store.yaml`},
		{one, "crn", "usage", "", `its tag connection names "crn", which asof.connections in feature_store.yaml does not have; did you mean "crm"?`},
		{two, "", "usage", "", `asof.connections names several databases; say which one by tags={"connection": "billing"} on the source (there are billing, crm)`},
		{one, "", "usages", "", `connection crm: feature view "fees": data source "src": PostgreSQL at ` + fmt.Sprintf("%s:%d/%s", db.Host, db.Port, db.Name) + ` has no table "usages" in schema "public"; did you mean "usage"?`},
		{one, "", "", "SELECT * FROM usage; SELECT 1", `does not take it as one SELECT`},
		{one, "crm", "", "SELECT user_id, as_of FROM usage", `has no column "fee"`},
	} {
		store := offline(t, asofduckdb.Options{Warehouse: w, Connections: c.connections})
		source := &asof.DataSource{Name: "src", Kind: asof.SourcePostgres, Table: c.table, Query: c.query}
		if c.tag != "" {
			source.Tags = map[string]string{"connection": c.tag}
		}
		got, err := fees(t, store, source)
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%s: code %s", got, asof.ErrorCode(err))
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s%s: %s\nwant %s", c.table, c.query, got, c.want)
		}
		joined, _, err := feesAt(t, store, source)
		if c.want == joined {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s: joined: %s %v\nwant %s", c.table, c.query, joined, err, c.want)
		}
	}
}

// feesAt asks for "fee per user at the end of February" of users a, b and u as a
// point-in-time question, and what was pulled for it.
func feesAt(t *testing.T, store asof.OfflineStore, source *asof.DataSource) (string, []asof.Pull, error) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "user_id", Type: arrow.BinaryTypes.String}, {Name: "event_timestamp", Type: asof.Timestamp}}, nil)
	rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"user_id":"a","event_timestamp":"2024-02-29T00:00:00Z"},
		{"user_id":"b","event_timestamp":"2024-02-29T00:00:00Z"}, {"user_id":"u","event_timestamp":"2024-02-29T00:00:00Z"}]`))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{rows})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	var pulls []asof.Pull
	answer, err := store.Historical(t.Context(), &asof.PointInTime{Entities: asof.EntityRows{Schema: schema, Records: reader}, Timestamp: "event_timestamp",
		Pulled: func(p asof.Pull) { pulls = append(pulls, p) },
		Views: []asof.ViewQuery{{View: "fees", Source: source, Timestamp: "as_of",
			Keys:     []asof.KeyColumn{{Column: "user_id", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
			Features: []asof.FeatureColumn{{Column: "fee", Output: "fee", Type: asof.Scalar(asof.TypeFloat32)}}}}})
	if err != nil {
		return "", nil, err
	}
	defer answer.Release()
	var found []string
	for answer.Next() {
		b := answer.RecordBatch()
		for i := range int(b.NumRows()) {
			if b.Column(2).IsValid(i) {
				found = append(found, b.Column(0).ValueStr(i)+"="+b.Column(2).ValueStr(i))
			}
		}
	}
	return strings.Join(found, ", "), pulls, answer.Err()
}

// Only rows that can match are read, and what is read is told.
func TestPulledRows(t *testing.T) {
	db := newCRM(t)
	db.run(t, `CREATE TABLE usage (user_id text, as_of timestamptz, fee numeric)`,
		`INSERT INTO usage SELECT 'user ' || i, '2024-01-01', i FROM generate_series(1, 5000) i`,
		`INSERT INTO usage VALUES ('a', '2024-01-01', 1), ('a', '2024-02-01', 2), ('a', '2024-03-01', 3), (NULL, '2024-01-01', 4), ('a', NULL, 5)`,
		// These are equal as Float32, and not in the database.
		`INSERT INTO usage VALUES ('u', '2024-01-01', 1.00000001), ('u', '2024-01-01', 1.00000002)`,
		`INSERT INTO usage VALUES ('other', '2024-01-01', 1e39)`)
	store := offline(t, asofduckdb.Options{Connections: map[string]opener{"crm": opens(db.store)}})
	got, pulls, err := feesAt(t, store, &asof.DataSource{Name: "src", Kind: asof.SourcePostgres, Table: "usage"})
	if err != nil || got != "a=2, u=1" {
		t.Errorf("%s %v", got, err)
	}
	want := asof.Pull{View: "fees", Source: "src", Connection: "crm", Place: fmt.Sprintf("PostgreSQL at %s:%d/%s", db.Host, db.Port, db.Name), Rows: 3}
	if len(pulls) != 1 || pulls[0] != want {
		t.Errorf("%+v, want %+v", pulls, want)
	}
	// A value that does not fit is an error where it reaches the answer.
	db.run(t, `INSERT INTO usage VALUES ('b', '2024-01-01', 1e39)`)
	if _, _, err := feesAt(t, store, &asof.DataSource{Name: "src", Kind: asof.SourcePostgres, Table: "usage"}); err == nil ||
		!strings.Contains(err.Error(), `feature view "fees": column "fee" holds "1000000000000000000000000000000000000000" where user_id=b, which does not fit its declared type Float32`) {
		t.Error(err)
	}
}

// What is wrong with a connection is one sentence that names it and what to do,
// without its password.
func TestConnectionFails(t *testing.T) {
	db := newCRM(t)
	db.run(t, `CREATE TABLE usage (user_id text, as_of date, fee real)`)
	for name, c := range map[string]struct {
		change func(*postgres.Config)
		code   asof.Code
		want   string
	}{
		"password": {func(c *postgres.Config) { c.Password = "wr0ng" }, asof.CodeUnauthenticated, "refuses the login"},
		"database": {func(c *postgres.Config) { c.Database = "nobody" }, asof.CodeUnavailable, "correct `database` in feature_store.yaml"},
		"schema":   {func(c *postgres.Config) { c.Schema = "nowhere" }, asof.CodeInvalid, "check `db_schema` in feature_store.yaml"},
		"down":     {func(c *postgres.Config) { c.Port = 1 }, asof.CodeUnavailable, "does not answer: connect: connection refused; start it, or correct asof.connections.crm in feature_store.yaml"},
	} {
		store := offline(t, asofduckdb.Options{Connections: map[string]opener{"crm": opens(db.reached(t, c.change))}})
		source := &asof.DataSource{Name: "src", Kind: asof.SourcePostgres, Table: "usage", TimestampField: "as_of"}
		_, latest := fees(t, store, source)
		_, _, joined := feesAt(t, store, source)
		_, columns := store.Columns(t.Context(), source)
		_, span := store.Range(t.Context(), source)
		for i, err := range []error{latest, joined, columns, span} {
			what := []string{`feature view "fees"`, `feature view "fees"`, `data source "src"`, `data source "src"`}[i]
			if err == nil || asof.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "connection crm: "+what) {
				t.Errorf("%s: %s: %v (%s)", name, what, err, asof.ErrorCode(err))
			}
			if err != nil && (strings.Contains(err.Error(), db.Password) || strings.Contains(err.Error(), "wr0ng")) {
				t.Errorf("%s: it tells the password: %v", name, err)
			}
		}
	}
}

// A server that goes away in the middle ends the question, and the next one is
// answered when it is there again.
func TestConnectionBreaks(t *testing.T) {
	db := newCRM(t)
	db.run(t, `CREATE TABLE usage AS SELECT 'a' AS user_id, timestamptz '2024-01-01' + i * interval '1 microsecond' AS as_of, i::real AS fee, repeat('x', 1000) AS more FROM generate_series(1, 20000) i`)
	way := forward(t, fmt.Sprintf("%s:%d", db.Host, db.Port))
	store := offline(t, asofduckdb.Options{Connections: map[string]opener{"crm": opens(db.reached(t, func(c *postgres.Config) { c.Port = way.port }))}})
	source := &asof.DataSource{Name: "src", Kind: asof.SourcePostgres, Query: "SELECT user_id, as_of, fee FROM usage"}
	way.breakAfter(100_000)
	if _, _, err := feesAt(t, store, source); err == nil || asof.ErrorCode(err) != asof.CodeUnavailable || !strings.Contains(err.Error(), `connection crm: feature view "fees"`) {
		t.Errorf("a connection that broke: %v (%s)", err, asof.ErrorCode(err))
	}
	way.breakAfter(1 << 40)
	if got, _, err := feesAt(t, store, source); got != "a=20000" || err != nil {
		t.Errorf("the server is there again: %s %v", got, err)
	}
}

// way forwards connections to a server, and breaks them after so many bytes of
// its answers.
type way struct {
	port int
	mu   sync.Mutex
	left int64
}

func (w *way) breakAfter(bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = bytes
}

func (w *way) take(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left -= int64(n)
	return w.left >= 0
}

func forward(t *testing.T, to string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{port: l.Addr().(*net.TCPAddr).Port}
	var group sync.WaitGroup
	t.Cleanup(func() { l.Close(); group.Wait() })
	group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				t.Error(err)
				return
			}
			group.Go(func() { _, _ = io.Copy(server, client); server.Close() })
			group.Go(func() {
				defer client.Close()
				defer server.Close()
				buf := make([]byte, 4096)
				for {
					n, err := server.Read(buf)
					if err != nil || !w.take(n) {
						return
					}
					if _, err := client.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return w
}

// Views of one database are read in one state of it, whatever is written
// meanwhile: both tables always hold the same number.
func TestConnectionIsOneState(t *testing.T) {
	db := newCRM(t)
	db.run(t, `CREATE TABLE x (user_id text, as_of timestamptz, fee real)`, `CREATE TABLE y (user_id text, as_of timestamptz, fee real)`)
	both := func(n int) string {
		return fmt.Sprintf("BEGIN; INSERT INTO x VALUES ('a', '2024-01-01'::timestamptz + %[1]d * interval '1 second', %[1]d); INSERT INTO y VALUES ('a', '2024-01-01'::timestamptz + %[1]d * interval '1 second', %[1]d); COMMIT", n)
	}
	db.run(t, both(1))
	store := offline(t, asofduckdb.Options{Connections: map[string]opener{"crm": opens(db.store)}})
	done, stop := make(chan int), make(chan struct{})
	go func() {
		n := 1
		defer func() { done <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			n++
			if _, err := db.conn.Exec(context.Background(), both(n)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	view := func(table string) asof.ViewQuery {
		return asof.ViewQuery{View: table, Source: &asof.DataSource{Name: table, Kind: asof.SourcePostgres, Table: table}, Timestamp: "as_of",
			Keys:     []asof.KeyColumn{{Column: "user_id", Entity: "user_id", Type: asof.Scalar(asof.TypeString)}},
			Features: []asof.FeatureColumn{{Column: "fee", Output: table, Type: asof.Scalar(asof.TypeFloat32)}}}
	}
	seen := map[string]bool{}
	for range 20 {
		answer, err := store.Historical(t.Context(), &asof.PointInTime{Entities: asof.EntityRows{Events: &asof.Events{At: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}},
			Timestamp: "event_timestamp", Views: []asof.ViewQuery{view("x"), view("y")}})
		if err != nil {
			t.Fatal(err)
		}
		for answer.Next() {
			x, y := answer.RecordBatch().Column(2).ValueStr(0), answer.RecordBatch().Column(3).ValueStr(0)
			if x != y {
				t.Errorf("x is at %s and y at %s", x, y)
			}
			seen[x] = true
		}
		if err := answer.Err(); err != nil {
			t.Fatal(err)
		}
		answer.Release()
	}
	close(stop)
	if n := <-done; len(seen) < 2 {
		t.Errorf("nothing was written meanwhile: %v of %d", seen, n)
	}
}
