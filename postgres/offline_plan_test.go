package postgres_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/postgres"
)

// amounts is a view of column n of a table with keys k and time at.
func amounts(table string, keys ...string) asof.ViewQuery {
	v := asof.ViewQuery{View: table, Source: &asof.DataSource{Name: table, Kind: asof.SourcePostgres, Table: table}, Timestamp: "at",
		Features: []asof.FeatureColumn{feature("n", asof.TypeInt64)}}
	for _, k := range keys {
		v.Keys = append(v.Keys, asof.KeyColumn{Column: k, Entity: k, Type: asof.Scalar(asof.TypeInt64)})
	}
	return v
}

// asked are entity rows of the users 0 to 99 in the middle of each of ten days.
func asked() asof.EntityRows {
	return asof.EntityRows{SQL: "SELECT u AS k, timestamptz '2024-01-01 12:00Z' + d * interval '1 day' AS event_timestamp FROM generate_series(0, 99) u, generate_series(0, 9) d"}
}

// entityRecords are rows of the same users, held by us.
func entityRecords(t *testing.T) asof.EntityRows {
	t.Helper()
	at := &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	schema := arrow.NewSchema([]arrow.Field{{Name: "k", Type: arrow.PrimitiveTypes.Int64}, {Name: "event_timestamp", Type: at}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for u := range 100 {
		b.Field(0).(*array.Int64Builder).Append(int64(u))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC).UnixMicro()))
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Release)
	return asof.EntityRows{Schema: schema, Records: reader}
}

func answers(ctx context.Context, store *postgres.Offline, entities asof.EntityRows, views ...asof.ViewQuery) ([]string, error) {
	reader, err := store.Historical(ctx, &asof.PointInTime{Timestamp: "event_timestamp", Views: views, Entities: entities})
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	var rows []string
	for reader.Next() {
		b := reader.RecordBatch()
		for i := range int(b.NumRows()) {
			var row []string
			for _, c := range b.Columns() {
				row = append(row, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(row, " "))
		}
	}
	return rows, reader.Err()
}

// An index serves where it begins with the keys and then the time, holds all
// rows, and compares as the query does; whatever is chosen, the answer is one.
func TestIndexesThatServe(t *testing.T) {
	store, url := openOffline(t)
	const fill = "INSERT INTO %s SELECT g %% 100, timestamp '2024-01-01' + g / 100 * interval '6 hours', g FROM generate_series(1, 4000) g"
	var want []string
	for name, c := range map[string]struct {
		columns string
		after   []string // %s is the table
		index   string   // "" for none
		view    string   // plan
	}{
		"primary_key":  {"k bigint, at timestamp, n bigint, PRIMARY KEY (k, at)", nil, "primary_key_pkey", "index lookups"},
		"zoned":        {"k int, at timestamptz, n int, PRIMARY KEY (k, at)", nil, "zoned_pkey", "index lookups"},
		"descending":   {"k bigint, at timestamp, n bigint", []string{"CREATE INDEX down ON %s (k, at DESC)"}, "down", "index lookups"},
		"including":    {"k bigint, at timestamp, n bigint", []string{"CREATE UNIQUE INDEX incl ON %s (k, at) INCLUDE (n)"}, "incl", "index lookups"},
		"more_columns": {"k bigint, at timestamp, n bigint", []string{"CREATE INDEX more ON %s (k, at, n)"}, "more", "index lookups"},
		"nulls_last":   {"k bigint, at timestamp, n bigint", []string{"CREATE INDEX nl ON %s (k, at DESC NULLS LAST)"}, "", ""},
		"other_order":  {"k bigint, at timestamp, n bigint", []string{"CREATE INDEX oo ON %s (at, k)"}, "", ""},
		"partial":      {"k bigint, at timestamp, n bigint", []string{"CREATE INDEX pa ON %s (k, at) WHERE n > 10"}, "", ""},
		"hashed":       {"k bigint, at timestamp, n bigint", []string{"CREATE INDEX ha ON %s USING hash (k)"}, "", ""},
		"text_keys":    {"k text, at timestamp, n bigint, PRIMARY KEY (k, at)", nil, "", ""},
		"partitions": {"k bigint, at timestamp, n bigint, PRIMARY KEY (k, at)) PARTITION BY RANGE (at", []string{
			"CREATE TABLE early PARTITION OF %s FOR VALUES FROM (MINVALUE) TO ('2024-01-05')", "CREATE TABLE late PARTITION OF %s FOR VALUES FROM ('2024-01-05') TO (MAXVALUE)"}, "partitions_pkey", "index lookups"},
		"parent": {"k bigint, at timestamp, n bigint, PRIMARY KEY (k, at)", []string{"CREATE TABLE child () INHERITS (%s)"}, "", ""},
	} {
		statements := []string{fmt.Sprintf("CREATE TABLE %s (%s)", name, c.columns)}
		for _, s := range c.after {
			statements = append(statements, fmt.Sprintf(s, name))
		}
		run(t, url, append(statements, fmt.Sprintf(fill, name), "ANALYZE "+name)...)
		v := amounts(name, "k")
		plans, err := store.Explain(t.Context(), &asof.PointInTime{Timestamp: "event_timestamp", Views: []asof.ViewQuery{v}, Entities: asked()})
		if err != nil || len(plans) != 1 {
			t.Fatalf("%s: %v %v", name, plans, err)
		}
		if p := plans[0]; p.Index != c.index || (c.view != "") != (p.Plan == "index lookups") || p.View != name || p.Why == "" {
			t.Errorf("%s: %+v, want index %q", name, p, c.index)
		}
		rows, err := answers(t.Context(), store, asked(), v)
		if err != nil || len(rows) != 1000 {
			t.Fatalf("%s: %d rows, %v", name, len(rows), err)
		}
		if want == nil {
			want = rows
		}
		if d := cmp.Diff(want, rows); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Large sources without an index are joined in memory, and the scans, each over
// a connection of its own, see the state of the question, not what is written
// in between.
func TestScansSeeOneState(t *testing.T) {
	store, url := openOffline(t)
	run(t, url, "CREATE TABLE a (k bigint, at timestamptz, n bigint)", "CREATE TABLE b (k bigint, at timestamptz, n bigint)",
		"INSERT INTO a SELECT g % 100, timestamptz '2024-01-01' + g * interval '1 minute', 0 FROM generate_series(1, 10000) g", "INSERT INTO b SELECT * FROM a", "ANALYZE")
	store.Force(postgres.InMemory)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { // both tables change together
		conn, err := connect(ctx, url)
		for n := 1; err == nil && ctx.Err() == nil; n++ {
			_, err = conn.Exec(ctx, fmt.Sprintf(`BEGIN; SET search_path = "the team's"; UPDATE a SET n = %d; UPDATE b SET n = %[1]d; COMMIT`, n))
		}
		if conn != nil {
			_ = conn.Close(context.Background())
		}
		done <- err
	}()
	for range 10 {
		rows, err := answers(t.Context(), store, entityRecords(t), amounts("a", "k"), amounts("b", "k"))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if f := strings.Fields(row); f[len(f)-1] != f[len(f)-2] {
				t.Fatalf("the views are of two states: %s", row)
			}
		}
	}
	stop()
	if err := <-done; ctx.Err() == nil {
		t.Fatal(err)
	}
}

// The server ends the query of a client that is gone.
func TestGoneClients(t *testing.T) {
	_, url := openOffline(t)
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	var wire net.Conn
	conf.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		wire, err = (&net.Dialer{}).DialContext(ctx, network, addr)
		return wire, err
	}
	conf.AfterConnect = postgres.NoticeGone
	conn, err := pgx.ConnectConfig(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	pid := conn.PgConn().PID()
	go func() { _, _ = conn.Exec(context.Background(), "SELECT pg_sleep(600)") }()
	other, err := connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.WithoutCancel(t.Context()))
	wait := func(running int) {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			var n int
			if err := other.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'", pid).Scan(&n); err != nil {
				t.Fatal(err)
			}
			if n == running {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d queries run, want %d", n, running)
			}
		}
	}
	wait(1)
	_ = wire.Close()
	wait(0)
}
