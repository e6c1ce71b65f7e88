package postgres_test

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/entitykey"
	"github.com/asof-dev/asof/storetest"
)

// numbered returns so many rows of onlineView from an id on, each of that time;
// the first have the texts.
func numbered(t *testing.T, from, n int, event time.Time, texts ...string) arrow.RecordBatch {
	t.Helper()
	instant := arrow.Field{Type: asof.Scalar(asof.TypeUnixTimestamp).Arrow(), Nullable: true}
	named := func(name string) arrow.Field { instant.Name = name; return instant }
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		named(asof.EventTimestamp), named(asof.CreatedTimestamp), {Name: "x", Type: arrow.BinaryTypes.String, Nullable: true}}, nil))
	defer b.Release()
	for i := range n {
		b.Field(0).(*array.Int64Builder).Append(int64(from + i))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(event.UnixMicro()))
		b.Field(2).AppendNull()
		if i < len(texts) {
			b.Field(3).(*array.StringBuilder).Append(texts[i])
			continue
		}
		b.Field(3).AppendNull() // a row without a byte
	}
	rows := b.NewRecordBatch()
	t.Cleanup(rows.Release)
	return rows
}

// onlineKeys are the entity keys of ids.
func onlineKeys(t *testing.T, ids ...int64) (keys [][]byte) {
	t.Helper()
	encoder, err := entitykey.NewEncoder(3, "id")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		key, err := encoder.Append(nil, entitykey.Int64(id))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// Many new rows meet another writer who is putting in a newer row of one of
// their keys: that one stays, and all others are written.
func TestOnlineNewRowsBesideAnotherWriter(t *testing.T) {
	const n = 6000
	old, newer := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	d := storetest.Postgres(t).Database(t)
	store := openOnline(t, openDatabase(t, d, ""))
	if err := store.Update(t.Context(), "p", []*asof.FeatureView{onlineView}, nil); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), d.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	other, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), "INSERT INTO asof_online_1 VALUES ($1, $2, 0, '')", onlineKeys(t, 4711)[0], newer.UnixMicro()); err != nil {
		t.Fatal(err)
	}
	rows := numbered(t, 1, n, old)
	done := make(chan error, 1)
	var written int64
	go func() {
		var err error
		written, err = store.Write(t.Context(), "p", onlineView, rows)
		done <- err
	}()
	for waits := false; !waits; time.Sleep(10 * time.Millisecond) { // for the other one
		if err := other.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("%d rows were written beside one that is not committed: %v", written, err)
		default:
		}
	}
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || written != n-1 {
		t.Fatalf("%d rows were written, want %d: %v", written, n-1, err)
	}
	for _, step := range []struct {
		from int
		at   time.Time
		want int64
	}{
		{n + 1, old, n},          // all behind those that are there
		{n / 2, newer, n - 1},    // all there, and older, but 4711, which was created later
		{n / 2, old, 0},          // all there, and newer
		{1, old, n/2 - 1},        // half of them of the same time
		{2*n - 10, newer, n},     // ten of them there
		{-3*n - 1, old, n},       // before all, in the order of their numbers
		{10 * n, time.Time{}, n}, // a time before 1970
	} {
		written, err := store.Write(t.Context(), "p", onlineView, numbered(t, step.from, n, step.at))
		if err != nil || written != step.want {
			t.Errorf("from %d at %s: %d rows were written, want %d: %v", step.from, step.at, written, step.want, err)
		}
	}
}
