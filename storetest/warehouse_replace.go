package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// result is a table that tests replace: one column of whole numbers.
const result = "Größe 结果"

// numbers makes rows of one column, in batches of three.
func numbers(name string, values ...int64) array.RecordReader {
	schema := arrow.NewSchema([]arrow.Field{{Name: name, Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	return array.ReaderFromIter(schema, func(yield func(arrow.RecordBatch, error) bool) {
		for chunk := range slices.Chunk(values, 3) {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			b.Field(0).(*array.Int64Builder).AppendValues(chunk, nil)
			if !yield(b.NewRecordBatch(), nil) {
				return
			}
		}
	})
}

// Replace writes rows into a table, commits it under an id and releases them.
func Replace(ctx context.Context, w asof.Warehouse, table, id string, rows array.RecordReader) error {
	defer rows.Release()
	r, err := w.Replace(ctx, table)
	if err != nil {
		return err
	}
	_, err = r.Write(ctx, rows)
	if err == nil {
		err = r.Commit(ctx, id)
	}
	return errors.Join(err, r.Discard(context.WithoutCancel(ctx)))
}

func mustReplace(t *testing.T, w asof.Warehouse, table, id string, rows array.RecordReader) {
	t.Helper()
	if err := Replace(t.Context(), w, table, id, rows); err != nil {
		t.Fatal(err)
	}
}

// column reads the one column of a table, sorted.
func column(t *testing.T, w WarehouseUnderTest, table, name string) string {
	t.Helper()
	var list []string
	for _, row := range read(t, w, fmt.Sprintf(`SELECT "%s" FROM "%s" ORDER BY 1`, strings.ReplaceAll(name, `"`, `""`), table)) {
		list = append(list, row...)
	}
	return strings.Join(list, " ")
}

func replaced(t *testing.T, w asof.Warehouse) string {
	t.Helper()
	list, err := w.Replaced(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(list)
}

func testReplace(t *testing.T, w WarehouseUnderTest) {
	if got := replaced(t, w); got != "map[]" {
		t.Errorf("an empty warehouse lists %s", got)
	}
	mustReplace(t, w, result, "first", numbers("n", 1, 2, 3, 4, 5))
	diff(t, "a new table", "1 2 3 4 5", column(t, w, result, "n"))

	r, err := w.Replace(t.Context(), result)
	if err != nil {
		t.Fatal(err)
	}
	rows := numbers(`größe "x"`, 7, 6, 9, 8)
	defer rows.Release()
	if n, err := r.Write(t.Context(), rows); err != nil || n != 4 {
		t.Fatalf("Write = %d, %v", n, err)
	}
	diff(t, "before the commit", "1 2 3 4 5", column(t, w, result, "n"))
	if err := r.Commit(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	if err := r.Discard(t.Context()); err != nil {
		t.Errorf("Discard after Commit: %v", err)
	}
	diff(t, "after it", "6 7 8 9", column(t, w, result, `größe "x"`))
	if _, err := w.Read(t.Context(), fmt.Sprintf(`SELECT n FROM "%s"`, result)); err == nil {
		t.Error("the old column is still there")
	}
	mustReplace(t, w, "empty", "", numbers("n"))
	diff(t, "a table without rows", "", column(t, w, "empty", "n"))
	diff(t, "listed", fmt.Sprintf("map[%s:second empty:]", result), replaced(t, w))
	if list, err := w.Publications(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("publications = %v, %v; a replacement is none", list, err)
	}
}

func testReplaceFails(t *testing.T, w WarehouseUnderTest) {
	mustReplace(t, w, result, "first", numbers("n", 1))
	broken := errors.New("the engine is gone")
	good := numbers("n", 2)
	defer good.Release()
	bad := array.ReaderFromIter(good.Schema(), func(yield func(arrow.RecordBatch, error) bool) {
		for good.Next() {
			good.RecordBatch().Retain()
			if !yield(good.RecordBatch(), nil) {
				return
			}
		}
		yield(nil, broken)
	})
	if err := Replace(t.Context(), w, result, "second", bad); !errors.Is(err, broken) {
		t.Errorf("rows that end early: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := array.ReaderFromIter(good.Schema(), func(func(arrow.RecordBatch, error) bool) { cancel() })
	if err := Replace(ctx, w, result, "second", cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	r, err := w.Replace(t.Context(), result)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Discard(t.Context()); err != nil {
		t.Errorf("Discard of nothing: %v", err)
	}
	diff(t, "after three that failed", "1", column(t, w, result, "n"))
	diff(t, "listed", fmt.Sprintf("map[%s:first]", result), replaced(t, w))
}

func testReplaceRefuses(t *testing.T, w WarehouseUnderTest) {
	publishMonth(t, w, "r1", firstMonth)
	before := state(t, w)
	for _, name := range []string{"users", "usage_snapshots", "", " x", "asof_x", "ASOF_x", "public.x", `x"y`, "x\ny", "\xff", strings.Repeat("é", 32)} {
		if r, err := w.Replace(t.Context(), name); asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("Replace(%q) = %v, %v", name, r, err)
		}
	}
	// The table may also come while the rows are written.
	r, err := w.Replace(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	rows := numbers("n", 1)
	defer rows.Release()
	if _, err := r.Write(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	orders := asof.Table{Name: "orders", Key: []string{"id"}, Columns: []asof.TableColumn{{Name: "id", Type: "text"}}}
	publishOrders := func() error {
		stage, err := w.Stage(t.Context(), "r2")
		if err != nil {
			return err
		}
		defer stage.Discard(context.WithoutCancel(t.Context()))
		if _, err := loadRows(t.Context(), stage, orders, [][]string{{"a"}}); err != nil {
			return err
		}
		_, err = stage.Publish(t.Context(), asof.Publication{ID: "r2", AsOf: january, Writes: []asof.Write{{Table: orders}}})
		return err
	}
	if err := publishOrders(); err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(t.Context(), ""); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("Commit over a pipeline's new table: %v", err)
	}
	if err := r.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	diff(t, "the pipeline's table", "a", column(t, w, "orders", "id"))
	diff(t, "the other tables", before, state(t, w))

	// And a pipeline does not publish into a training set.
	mustReplace(t, w, "training", "", numbers("id", 5))
	orders.Name = "training"
	if err := publishOrders(); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "training set") {
		t.Errorf("a pipeline that writes into a training set: %v", err)
	}
	diff(t, "the training set", "5", column(t, w, "training", "id"))
	mustReplace(t, w, "training", "", numbers("id", 6))
	publishMonth(t, w, "r3", firstMonth) // a warehouse that holds one publishes as before
	diff(t, "the training set", "6", column(t, w, "training", "id"))
}

func testReplaceTwice(t *testing.T, w WarehouseUnderTest) {
	var both [2]asof.Replacement
	for i := range both {
		r, err := w.Replace(t.Context(), result)
		if err != nil {
			t.Fatal(err)
		}
		rows := numbers("n", int64(i))
		defer rows.Release()
		if _, err := r.Write(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		both[i] = r
	}
	for i, want := range []string{"1", "0"} {
		if err := both[1-i].Commit(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		diff(t, "the later one stays", want, column(t, w, result, "n"))
	}

	// A commit waits for a pipeline's publication.
	stage, err := stageMonth(t.Context(), w, "r1", firstMonth)
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	p := firstMonth.publication("r1")
	p.Fence = func(context.Context) error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := Replace(ctx, w, result, "", numbers("n", 7)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a commit beside a publication: %v", err)
		}
		diff(t, "nothing has changed", "0", column(t, w, result, "n"))
		go func() { end <- Replace(t.Context(), w, result, "", numbers("n", 8)) }()
		time.Sleep(50 * time.Millisecond)
		return nil
	}
	if _, err := stage.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-end, stage.Discard(t.Context())); err != nil {
		t.Fatal(err)
	}
	diff(t, "after the publication", "8", column(t, w, result, "n"))
}

func testReplaceMany(t *testing.T, w WarehouseUnderTest) {
	const rows = 400_000
	many := make([]int64, rows/1000)
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	mustReplace(t, w, result, "", array.ReaderFromIter(schema, func(yield func(arrow.RecordBatch, error) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range rows / len(many) {
			for j := range many {
				many[j] = int64(i*len(many) + j)
			}
			b.Field(0).(*array.Int64Builder).AppendValues(many, nil)
			if !yield(b.NewRecordBatch(), nil) {
				return
			}
		}
	}))
	diff(t, "rows", [][]string{{fmt.Sprint(rows), "0", fmt.Sprint(rows - 1)}},
		read(t, w, fmt.Sprintf(`SELECT count(*), min(n), max(n) FROM "%s"`, result)))
}
