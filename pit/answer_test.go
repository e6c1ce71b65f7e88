package pit_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
)

// reader makes a reader of batches, each from Arrow's JSON.
func reader(t *testing.T, mem memory.Allocator, fields []arrow.Field, batches ...string) array.RecordReader {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	var made []arrow.RecordBatch
	for _, text := range batches {
		b, _, err := array.RecordFromJSON(mem, schema, strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Release()
		made = append(made, b)
	}
	r, err := array.NewRecordReader(schema, made)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	asked = []arrow.Field{{Name: "label", Type: arrow.BinaryTypes.LargeString, Nullable: true},
		{Name: "user_id", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true}}
	fee = []arrow.Field{{Name: "profile__fee", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}
)

// stitch puts an engine's rows beside entity rows and returns label and fee.
func stitch(t *testing.T, ahead int64, entities, raw []string) ([]string, error) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	v := view(t, profile(), "profiles", columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal"))
	q := &pit.Query{Views: []*pit.View{v}}
	from := reader(t, mem, asked, entities...)
	defer from.Release()
	rows, err := pit.ReadRows(context.Background(), from, "day", q.Views, ahead, mem)
	if err != nil {
		return nil, err
	}
	dir := t.TempDir()
	table := rows.Table(context.Background(), func() (string, error) { return dir, nil })
	numbers := 0
	for table.Next() {
		for _, nr := range table.RecordBatch().Column(0).(*array.Int64).Int64Values() {
			if nr != int64(numbers) {
				t.Errorf("entity row %d has the number %d", numbers, nr)
			}
			numbers++
		}
	}
	if err := table.Err(); err != nil {
		t.Fatal(err)
	}
	table.Release()
	defer func() {
		if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
			t.Errorf("left behind: %v (%v)", left, err)
		}
	}()
	answer := pit.HistoricalAnswer(q, rows, reader(t, mem, fee, raw...), mem)
	defer answer.Release()
	if !arrow.TypeEqual(answer.Schema().Field(0).Type, arrow.BinaryTypes.LargeString) || answer.Schema().Field(3).Type.ID() != arrow.FLOAT32 {
		t.Errorf("the answer's types are %s", answer.Schema())
	}
	var got []string
	for answer.Next() {
		b := answer.RecordBatch()
		for i := range int(b.NumRows()) {
			got = append(got, b.Column(0).ValueStr(i)+" "+b.Column(3).ValueStr(i))
		}
	}
	return got, answer.Err()
}

func TestAnswerStitchesBatches(t *testing.T) {
	entities := []string{`[{"label":"a","user_id":"1","day":"2024-01-31"}]`, `[]`,
		`[{"label":"b","user_id":"2"},{"label":"c","user_id":null,"day":"2024-02-01"},{"label":"d","user_id":"4","day":"2024-02-02"}]`}
	want := []string{"a 1.5", "b (null)", "c 0.1", "d 4"}
	for _, raw := range [][]string{
		{`[{"profile__fee":1.5},{"profile__fee":null},{"profile__fee":0.1},{"profile__fee":4}]`},
		{`[{"profile__fee":1.5},{"profile__fee":null}]`, `[]`, `[{"profile__fee":0.1}]`, `[{"profile__fee":4}]`},
	} {
		for held, ahead := range aheads {
			if got, err := stitch(t, ahead, entities, raw); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v (%v), want %v", held, got, err, want)
			}
		}
	}
	for want, raw := range map[string]string{
		"the engine answered 2 rows less than there are entity rows":                                                             `[{"profile__fee":1.5},{"profile__fee":2}]`,
		"the engine answered more rows than there are entity rows":                                                               `[{},{},{},{},{}]`,
		`feature view "profile": column "monthly_fee" holds 1e+39 where user_id=4, which does not fit its declared type Float32`: `[{},{},{},{"profile__fee":1e39}]`,
	} {
		for held, ahead := range aheads {
			if got, err := stitch(t, ahead, entities, []string{raw}); err == nil || err.Error() != want {
				t.Errorf("%s: %v (%v), want %s", held, got, err, want)
			}
		}
	}
}

func TestEntityRowsAreChecked(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	number := profile()
	number.Keys[0].Type = asof.Scalar(asof.TypeInt64)
	have := columns(dialects[0].types, "user_id", "text", "as_of", "day", "monthly_fee", "decimal")
	views := []*pit.View{view(t, profile(), "profiles", have), view(t, number, "profiles", have)}
	for _, c := range []struct{ timestamp, rows, want string }{
		{"days", `[]`, `the entity rows have no column "days", their time; did you mean "day"?`},
		{"label", `[{"label":"x"}]`, `the entity rows' column "label" is large_utf8, not a timestamp or a date`},
		{"day", `[{"user_id":"7","day":"2024-01-31"},{"user_id":"x"}]`, `entity row 2: user_id is "x", which does not fit Int64, the declared type of the join key`},
	} {
		from := reader(t, mem, asked, c.rows)
		_, err := pit.ReadRows(context.Background(), from, c.timestamp, views, 1<<20, mem)
		from.Release()
		if err == nil || err.Error() != c.want || asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%v (%s), want %s", err, asof.ErrorCode(err), c.want)
		}
	}
	from := reader(t, mem, asked, `[{"user_id":"7","day":"2024-01-31"}]`, `[{"user_id":null,"day":null},{"user_id":"8","day":"2023-12-31"}]`)
	rows, err := pit.ReadRows(context.Background(), from, "day", views, 1<<20, mem)
	from.Release()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	day := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	if !rows.To.Equal(day) || !rows.From.Equal(day.AddDate(0, -1, 0)) {
		t.Errorf("the rows' times are %v to %v", rows.From, rows.To)
	}
	table := rows.Table(context.Background(), nil)
	defer table.Release()
	if n := table.Schema().NumFields(); n != 4 {
		t.Errorf("number, time and the key in two types are sent as %d columns", n)
	}
}
