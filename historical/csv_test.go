package historical_test

import (
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/historical"
)

// rate is a feature without keys, so that any entity rows will do.
var rate = []string{"global:rate"}

func TestCSVInput(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"byte order mark, CRLF, no last line end", "\ufeffevent_timestamp,x\r\n2024-01-31,1\r\n2024-02-01,2", "event_timestamp,x,rate\n2024-01-31,1,0.5\n2024-02-01,2,0.5\n"},
		{"quotes", "\"event_timestamp\",\"x\"\n\"2024-01-31\",\"a, \"\"b\"\"\nc\"\n", "event_timestamp,x,rate\n2024-01-31,\"a, \"\"b\"\"\nc\",0.5\n"},
		{"empty cells are NULL", "event_timestamp,i,f,b,s,none\n2024-01-31,1,1.5,True,a,\n,,,,\"\",\n", "event_timestamp,i,f,b,s,none,rate\n2024-01-31,1,1.5,True,a,,0.5\n,,,,,,\n"},
		{"identifiers", "event_timestamp,zip,big\n2024-01-31,01234,18446744073709551616\n2024-01-31,8001,1\n", "event_timestamp,zip,big,rate\n2024-01-31,01234,18446744073709551616,0.5\n2024-01-31,8001,1,0.5\n"},
		{"words that some take for NULL", "event_timestamp,x\n2024-01-31,NA\n2024-01-31,null\n", "event_timestamp,x,rate\n2024-01-31,NA,0.5\n2024-01-31,null,0.5\n"},
		{"times without a zone", "event_timestamp\n2024-01-31T10:00:00\n2024-01-31 10:00\n2024-01-31\n2024-01-31 10:00:00.25\n",
			"event_timestamp,rate\n2024-01-31 10:00:00.000,0.5\n2024-01-31 10:00:00.000,0.5\n2024-01-31 00:00:00.000,0.5\n2024-01-31 10:00:00.250,0.5\n"},
		{"times with zones", "event_timestamp\n2024-01-31T10:00:00Z\n2024-01-31 10:00:00+01:00\n2024-01-31 10:00:00 UTC\n2024-01-31T10:00:00.5-0530\n2024-01-31\n",
			"event_timestamp,rate\n2024-01-31 10:00:00+00:00,0.5\n2024-01-31 09:00:00+00:00,0.5\n2024-01-31 10:00:00+00:00,0.5\n2024-01-31 15:30:00.500000+00:00,0.5\n2024-01-31 00:00:00+00:00,0.5\n"},
		{"the only column of times", "seen,signup\n2024-01-31,1\n", "seen,signup,rate\n2024-01-31,1,0.5\n"},
		{"other times stay as they are", "event_timestamp,signup\n2024-01-31,2024-01-01T00:00Z\n", "event_timestamp,signup,rate\n2024-01-31,2024-01-01T00:00Z,0.5\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, text := run(t, historical.Request{References: rate, Entities: historical.Entities{Path: file(t, "users.csv", c.in)}})
			if text != c.want {
				t.Error(cmp.Diff(c.want, text))
			}
		})
	}
}

// A join key has its declared type, whatever its cells look like.
func TestCSVKeys(t *testing.T) {
	keyed := func(types ...asof.ValueType) *asof.Snapshot {
		var views []asof.Object
		for i, typ := range types {
			views = append(views, view([]string{"a", "b"}[i], "keyed", []asof.Field{field("id", typ)}, field([]string{"v", "w"}[i], asof.TypeInt64)))
		}
		return project(views...)
	}
	table := batch(t, columns("id", arrow.BinaryTypes.String, "as_of", arrow.FixedWidthTypes.Date32, "v", arrow.PrimitiveTypes.Int64, "w", arrow.PrimitiveTypes.Int64),
		`[{"id": "7", "as_of": "2024-01-01", "v": 70, "w": 700}]`)
	defer table.Release()
	in := file(t, "ids.csv", "id,event_timestamp\n7,2024-01-31\n007,2024-01-31\n,2024-01-31\n")
	for _, c := range []struct {
		name       string
		types      []asof.ValueType
		references []string
		want       string
	}{
		{"text keeps its zeros", []asof.ValueType{asof.TypeString}, []string{"a:v"}, "id,event_timestamp,v\n7,2024-01-31,70\n007,2024-01-31,\n,2024-01-31,\n"},
		{"numbers have none", []asof.ValueType{asof.TypeInt64}, []string{"a:v"}, "id,event_timestamp,v\n7,2024-01-31,70\n7,2024-01-31,70\n,2024-01-31,\n"},
		{"declared in two ways", []asof.ValueType{asof.TypeInt64, asof.TypeString}, []string{"a:v", "b:w"}, "id,event_timestamp,v,w\n7,2024-01-31,70,700\n007,2024-01-31,70,\n,2024-01-31,,\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(t, historical.Request{Snapshot: keyed(c.types...), References: c.references,
				Entities: historical.Entities{Path: in}, Output: filepath.Join(t.TempDir(), "out.csv")})
			r.Store.(interface {
				Put(string, arrow.RecordBatch)
			}).Put("keyed", table)
			if _, err := historical.Run(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			if text, _ := os.ReadFile(r.Output); string(text) != c.want {
				t.Error(cmp.Diff(c.want, string(text)))
			}
		})
	}
}

// Bytes are base64, what is nested is JSON.
func TestCSVOfNestedValues(t *testing.T) {
	list, nested := asof.Scalar(asof.TypeFloat64List).Arrow(), arrow.StructOf(columns("a", arrow.PrimitiveTypes.Int64, "b", arrow.BinaryTypes.String)...)
	rows := batch(t, columns("event_timestamp", arrow.FixedWidthTypes.Date32, "bytes", arrow.BinaryTypes.Binary, "list", list, "texts", arrow.ListOf(arrow.BinaryTypes.String), "struct", nested),
		`[{"event_timestamp": "2024-01-31", "bytes": "AAH/", "list": [1, 2.5, null], "texts": ["a", "b\"c"], "struct": {"a": 1, "b": "x"}},
		  {"event_timestamp": "2024-01-31", "bytes": null, "list": null, "texts": [], "struct": null}]`)
	defer rows.Release()
	r := request(t, historical.Request{References: rate, Entities: historical.Entities{SQL: "SELECT nested"}, Output: filepath.Join(t.TempDir(), "out.csv")})
	r.Store.(interface {
		Put(string, arrow.RecordBatch)
	}).Put("SELECT nested", rows)
	if _, err := historical.Run(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(r.Output)
	want := "event_timestamp,bytes,list,texts,struct,rate\n" +
		`2024-01-31,AAH/,"[1.0,2.5,null]","[""a"",""b\""c""]","{""a"":1,""b"":""x""}",0.5` + "\n2024-01-31,,,[],,0.5\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

// FuzzCSV gives any file to the reader: it is refused with a sentence that
// names the file, or comes out cell by cell as the csv package reads it.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{january, "event_timestamp\n", "\ufeffevent_timestamp,x\r\n2024-01-31,\"a\"\"\nb\"\r\n", "x,event_timestamp\n1,2024-01-31T10:00:00.123456789Z\n,\n",
		"event_timestamp,x\n2024-01-31,\xff\n", "event_timestamp;x\n", "\"", "event_timestamp,a\n2024-01-31,1\n2024-01-31\n", "t\n2024-01-31\n", "event_timestamp,x\n2024-01-31,NaN\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, "fuzz.csv", text)
		rows, err := historical.Records(context.Background(), request(t, historical.Request{References: rate, Entities: historical.Entities{Path: path}}))
		if err != nil {
			if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), path) || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		defer rows.Release()
		reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		want, err := reader.ReadAll()
		if err != nil {
			t.Fatalf("%q was read, and is no CSV: %v", text, err)
		}
		row := 1
		for rows.Next() {
			batch := rows.RecordBatch()
			for i := range int(batch.NumRows()) {
				for c, cell := range want[row] {
					sameCell(t, batch.Column(c), i, cell)
				}
				row++
			}
		}
		if rows.Err() != nil || row != len(want) {
			t.Errorf("%q: %d rows, want %d: %v", text, row-1, len(want)-1, rows.Err())
		}
	})
}

// sameCell checks what is NULL, and text letter by letter.
func sameCell(t *testing.T, column arrow.Array, i int, cell string) {
	if column.IsNull(i) != (cell == "") {
		t.Errorf("%q is read as %s", cell, column.ValueStr(i))
	} else if c, ok := column.(*array.String); ok && c.Value(i) != cell && cell != "" {
		t.Errorf("%q is read as %q", cell, c.Value(i))
	}
}
