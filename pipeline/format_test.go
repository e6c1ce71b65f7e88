package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/klauspost/compress/zstd"

	"github.com/asof-dev/asof"
)

// shaped is a load step of the table t with the columns id, name, fee, day and
// seen, and what else stands in it.
func shaped(file, more string) string {
	return "name: p\nparams: {as_of: {type: date}, source: {default: web}}\nsteps:\n  - load: t\n    file: '" + file + "'\n    key: id\n" +
		"    columns: {id: integer, name: text, fee: \"numeric(8,2)\", day: date, seen: timestamptz}\n" + more
}

// loadFolder runs the definition over files by name.
func loadFolder(t *testing.T, w asof.Warehouse, definition string, files map[string]string) (monthReport, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := loadText(t, definition)
	if err != nil {
		t.Fatal(err)
	}
	return carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}})
}

const (
	usual = "id,name,fee,day,seen\n1,a,1234.50,2024-01-31,2024-01-31 10:00:00\n2,,,,\n"
	// rowsOfT are those rows of t; a name is told apart from none.
	rowsOfT = "SELECT string_agg(concat_ws('|', CAST(id AS text), coalesce(name, 'NULL'), coalesce(CAST(fee AS text), 'NULL'), coalesce(CAST(day AS text), 'NULL'), " +
		"coalesce(CAST(seen AS text), 'NULL')), ' ' ORDER BY id) FROM t"
	usualRows = "1|a|1234.50|2024-01-31|2024-01-31 10:00:00+00 2|NULL|NULL|NULL|NULL"
)

func TestFilesOfEveryForm(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(usual))
	_ = z.Close()
	zst, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	utf16 := "\xff\xfe"
	for _, c := range usual {
		utf16 += string([]byte{byte(c), 0})
	}
	for name, c := range map[string]struct {
		file, more string
		files      map[string]string
		want       string // usualRows where it is empty
	}{
		"csv":                 {"t.csv", "", map[string]string{"t.csv": usual}, ""},
		"a mark of UTF-8":     {"t.csv", "", map[string]string{"t.csv": "\ufeff" + usual}, ""},
		"gzip":                {"t.csv.gz", "", map[string]string{"t.csv.gz": packed.String()}, ""},
		"zstd":                {"t.csv.zst", "", map[string]string{"t.csv.zst": string(zst.EncodeAll([]byte(usual), nil))}, ""},
		"utf-16":              {"t.csv", "    csv: {encoding: utf-16}\n", map[string]string{"t.csv": utf16}, ""},
		"semicolons":          {"t.csv", "    csv: {delimiter: ';'}\n", map[string]string{"t.csv": strings.ReplaceAll(usual, ",", ";")}, ""},
		"tabs":                {"t.tsv", "    csv: {delimiter: tab}\n", map[string]string{"t.tsv": strings.ReplaceAll(usual, ",", "\t")}, ""},
		"a European file":     {"t.csv", "    csv: {delimiter: ';', decimal: ',', thousands: '.', dates: '%d.%m.%Y', times: '%d.%m.%Y %H:%M', encoding: latin-1}\n", map[string]string{"t.csv": "id;name;fee;day;seen\n1;\xfc;1.234,50;31.01.2024;31.01.2024 10:00\n2;;;;\n"}, strings.Replace(usualRows, "|a|", "|ü|", 1)},
		"windows-1252":        {"t.csv", "    csv: {encoding: windows-1252}\n", map[string]string{"t.csv": strings.Replace(usual, ",a,", ",\x80,", 1)}, strings.Replace(usualRows, "|a|", "|€|", 1)},
		"words for null":      {"t.csv", "    csv: {nulls: [NA, '-']}\n", map[string]string{"t.csv": strings.Replace(usual, "2,,,,", "2,NA,-,,\"NA\"", 1)}, ""},
		"a null word in text": {"t.csv", "    csv: {nulls: NA}\n", map[string]string{"t.csv": strings.Replace(usual, "2,,,,", "2,\"NA\",,,", 1)}, strings.Replace(usualRows, "2|NULL", "2|NA", 1)},
		"an empty text":       {"t.csv", "", map[string]string{"t.csv": strings.Replace(usual, "2,,,,", `2,"",,,`, 1)}, strings.Replace(usualRows, "2|NULL", "2|", 1)},
		"other quotes":        {"t.csv", "    csv: {quote: \"'\"}\n", map[string]string{"t.csv": strings.Replace(usual, ",a,", ",'it''s, \"a\"\n',", 1)}, strings.Replace(usualRows, "|a|", "|it's, \"a\"\n|", 1)},
		"escaped quotes":      {"t.csv", "    csv: {escape: '\\'}\n", map[string]string{"t.csv": strings.Replace(usual, ",a,", `,"\"a\" \\ \n",`, 1)}, strings.Replace(usualRows, "|a|", `|"a" \ \n|`, 1)},
		"no quotes":           {"t.csv", "    csv: {quote: none}\n", map[string]string{"t.csv": strings.Replace(usual, ",a,", `,5" a,`, 1)}, strings.Replace(usualRows, "|a|", `|5" a|`, 1)},
		"no header":           {"t.csv", "    csv: {header: false}\n", map[string]string{"t.csv": strings.TrimPrefix(usual, "id,name,fee,day,seen\n")}, ""},
		"names, no header":    {"t.csv", "    csv: {header: [seen, day, fee, name, id]}\n", map[string]string{"t.csv": "2024-01-31 10:00:00,2024-01-31,1234.50,a,1\n,,,,2\n"}, ""},
		"other names":         {"t.csv", "    rename: {ID: id, Name: name}\n    ignore: [x]\n", map[string]string{"t.csv": strings.Replace(strings.ReplaceAll(strings.ReplaceAll(usual, "\n", ",9\n"), "seen,9", "seen,x"), "id,name", "ID,Name", 1)}, ""},
		"others ignored":      {"t.csv", "    ignore: '*'\n", map[string]string{"t.csv": strings.ReplaceAll(strings.ReplaceAll(usual, "\n", ",9,8\n"), "seen,9,8", "seen,x,y")}, ""},
		"a constant":          {"t.csv", "    constants: {name: '{{source}}', fee: 2}\n", map[string]string{"t.csv": "id,day,seen\n1,,\n"}, "1|web|2.00|NULL|NULL"},
		"a value of the path": {"data", "    from_path: {day: 'month=([0-9-]+)'}\n", map[string]string{"data/month=2024-01-31/a.csv": "id,name,fee,seen\n1,a,,\n", "data/month=2024-02-29/b.csv": "id,seen,fee,name\n2,,,b\n", "data/_SUCCESS": "", "data/.hidden.csv": "x"}, "1|a|NULL|2024-01-31|NULL 2|b|NULL|2024-02-29|NULL"},
		"a pattern":           {"part-*.csv", "", map[string]string{"part-1.csv": strings.Split(usual, "2,,")[0], "part-2.csv": "id,name,fee,day,seen\n2,,,,\n", "other.csv": "x"}, ""},
		"json lines": {"t.jsonl", "    rename: {Name: name}\n    ignore: more\n", map[string]string{"t.jsonl": `{"id": 1, "Name": "a", "fee": 1234.5, "day": "2024-01-31", "seen": "2024-01-31T10:00:00Z", "more": {"x": [1, "}"]}}` + "\n\n" +
			`{"id":2,"Name":null}` + "\n"}, ""},
		"texts of json lines": {"t.json", "", map[string]string{"t.json": `{"fee":null,"day":null,"seen":null,"id":1,"name":"\"\u00fc\\\n"}` + "\r\n" + `{ "id" : 2 , "name" : "" }` + "\n" + `{"id":3,"name":[1, {"a":"b"}]}`}, "1|\"ü\\\n|NULL|NULL|NULL 2||NULL|NULL|NULL 3|[1, {\"a\":\"b\"}]|NULL|NULL|NULL"},
		"parquet":             {"t.parquet", "", map[string]string{"t.parquet": parquetFile(t)}, ""},
		"a file's own format": {"t.data", "    format: jsonl\n", map[string]string{"t.data": `{"id":1,"name":"a","fee":1234.5,"day":"2024-01-31","seen":"2024-01-31 10:00:00"}` + "\n" + `{"id":2}` + "\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := warehouses["embedded"](t)
			if _, err := loadFolder(t, w, shaped(c.file, c.more), c.files); err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				c.want = usualRows
			}
			if got := query(t, w, rowsOfT); got != c.want {
				t.Errorf("t holds\n%q, want\n%q", got, c.want)
			}
		})
	}
}

// parquetFile has the usual rows, in types of its own.
func parquetFile(t *testing.T) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.LargeString, Nullable: true}, {Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "fee", Type: &arrow.Decimal128Type{Precision: 7, Scale: 1}, Nullable: true}, {Name: "seen", Type: arrow.FixedWidthTypes.Timestamp_ns, Nullable: true},
		{Name: "day", Type: arrow.FixedWidthTypes.Date32, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	at := time.Date(2024, 1, 31, 10, 0, 0, 0, time.UTC)
	b.Field(0).(*array.LargeStringBuilder).Append("a")
	b.Field(1).(*array.Int64Builder).AppendValues([]int64{1, 2}, nil)
	b.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(12345))
	b.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(at.UnixNano()))
	b.Field(4).(*array.Date32Builder).Append(arrow.Date32FromTime(at))
	for _, i := range []int{0, 2, 3, 4} {
		b.Field(i).AppendNull()
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	var file bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &file, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(batch), w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func TestMistakesInFilesOfEveryForm(t *testing.T) {
	w := warehouses["embedded"](t)
	const european = "    csv: {delimiter: ';', decimal: ',', thousands: '.', dates: '%d.%m.%Y'}\n"
	line := func(cells string) string { return "id;name;fee;day;seen\n" + cells + "\n" }
	many := strings.Repeat("x,,,,\n", 9)
	for name, c := range map[string]struct {
		file, more string
		files      map[string]string
		want       []string // in the message
	}{
		"a point in a number":    {"t.csv", european, map[string]string{"t.csv": line("1;;1.5;;")}, []string{`t.csv:2: column "fee": "1.5" has to be a number`}},
		"groups of two":          {"t.csv", european, map[string]string{"t.csv": line("1;;1.23.456;;")}, []string{`t.csv:2: column "fee": "1.23.456" has to be a number`}},
		"two commas":             {"t.csv", european, map[string]string{"t.csv": line("1;;1,2,3;;")}, []string{`t.csv:2: column "fee": "1,2,3" has to be a number`}},
		"another date":           {"t.csv", european, map[string]string{"t.csv": line("1;;;2024-01-31;")}, []string{`t.csv:2: column "day": "2024-01-31" has to be a date like 31.01.2024`}},
		"no such day":            {"t.csv", european, map[string]string{"t.csv": line("1;;;30.02.2024;")}, []string{`t.csv:2: column "day": "30.02.2024" has to be a date`}},
		"an open escaped quote":  {"t.csv", "    csv: {escape: '\\'}\n", map[string]string{"t.csv": "id,name,fee,day,seen\n1,\"a\\\",,,\n"}, []string{"t.csv:2: the quote that opens a cell here is never closed"}},
		"too few cells":          {"t.csv", "    csv: {header: false}\n", map[string]string{"t.csv": "1,a\n"}, []string{"t.csv:1: the line has 2 cells, and the pipeline 5"}},
		"a renamed column":       {"t.csv", "    rename: {Name: name}\n", map[string]string{"t.csv": "id,name,fee,day,seen\n"}, []string{`t.csv:1: the column "Name" (name) of table "t" is missing in the header; "name" is near`}},
		"a constant":             {"t.csv", "    constants: {fee: much}\n", map[string]string{"t.csv": "id,name,day,seen\n1,,,\n"}, []string{`column "fee": "much", which the pipeline gives it, has to be a number`}},
		"no value in the path":   {"t.csv", "    from_path: {day: 'month=(.*)'}\n", map[string]string{"t.csv": usual}, []string{"t.csv: the name does not match month=(.*), from which column day is taken"}},
		"files at once":          {"data", "", map[string]string{"data/a.csv": usual + "x,,,,\n", "data/b.csv": usual + "3,,y,,\n"}, []string{`data/a.csv:4: column "id": "x"`, `data/b.csv:4: column "fee": "y"`}},
		"many files":             {"data", "", map[string]string{"data/a.csv": "id,name,fee,day,seen\n" + many, "data/b.csv": "id,name,fee,day,seen\n" + many}, []string{"a.csv:2", "a.csv:10", "b.csv:2", "b.csv:2: reading stops here, after 10 mistakes"}},
		"a key in two files":     {"data", "", map[string]string{"data/a.csv": usual, "data/b.csv": usual}, []string{"data/a.csv:2: ", "2 rows have the key id=1", "(data/a.csv:2 and data/b.csv:2)"}},
		"no files":               {"data", "", map[string]string{"data/a.parquet": ""}, []string{"the folder data holds no csv files, and parquet files; set `format: parquet`"}},
		"nothing matches":        {"a*.csv", "", map[string]string{"b.csv": usual}, []string{"no file matches a*.csv"}},
		"no gzip":                {"t.csv.gz", "", map[string]string{"t.csv.gz": usual}, []string{"t.csv.gz cannot be unpacked: gzip: invalid header"}},
		"json lines at once":     {"t.jsonl", "", map[string]string{"t.jsonl": "[1]\n{\"id\":1.5}\n{\"id\":2,\"id\":3}\n{\"nme\":1}\n{\"id\":4\n{\"id\":5}x\n{\"id\":{]}\n{\"id\":nul}\n{\"name\":\"\n"}, []string{"t.jsonl:1: a line has to be a JSON object", `t.jsonl:2: column "id": "1.5" has to be a whole number`, `t.jsonl:3: the line has "id" twice`, `t.jsonl:4: the table has no column "nme"; "name" is near`, "t.jsonl:5: the line has to end with the }", "t.jsonl:6: the line has to end with the }", `t.jsonl:7: column "id": "{]}" is not valid JSON`, `t.jsonl:8: column "id": "nul" is not valid JSON`, "t.jsonl:9: column \"name\": a quote is never closed"}},
		"a JSON column nowhere":  {"t.jsonl", "", map[string]string{"t.jsonl": `{"id":1,"name":"a","fee":1,"day":null}` + "\n"}, []string{`t.jsonl:1: the column "seen" of table "t" is in no line`}},
		"a JSON line without id": {"t.jsonl", "", map[string]string{"t.jsonl": `{"name":"a"}` + "\n"}, []string{`t.jsonl:1: column "id" is part of the key and is empty`}},
		"no parquet":             {"t.parquet", "", map[string]string{"t.parquet": usual}, []string{"t.parquet: it is no Parquet file, or a damaged one"}},
		"half a parquet":         {"t.parquet", "", map[string]string{"t.parquet": parquetFile(t)[:500]}, []string{"t.parquet: it is no Parquet file, or a damaged one"}},
		"a parquet column":       {"t.parquet", "    rename: {ident: id}\n    ignore: id\n", map[string]string{"t.parquet": parquetFile(t)}, []string{`t.parquet: the column "ident" (id) of table "t" is missing`}},
		"a parquet key":          {"t.parquet", "    rename: {fee: id}\n    ignore: id\n    constants: {fee: 1}\n", map[string]string{"t.parquet": parquetFile(t)}, []string{`t.parquet: row 2: column "id" is part of the key and is empty`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadFolder(t, w, shaped(c.file, c.more), c.files)
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nlacks %q", err, want)
				}
			}
			if lines := strings.Count(err.Error(), "\n"); lines > 12 {
				t.Errorf("%d lines tell of mistakes:\n%v", lines, err)
			}
		})
	}
	if publications, err := w.Publications(t.Context()); err != nil || len(publications) > 0 {
		t.Errorf("publications = %v, %v", publications, err)
	}
}

func TestMistakesInHowFilesAreRead(t *testing.T) {
	for more, want := range map[string]string{
		"    format: cvs\n":                                 `"cvs" is no format; known: csv, parquet, jsonl`,
		"    mode: insert\n":                                `"insert" is no mode`,
		"    csv: {delimiter: ';;'}\n":                      `delimiter has to be one character, and not ";;"`,
		"    csv: {delimiter: '\"'}\n":                      "delimiter and quote are the same character",
		"    csv: {thousands: '.'}\n":                       "the same character stands between thousands and before the fraction",
		"    csv: {encoding: latin}\n":                      `"latin" is no encoding; did you mean "latin-1"`,
		"    csv: {dates: '%Q'}\n":                          "has %Q; known: %Y",
		"    csv: {dates: '%d.%m.'}\n":                      "is no format of a day",
		"    csv: {headers: false}\n":                       `unknown key "headers" in csv`,
		"    format: parquet\n    csv: {header: false}":     "`csv` says how CSV files are written, and the format is parquet",
		"    rename: {x: nme}\n":                            `rename: table t has no column "nme"; did you mean "name"`,
		"    constants: {name: '{{sorce}}'}\n":              `there is no parameter "sorce"`,
		"    from_path: {name: '(a)(b)'}\n":                 "has to be a regular expression with one group at most",
		"    rename: {x: name}\n    constants: {name: a}\n": "the values of column \"name\" are said by `rename` already",
	} {
		if _, err := loadText(t, shaped("t.csv", more)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
	}
}
