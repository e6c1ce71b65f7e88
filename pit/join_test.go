package pit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof/pit"
)

// scanned are the columns of Scan for profile: key, event, the feature.
var scanned = []arrow.Field{{Name: "k0", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "event", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
	{Name: "v0", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}

// lookUp joins entity rows with what a scan gives, and returns the feature, "-"
// for NULL.
func lookUp(t *testing.T, ctx context.Context, budget int64, fields []arrow.Field, scan []string) ([]string, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	v := view(t, profile(), "profiles", columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal"))
	q := &pit.Query{Views: []*pit.View{v}}
	entities := reader(t, mem, asked, `[{"label":"x","user_id":"a","day":"2024-02-10"},{"label":"y","user_id":"nobody","day":"2024-02-10"}]`,
		`[{"label":"z","user_id":null,"day":"2024-02-10"},{"label":"w","user_id":"a","day":"2024-01-31"},{"label":"v","user_id":"a","day":"2023-12-31"}]`)
	rows, err := pit.ReadRows(ctx, entities, "day", q.Views, mem)
	entities.Release()
	if err != nil {
		return nil, err
	}
	raw, err := pit.Join(ctx, q, rows, func(context.Context, *pit.View) (array.RecordReader, error) {
		return reader(t, mem, fields, scan...), nil
	}, budget, mem)
	if err != nil {
		rows.Release()
		return nil, err
	}
	answer := pit.HistoricalAnswer(q, rows, raw, mem)
	defer answer.Release()
	var got []string
	for answer.Next() {
		batch := answer.RecordBatch()
		for i := range int(batch.NumRows()) {
			if c := batch.Column(3); c.IsNull(i) {
				got = append(got, "-")
			} else {
				got = append(got, c.ValueStr(i))
			}
		}
	}
	return got, answer.Err()
}

const (
	january  = `{"k0":"a","event":"2024-01-31 00:00:00","v0":1.5}`
	february = `{"k0":"a","event":"2024-02-29 00:00:00","v0":2.5}`
	between  = `{"k0":"a","event":"2024-02-05 00:00:00","v0":3.5}`
	others   = `{"k0":"b","event":"2024-02-01 00:00:00","v0":9.5}`
)

func TestJoinLooksRowsUp(t *testing.T) {
	for name, scan := range map[string][]string{
		"in order":           {"[" + january + "," + others + "," + between + "," + february + "]"},
		"in no order":        {"[" + february + "]", "[" + between + "," + others + "]", "[" + january + "]"},
		"in many batches":    slices.Repeat([]string{"[]"}, 200),
		"nothing in between": {"[" + january + "," + february + "]"},
	} {
		want := map[string]string{"in many batches": "- - - - -", "nothing in between": "1.5 - - 1.5 -"}[name]
		if want == "" {
			want = "3.5 - - 1.5 -"
		}
		got, err := lookUp(t, t.Context(), 1<<20, scanned, scan)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestJoinLeavesToTheEngine(t *testing.T) {
	wide := slices.Clone(scanned)
	wide[2].Type = arrow.ListOf(arrow.PrimitiveTypes.Int64)
	numbers := slices.Clone(scanned)
	numbers[0].Type = arrow.PrimitiveTypes.Int64
	for name, c := range map[string]struct {
		budget int64
		fields []arrow.Field
		scan   string
	}{
		"rows of one key and time": {1 << 20, scanned, "[" + january + "," + january + "]"},
		"more than the budget":     {100, scanned, "[" + january + "," + february + "," + between + "," + others + "]"},
		"a list":                   {1 << 20, wide, `[{"k0":"a","event":"2024-01-31 00:00:00","v0":[1]}]`},
		"a key of another type":    {1 << 20, numbers, `[{"k0":1,"event":"2024-01-31 00:00:00","v0":1}]`},
	} {
		if got, err := lookUp(t, t.Context(), c.budget, c.fields, []string{c.scan}); !errors.Is(err, pit.ErrNotInMemory) {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

// TestJoinEndsWithItsContext cancels while the answer is read: what was not
// answered is an error, not an end.
func TestJoinEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	v := view(t, profile(), "profiles", columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal"))
	q := &pit.Query{Views: []*pit.View{v}}
	entities := reader(t, mem, asked, slices.Repeat([]string{`[{"label":"x","user_id":"a","day":"2024-02-10"}]`}, 50)...)
	rows, err := pit.ReadRows(ctx, entities, "day", q.Views, mem)
	entities.Release()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := pit.Join(ctx, q, rows, func(context.Context, *pit.View) (array.RecordReader, error) {
		return reader(t, mem, scanned, "["+january+"]"), nil
	}, 1<<20, mem)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for answer.Next() {
		read++
		cancel()
	}
	if !errors.Is(answer.Err(), context.Canceled) || read == 50 {
		t.Errorf("read %d batches, then %v", read, answer.Err())
	}
	answer.Release()
	rows.Release()
}
