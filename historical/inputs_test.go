package historical_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
	"github.com/asof-dev/asof/storetest"
)

const featherFiles = `
import sys, pandas as pd, pyarrow as pa, pyarrow.feather as feather
folder = sys.argv[1]
frame = pd.DataFrame({"user_id": pd.Categorical(["3413-BMNZE", None, "x", "3413-BMNZE"]), "event_timestamp": [pd.Timestamp("2024-01-31", tz="UTC")] * 4, "n": [1, 2, 3, 4]})
feather.write_feather(frame, folder + "/users.feather", compression="lz4")
with pa.ipc.new_file(folder + "/users.arrow", pa.Table.from_pandas(frame).schema) as out:
    for batch in pa.Table.from_pandas(frame).to_batches(max_chunksize=3):
        out.write_batch(batch)
with pa.ipc.new_stream(folder + "/stream.arrow", pa.Table.from_pandas(frame).schema) as out:
    out.write_table(pa.Table.from_pandas(frame))
`

const readFeather = `
import sys, pyarrow.feather as feather
table = feather.read_table(sys.argv[1])
print([str(f.type) for f in table.schema])
print(table.to_pandas().to_csv(index=False), end="")
`

// Arrow files of pandas are read, and ours are read by it.
func TestArrowFiles(t *testing.T) {
	dir := t.TempDir()
	storetest.RunPython(t, featherFiles, dir)
	want := "user_id,event_timestamp,n,months_active\n3413-BMNZE,2024-01-31,1,1\n,2024-01-31,2,\nx,2024-01-31,3,\n3413-BMNZE,2024-01-31,4,1\n"
	for _, name := range []string{"users.feather", "users.arrow"} {
		_, text := run(t, historical.Request{References: training[:1], Entities: historical.Entities{Path: filepath.Join(dir, name)}})
		if text != want {
			t.Errorf("%s: %s", name, cmp.Diff(want, text))
		}
	}
	refused(t, historical.Request{References: training[:1], Entities: historical.Entities{Path: filepath.Join(dir, "stream.arrow")}}, asof.CodeInvalid,
		"entity rows "+filepath.Join(dir, "stream.arrow")+" cannot be read as an Arrow file: arrow/ipc: could not decode footer: arrow/ipc: not an Arrow file")

	out := filepath.Join(dir, "out.arrow")
	_, err := historical.Run(context.Background(), request(t, historical.Request{References: training[:2], Output: out,
		Entities: historical.Entities{Path: filepath.Join(dir, "users.arrow")}}))
	if err != nil {
		t.Fatal(err)
	}
	want = `['string', 'timestamp[ns, tz=UTC]', 'int64', 'int64', 'float']
user_id,event_timestamp,n,months_active,monthly_fee
3413-BMNZE,2024-01-31 00:00:00+00:00,1,1.0,45.25
,2024-01-31 00:00:00+00:00,2,,
x,2024-01-31 00:00:00+00:00,3,,
3413-BMNZE,2024-01-31 00:00:00+00:00,4,1.0,45.25
`
	if d := cmp.Diff(want, string(storetest.RunPython(t, readFeather, out))); d != "" {
		t.Error(d)
	}
}

func TestJSONInput(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"keys by their type, the rest by its values",
			`[{"user_id": "3413-BMNZE", "event_timestamp": "2024-01-31", "n": 1, "x": 1.5, "ok": true, "zip": "007"}, {"zip": "1", "event_timestamp": "2024-02-01T00:00:00", "user_id": null}]`,
			"user_id,event_timestamp,n,x,ok,zip,months_active\n3413-BMNZE,2024-01-31,1,1.5,True,007,1\n,2024-02-01,,,,1,\n"},
		{"a number for a text key", `[{"user_id": 7, "event_timestamp": "2024-01-31"}]`, "user_id,event_timestamp,months_active\n7,2024-01-31,\n"},
		{"the only time by another name", `[{"user_id": "3413-BMNZE", "seen": "2024-02-29"}]`, "user_id,seen,months_active\n3413-BMNZE,2024-02-29,2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, text := run(t, historical.Request{References: training[:1], Entities: historical.Entities{JSON: c.in}})
			if text != c.want {
				t.Error(cmp.Diff(c.want, text))
			}
		})
	}
	for in, want := range map[string]string{
		`{"user_id": 7}`: `the JSON of the entity rows: it is no list of objects; write [{"user_id": 7, "event_timestamp": "2024-01-31"}]`,
		`[7]`:            `the JSON of the entity rows: element 1 is no object`,
		`[{"user_id": "a", "event_timestamp": "2024-01-31"}`:                      `the JSON of the entity rows: it ends before its list does`,
		`[{"user_id": "a", "event_timestamp": "2024-01-31"}] 7`:                   `the JSON of the entity rows: something follows the list`,
		`[{"user_id": ["a"], "event_timestamp": "2024-01-31"}]`:                   `the JSON of the entity rows: element 1: "user_id" is a list or an object; write a number, a text, true, false or null`,
		`[{"user_id": "a", "user_id": "b", "event_timestamp": "2024-01-31"}]`:     `the JSON of the entity rows: element 1: "user_id" is there twice`,
		`[{"user_id": "a", "event_timestamp": 1706659200}]`:                       `the JSON of the entity rows: event_timestamp holds what is not a time; write it as "2024-01-31" or "2024-01-31T10:00:00Z"`,
		`[{"user_id": "a", "event_timestamp": "2024-01-31", "x": 1}, {"x": "1"}]`: `the JSON of the entity rows: "x" holds values of more than one kind; write numbers, texts, or truths alone`,
	} {
		refused(t, historical.Request{References: training[:1], Entities: historical.Entities{JSON: in}}, asof.CodeInvalid, want)
	}
}

func TestSpanOfTime(t *testing.T) {
	day := func(d string) time.Time { at, _ := asof.ParseTime(d); return at }
	for _, c := range []struct {
		name       string
		events     asof.Events
		references []string
		want       string
	}{
		{"every event of every view", asof.Events{From: day("2024-01-01"), To: day("2024-02-29")}, []string{"usage:watch_hours_30d", "subs:months_active"},
			"user_id,event_timestamp,watch_hours_30d,months_active\n3413-BMNZE,2024-01-31,32.09199,1\n3413-BMNZE,2024-02-29,32.09199,2\n7590-VHVEG,2024-01-31,24.48365,\n"},
		{"at one time", asof.Events{At: day("2024-02-10")}, []string{"subs:months_active", "global:rate"},
			"user_id,event_timestamp,months_active,rate\n3413-BMNZE,2024-02-10,1,0.5\n7590-VHVEG,2024-02-10,,0.5\n"},
		{"nobody yet", asof.Events{At: day("2023-02-10")}, []string{"subs:months_active"}, "user_id,event_timestamp,months_active\n"},
		{"without keys", asof.Events{To: day("2024-02-10")}, []string{"global:rate"}, "event_timestamp,rate\n2024-01-01,0.5\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, text := run(t, historical.Request{References: c.references, Entities: historical.Entities{Events: &c.events}})
			if text != c.want {
				t.Error(cmp.Diff(c.want, text))
			}
		})
	}
}

// What is printed is JSON that reads back as the rows.
func TestPrint(t *testing.T) {
	var out bytes.Buffer
	ask := historical.Request{References: training[:4], Entities: historical.Entities{JSON: `[
		{"user_id": "3413-BMNZE", "event_timestamp": "2024-01-31T10:00:00Z", "note": "a \"b\"\n<ü>"},
		{"user_id": "7590-VHVEG", "event_timestamp": "2024-01-31T10:00:00.1239Z", "note": null}]`}}
	result, err := historical.Print(context.Background(), request(t, ask), &out)
	if err != nil || result.Rows != 2 {
		t.Fatalf("%d rows, %v", result.Rows, err)
	}
	var got []map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.Bytes())
	}
	want := []map[string]any{
		{"user_id": "3413-BMNZE", "event_timestamp": 1706695200000.0, "note": "a \"b\"\n<ü>", "months_active": 1.0, "monthly_fee": 45.25, "paperless_billing": false, "watch_hours_30d": 32.09199},
		{"user_id": "7590-VHVEG", "event_timestamp": 1706695200123.0, "note": nil, "months_active": nil, "monthly_fee": 29.85, "paperless_billing": true, "watch_hours_30d": 24.48365},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	out.Reset()
	none := historical.Request{References: training[:1], Entities: historical.Entities{Events: &asof.Events{At: time.Unix(0, 0)}}}
	if _, err := historical.Print(context.Background(), request(t, none), &out); err != nil || out.String() != "[]\n" {
		t.Errorf("no rows: %q, %v", out.String(), err)
	}
}

// What was created after a row's time is left out where that is asked for.
func TestCreatedCutoff(t *testing.T) {
	late := view("late", "late", userKey, field("n", asof.TypeInt64))
	late.Source.CreatedField = "loaded"
	for _, c := range []struct {
		cutoff bool
		want   string
	}{{false, "user_id,event_timestamp,n\na,2024-01-31,2\n"}, {true, "user_id,event_timestamp,n\na,2024-01-31,1\n"}} {
		r := request(t, historical.Request{Snapshot: project(late), References: []string{"late:n"}, CreatedCutoff: c.cutoff,
			Entities: historical.Entities{JSON: `[{"user_id": "a", "event_timestamp": "2024-01-31"}]`}, Output: filepath.Join(t.TempDir(), "out.csv")})
		putLate(t, r)
		if _, err := historical.Run(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(r.Output); string(text) != c.want {
			t.Error(cmp.Diff(c.want, string(text)))
		}
	}
}
