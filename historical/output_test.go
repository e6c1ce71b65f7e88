package historical_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// broken is a store whose answer ends early, after doing something.
type broken struct {
	asof.OfflineStore
	after func() error
}

func (b *broken) Historical(ctx context.Context, q *asof.PointInTime) (array.RecordReader, error) {
	rows, err := b.OfflineStore.Historical(ctx, q)
	if err != nil {
		return nil, err
	}
	return array.ReaderFromIter(rows.Schema(), func(yield func(arrow.RecordBatch, error) bool) {
		defer rows.Release()
		for rows.Next() {
			batch := rows.RecordBatch()
			batch.Retain()
			if !yield(batch, nil) {
				return
			}
		}
		if err := b.after(); err != nil {
			yield(nil, err)
		}
	}), nil
}

// Nothing is left behind, and a file that was there stays, when a run fails.
func TestFailureLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	errBroken := errors.New("the engine is gone")
	for _, c := range []struct {
		name  string
		after func() error
		want  error
	}{
		{"the engine fails", func() error { return errBroken }, errBroken},
		{"cancelled", func() error { cancel(); return nil }, context.Canceled},
	} {
		for _, ext := range []string{".csv", ".parquet"} {
			t.Run(c.name+ext, func(t *testing.T) {
				dir := t.TempDir()
				for _, path := range []string{filepath.Join(dir, "old"+ext), filepath.Join(dir, "new", "folder", "out"+ext)} {
					if filepath.Dir(path) == dir {
						if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
							t.Fatal(err)
						}
					}
					r := request(t, historical.Request{References: rate, Output: path,
						Entities: historical.Entities{Path: file(t, "users.csv", "event_timestamp\n2024-01-31\n")}})
					r.Store = &broken{r.Store, c.after}
					if _, err := historical.Run(ctx, r); !errors.Is(err, c.want) {
						t.Errorf("%v, want %v", err, c.want)
					}
				}
				left, _ := os.ReadDir(dir)
				if text, _ := os.ReadFile(filepath.Join(dir, "old"+ext)); len(left) != 1 || string(text) != "old" {
					t.Errorf("left: %v, the old file: %q", left, text)
				}
			})
		}
	}
}

// An output that cannot be written is found out before the store is asked.
func TestOutputThatCannotBeWritten(t *testing.T) {
	blocked := filepath.Join(file(t, "file", ""), "out.csv")
	_, err := historical.Run(context.Background(), historical.Request{References: rate, Output: blocked})
	if want := "the output " + blocked + " cannot be written: "; err == nil || !strings.HasPrefix(err.Error(), want) || asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("%v, want %s…", err, want)
	}
}

// What the store refuses is passed on, and the entity rows are let go unread.
func TestStoreError(t *testing.T) {
	r := historical.Request{Snapshot: project(view("gone", "gone", nil, field("x", asof.TypeInt64))), References: []string{"gone:x"},
		Entities: historical.Entities{Path: file(t, "users.csv", january)}}
	refused(t, r, asof.CodeInvalid, `data source "gone": there is no table "gone"; known: SELECT labels, payments_90d, rates, subscriptions, usage_30d`)
}

func TestOutputReplacesAFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deep", "er", "out.csv")
	for _, in := range []string{"event_timestamp\n2024-01-31\n2024-01-31\n", "event_timestamp\n2024-01-31\n"} {
		run(t, historical.Request{References: rate, Output: path, Entities: historical.Entities{Path: file(t, "users.csv", in)}})
	}
	text, _ := os.ReadFile(path)
	left, _ := os.ReadDir(filepath.Dir(path))
	if string(text) != "event_timestamp,rate\n2024-01-31,0.5\n" || len(left) != 1 {
		t.Errorf("%q among %v", text, left)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o044 != 0o044 {
		t.Errorf("mode %v: others cannot read it", info.Mode())
	}
}

// Many batches are held back until the last one tells how times are written,
// or until one of them does.
func TestManyBatches(t *testing.T) {
	const rows = 40_000
	for _, c := range []struct{ name, usual, odd, wantUsual string }{
		{"known at the end", "2024-01-31", "2024-01-31 00:00:01", "2024-01-31 00:00:00"},
		{"known in the middle", "2024-01-31T00:00:00Z", "2024-01-31T00:00:01Z", "2024-01-31 00:00:00+00:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var in, want strings.Builder
			in.WriteString("event_timestamp,n\n")
			want.WriteString("event_timestamp,n,rate\n")
			for i := range rows {
				at, out := c.usual, c.wantUsual
				if i == 20_000 {
					at, out = c.odd, strings.Replace(c.wantUsual, "00:00:00", "00:00:01", 1)
				}
				fmt.Fprintf(&in, "%s,%d\n", at, i)
				fmt.Fprintf(&want, "%s,%d,0.5\n", out, i)
			}
			steps := map[string]int64{}
			r := historical.Request{References: rate, Entities: historical.Entities{Path: file(t, "users.csv", in.String())},
				Progress: func(step string, done, total int64) {
					if steps[step] = done; step != "check entity rows" && total != rows {
						t.Errorf("%s: %d of %d", step, done, total)
					}
				}}
			r.Output = filepath.Join(t.TempDir(), "out.csv")
			r = request(t, r)
			r.Store = &batched{r.Store}
			if _, err := historical.Run(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			if text, _ := os.ReadFile(r.Output); string(text) != want.String() {
				t.Errorf("%d bytes, want %d", len(text), want.Len())
			}
			if steps["read entity rows"] != rows || steps["write training data"] != rows || steps["check entity rows"] == 0 {
				t.Errorf("progress: %v", steps)
			}
		})
	}
}

// batched is a store that answers batch by batch.
type batched struct{ asof.OfflineStore }

func (b *batched) Historical(ctx context.Context, q *asof.PointInTime) (array.RecordReader, error) {
	rows, err := b.OfflineStore.Historical(ctx, q)
	if err != nil {
		return nil, err
	}
	return array.ReaderFromIter(rows.Schema(), func(yield func(arrow.RecordBatch, error) bool) {
		defer rows.Release()
		for rows.Next() {
			all := rows.RecordBatch()
			for from := int64(0); from < all.NumRows(); from += 6_000 {
				if !yield(all.NewSlice(from, min(from+6_000, all.NumRows())), nil) {
					return
				}
			}
		}
	}), nil
}
