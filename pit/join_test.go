package pit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// scanned are the columns of Scan for profile: key, event, the feature.
var scanned = []arrow.Field{{Name: "k0", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "event", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
	{Name: "v0", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}

// How many bytes of entity rows are read ahead.
var aheads = map[string]int64{"all rows held": 1 << 20, "some rows held": 1, "no rows held": 0}

// lookUp joins entity rows with what a scan gives, and returns the feature, "-"
// for NULL.
func lookUp(t *testing.T, ctx context.Context, ahead, budget int64, fields []arrow.Field, scan []string) ([]string, error) {
	t.Helper()
	return lookUpIn(t, ctx, 1, ahead, budget, fields, scan)
}

// lookUpIn is lookUp for so many views of the same rows; it returns the feature
// of the first.
func lookUpIn(t *testing.T, ctx context.Context, views int, ahead, budget int64, fields []arrow.Field, scan []string) ([]string, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	v := view(t, profile(), "profiles", columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal"))
	q := &pit.Query{Views: slices.Repeat([]*pit.View{v}, views)}
	entities := reader(t, mem, asked, `[{"label":"x","user_id":"a","day":"2024-02-10"},{"label":"y","user_id":"nobody","day":"2024-02-10"}]`,
		`[{"label":"z","user_id":null,"day":"2024-02-10"},{"label":"w","user_id":"a","day":"2024-01-31"},{"label":"v","user_id":"a","day":"2023-12-31"}]`)
	defer entities.Release()
	rows, err := pit.ReadRows(ctx, entities, "day", q.Views, ahead, mem)
	if err != nil {
		return nil, err
	}
	answer, err := pit.Join(ctx, q, rows, func(context.Context, *pit.View) (array.RecordReader, error) {
		return reader(t, mem, fields, scan...), nil
	}, budget, mem)
	if err != nil {
		rows.Release()
		return nil, err
	}
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
		for held, ahead := range aheads {
			got, err := lookUp(t, t.Context(), ahead, 1<<20, scanned, scan)
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s, %s: got %s, %v, want %s", name, held, got, err, want)
			}
		}
	}
}

func TestJoinLeavesToTheEngine(t *testing.T) {
	wide := slices.Clone(scanned)
	wide[2].Type = arrow.ListOf(arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64))
	numbers := slices.Clone(scanned)
	numbers[0].Type = arrow.PrimitiveTypes.Int64
	for name, c := range map[string]struct {
		budget int64
		fields []arrow.Field
		scan   string
	}{
		"rows of one key and time": {1 << 20, scanned, "[" + january + "," + january + "]"},
		"more than the budget":     {100, scanned, "[" + january + "," + february + "," + between + "," + others + "]"},
		"a list of maps":           {1 << 20, wide, `[{"k0":"a","event":"2024-01-31 00:00:00","v0":[]}]`},
		"a key of another type":    {1 << 20, numbers, `[{"k0":1,"event":"2024-01-31 00:00:00","v0":1}]`},
	} {
		for held, ahead := range aheads {
			if got, err := lookUp(t, t.Context(), ahead, c.budget, c.fields, []string{c.scan}); !errors.Is(err, pit.ErrNotInMemory) {
				t.Errorf("%s, %s: got %s, %v", name, held, got, err)
			}
		}
	}
}

// The views of a query share what they may take of memory; keys that they have
// in common are held once.
func TestJoinSharesMemory(t *testing.T) {
	const users, rows = 50, 100 // two rows each, one after the other
	var scan []string
	for batch := range rows / 10 {
		var list []string
		for row := range 10 {
			n := batch*10 + row
			list = append(list, fmt.Sprintf(`{"k0":"user%02d","event":"2024-01-%02d 00:00:00","v0":1.5}`, n/2, 1+n%2))
		}
		scan = append(scan, "["+strings.Join(list, ",")+"]")
	}
	for held, ahead := range aheads {
		least := func(views int) int64 { // budget that is enough
			return int64(sort.Search(1<<20, func(budget int) bool {
				_, err := lookUpIn(t, t.Context(), views, ahead, int64(budget), scanned, scan)
				if err != nil && !errors.Is(err, pit.ErrNotInMemory) {
					t.Fatal(err)
				}
				return err == nil
			}))
		}
		keys := int64(users * (len("user00") + 48))
		if ahead == 1<<20 {
			keys = 0 // the entity rows', which are held anyway
		}
		one, two, five := least(1)-keys, least(2)-keys, least(5)-keys
		if one < rows*(24+8) || one > 2*rows*(24+8) || two != 2*one || five != 5*one {
			t.Errorf("%s: a view takes %d bytes beside its keys, two take %d, five %d", held, one, two, five)
		}
	}
}

// TestJoinEndsWithItsContext cancels while the answer is read: what was not
// answered is an error, not an end.
func TestJoinEndsWithItsContext(t *testing.T) {
	for held, ahead := range aheads {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		read, err := readOn(t, ctx, ahead, slices.Repeat([]string{`[{"label":"x","user_id":"a","day":"2024-02-10"}]`}, 50), cancel)
		if !errors.Is(err, context.Canceled) || read == 50 {
			t.Errorf("%s: read %d batches, then %v", held, read, err)
		}
	}
}

// TestJoinEndsWithItsRows has entity rows that go wrong behind those that are
// read ahead: the answer has what came before, and says why it ends.
func TestJoinEndsWithItsRows(t *testing.T) {
	good := `[{"label":"x","user_id":"a","day":"2024-02-10"}]`
	bad := `[{"label":"x","user_id":"a","day":"2024-02-10"},{"label":"x","user_id":"b","day":"2024-02-10"}]`
	want := `entity row 5: user_id is "b", which does not fit Int64, the declared type of the join key`
	for _, ahead := range []int64{0, 1} {
		read, err := readOn(t, t.Context(), ahead, []string{strings.ReplaceAll(good, `"a"`, `"1"`), strings.ReplaceAll(good, `"a"`, `"2"`),
			strings.ReplaceAll(good, `"a"`, `"3"`), strings.ReplaceAll(bad, `"a"`, `"4"`)}, func() {})
		if err == nil || err.Error() != want || asof.ErrorCode(err) != asof.CodeInvalid || read != 3 {
			t.Errorf("read %d batches, then %v", read, err)
		}
	}
}

// readOn joins batches of entity rows, calls after for each batch of the
// answer, and returns how many there were. Keys that are numbers have their type declared.
func readOn(t *testing.T, ctx context.Context, ahead int64, batches []string, after func()) (int, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	ask, fields := profile(), slices.Clone(scanned)
	row := january
	if !strings.Contains(batches[0], `"a"`) {
		ask.Keys[0].Type, fields[0].Type = asof.Scalar(asof.TypeInt64), arrow.PrimitiveTypes.Int64
		row = strings.ReplaceAll(january, `"a"`, "1")
	}
	v := view(t, ask, "profiles", columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal"))
	q := &pit.Query{Views: []*pit.View{v}}
	entities := reader(t, mem, asked, batches...)
	defer entities.Release()
	rows, err := pit.ReadRows(ctx, entities, "day", q.Views, ahead, mem)
	if err != nil {
		return 0, err
	}
	answer, err := pit.Join(ctx, q, rows, func(context.Context, *pit.View) (array.RecordReader, error) {
		return reader(t, mem, fields, "["+row+"]"), nil
	}, 1<<20, mem)
	if err != nil {
		rows.Release()
		return 0, err
	}
	defer answer.Release()
	read := 0
	for answer.Next() {
		read++
		after()
	}
	return read, answer.Err()
}
