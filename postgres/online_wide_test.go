package postgres_test

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/storetest"
	"github.com/asof-dev/asof/value"
)

// Up to what a page takes, wide rows are where their keys are, written and
// replaced, and as long as they are; the text that a page does not take is
// elsewhere, and read as well.
func TestOnlineWideRowsStayInTheTable(t *testing.T) {
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
	noise := make([]byte, 10_000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	text := hex.EncodeToString(noise)
	for day, step := range []struct {
		texts   []string
		outside bool
	}{
		{[]string{text[:2100], strings.Repeat("a", 5000), text[:8000]}, false},
		{[]string{text[:8000], text[:2100], strings.Repeat("a", 8000)}, false},
		{[]string{text, strings.Repeat("a", 100_000), ""}, true},
	} {
		rows := numbered(t, 1, len(step.texts), time.Date(2024, 1, 1+day, 0, 0, 0, 0, time.UTC), step.texts...)
		if written, err := store.Write(t.Context(), "p", onlineView, rows); err != nil || written != int64(len(step.texts)) {
			t.Fatalf("day %d: %d rows were written: %v", day, written, err)
		}
		r := &asof.Reading{View: onlineView, Features: []string{"x"}, Keys: onlineKeys(t, 1, 2, 3)}
		if err := store.Read(t.Context(), "p", []*asof.Reading{r}); err != nil {
			t.Fatal(err)
		}
		for i, text := range step.texts {
			if got, want := r.Value(0, i), value.AppendString(nil, text); string(got) != string(want) {
				t.Errorf("day %d: row %d is %.40q of %d bytes instead of %d", day, i, got, len(got), len(want))
			}
		}
		var longest, outside int64
		err := conn.QueryRow(t.Context(), `SELECT (SELECT max(length(row) - pg_column_size(row)) FROM asof_online_1),
			pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'asof_online_1'::regclass`).Scan(&longest, &outside)
		if err != nil || (outside > 0) != step.outside || longest > 0 && !step.outside {
			t.Errorf("day %d: %d bytes are outside of the table, and a row is %d bytes shorter than it is: %v", day, outside, longest, err)
		}
	}
}
