package historical_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// given makes entity rows that a caller has, the same ones so many times.
func given(t *testing.T, fields []arrow.Field, json string, times int) array.RecordReader {
	t.Helper()
	rows := batch(t, fields, json)
	t.Cleanup(rows.Release)
	var all []arrow.RecordBatch
	for range times {
		all = append(all, rows)
	}
	reader, err := array.NewRecordReader(rows.Schema(), all)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Release)
	return reader
}

// Entity rows of the caller's are answered like those of a file; their time may
// be text, a category its values.
func TestGivenRecords(t *testing.T) {
	text := arrow.BinaryTypes.String
	dictionary := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: text}
	rows := given(t, columns("user_id", dictionary, "event_timestamp", text, "note", dictionary),
		`[{"user_id": "7590-VHVEG", "event_timestamp": "2024-01-31 12:00:00", "note": "x"}, {"user_id": "9999-NONE", "event_timestamp": "2024-01-31", "note": null}]`, 2)
	_, got := run(t, historical.Request{References: []string{"subs:monthly_fee"}, Entities: historical.Entities{Records: rows}})
	want := "user_id,event_timestamp,note,monthly_fee\n" + strings.Repeat("7590-VHVEG,2024-01-31 12:00:00,x,29.85\n9999-NONE,2024-01-31 00:00:00,,\n", 2)
	if strings.ReplaceAll(got, "+00:00", "") != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	rows = given(t, columns("user_id", text, "event_timestamp", text), `[{"user_id": "a", "event_timestamp": "2024-01-31"}, {"user_id": "a", "event_timestamp": "soon"}]`, 1)
	refused(t, historical.Request{References: []string{"subs:monthly_fee"}, Entities: historical.Entities{Records: rows}}, asof.CodeInvalid,
		`the entity rows: row 2: column "event_timestamp" holds "soon", which is no time`)
	for json, cause := range map[string]error{`[{"event_timestamp": "2024-01-31"}]`: historical.ErrMissingKey, `[{"user_id": "a"}]`: historical.ErrNoTimestamp} {
		var fields []arrow.Field
		for _, name := range []string{"user_id", "event_timestamp"} {
			if strings.Contains(json, name) {
				fields = append(fields, columns(name, text)...)
			}
		}
		_, err := historical.Run(t.Context(), request(t, historical.Request{References: []string{"subs:monthly_fee"}, Entities: historical.Entities{Records: given(t, fields, json, 1)},
			Output: filepath.Join(t.TempDir(), "out.csv")}))
		if !errors.Is(err, cause) || asof.ErrorCode(err) != asof.CodeInvalid {
			t.Errorf("%s: %v, want %v", json, err, cause)
		}
	}
}

// A view is asked for under its alias, by the columns that the alias has it
// joined by.
func TestAliases(t *testing.T) {
	aliases := map[string]asof.Projection{"friend": {View: "subs", Alias: "friend", JoinKeyMap: map[string]string{"user_id": "friend_id"}}}
	rows := given(t, columns("user_id", arrow.BinaryTypes.String, "friend_id", arrow.BinaryTypes.String, "event_timestamp", arrow.BinaryTypes.String),
		`[{"user_id": "3413-BMNZE", "friend_id": "7590-VHVEG", "event_timestamp": "2024-01-31"}]`, 1)
	_, got := run(t, historical.Request{References: []string{"friend:monthly_fee", "subs:monthly_fee"}, Aliases: aliases, FullNames: true, Entities: historical.Entities{Records: rows}})
	if head, row, _ := strings.Cut(strings.TrimSpace(got), "\n"); head != "user_id,friend_id,event_timestamp,friend__monthly_fee,subs__monthly_fee" || !strings.HasSuffix(row, ",29.85,45.25") {
		t.Errorf("got\n%s", got)
	}
}

// What is saved is whole or not there.
func TestSave(t *testing.T) {
	fields := columns("n", arrow.PrimitiveTypes.Int64)
	path := filepath.Join(t.TempDir(), "new", "saved.csv")
	if n, err := historical.Save(t.Context(), historical.Request{Output: path}, given(t, fields, `[{"n": 1}, {"n": null}]`, 2)); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	if text, err := os.ReadFile(path); string(text) != "n\n1\n\"\"\n1\n\"\"\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	broken := errors.New("the line is cut")
	rows := array.ReaderFromIter(arrow.NewSchema(fields, nil), func(yield func(arrow.RecordBatch, error) bool) {
		if yield(batch(t, fields, `[{"n": 3}]`), nil) {
			yield(nil, broken)
		}
	})
	defer rows.Release()
	if _, err := historical.Save(t.Context(), historical.Request{Output: path}, rows); !errors.Is(err, broken) {
		t.Errorf("rows that end early: %v", err)
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), "3") {
		t.Errorf("they are there: %s", text)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// Logs go to files of their own, by the columns that divide them.
func TestAppendLogs(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	fields := columns("n", arrow.PrimitiveTypes.Int64, "day", arrow.FixedWidthTypes.Date32, "town", arrow.BinaryTypes.String)
	logs := `[{"n": 1, "day": "2024-01-01", "town": "Bern"}, {"n": 2, "day": "2024-01-01", "town": "a/b"}, {"n": 3, "day": "2024-01-02", "town": null}, {"n": 4, "day": "2024-01-01", "town": ".."}]`
	for range 2 {
		if n, err := historical.AppendLogs(t.Context(), folder, "asof", []string{"day", "town"}, given(t, fields, logs, 2)); n != 8 || err != nil {
			t.Fatal(n, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]int{}
	for _, file := range files {
		place, _ := filepath.Rel(folder, filepath.Dir(file))
		places[place]++
	}
	want := map[string]int{"2024-01-01/Bern": 2, "2024-01-01/a%2Fb": 2, "2024-01-01/value-..": 2, "2024-01-02/null": 2}
	for place, n := range want {
		if places[place] != n {
			t.Errorf("there are %v, want %v", places, want)
		}
	}
	if n, err := historical.AppendLogs(t.Context(), folder, "asof", nil, given(t, columns("other", arrow.BinaryTypes.String), `[{"other": "x"}]`, 1)); n != 1 || err != nil {
		t.Errorf("other columns: %d, %v", n, err)
	}
	if n, err := historical.AppendLogs(t.Context(), folder, "asof", nil, given(t, fields, `[]`, 0)); n != 0 || err != nil {
		t.Errorf("no rows: %d, %v", n, err)
	}
	_, err = historical.AppendLogs(t.Context(), folder, "asof", []string{"city"}, given(t, fields, logs, 1))
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `no column "city"`) {
		t.Errorf("a column that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := historical.AppendLogs(ctx, folder, "asof", []string{"n"}, given(t, fields, logs, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: %v", err)
	}
	if now, _ := os.ReadDir(folder); len(now) != 3 { // two days and a file
		t.Errorf("there are %v", now)
	}
}
