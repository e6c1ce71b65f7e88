package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
)

const allTypes = `name: p
params: {as_of: {type: date}}
steps:
  - load: t
    file: t.csv
    key: id
    columns: {id: integer, name: text, yes: boolean, born: date, seen: timestamptz, fee: numeric, short: "numeric(5,2)", x: double precision, y: real, n: bigint}
`

const allHeader = "id,name,yes,born,seen,fee,short,x,y,n\n"

// runFile loads a file's text by a pipeline, on the embedded set-up.
func runFile(t *testing.T, w asof.Warehouse, definition, file string) error {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "t.csv"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := loadText(t, definition)
	if err != nil {
		t.Fatal(err)
	}
	_, err = carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}})
	return err
}

func TestCellsTakeTheirTypes(t *testing.T) {
	file := "\ufeff" + "name,id,yes,born,seen,fee,short,x,y,n\r\n" + // a mark, CRLF, another order
		"\"a, \"\"b\"\"\nc\",1,True,2024-02-29,2024-01-31 10:00:00.1234567,24.483650766787413,-123.45,1e-3,0.5,34.0\r\n" +
		"\r\n" +
		"\"\",2,f,1969-07-20,2024-01-31T10:00:00+02:00,1e-05,0,-.5,1,-9223372036854775808\r\n" +
		",3,,,,,,,,\r\n"
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		if err := runFile(t, w, allTypes, file); err != nil {
			t.Fatal(err)
		}
		for sql, want := range map[string]string{
			"SELECT name FROM t WHERE id = 1": "a, \"b\"\nc",
			"SELECT CAST(yes AS text) || ' ' || CAST(born AS text) || ' ' || CAST(n AS text) FROM t WHERE id = 1":                                                                               "true 2024-02-29 34",
			"SELECT CAST(count(*) AS text) FROM t WHERE id = 1 AND seen = TIMESTAMP '2024-01-31 10:00:00.123457' AND fee = 24.483650766787413 AND short = -123.45":                              "1",
			"SELECT CAST(count(*) AS text) FROM t WHERE id = 2 AND seen = TIMESTAMP '2024-01-31 08:00:00' AND fee = 0.00001 AND x = -0.5 AND name = ''":                                         "1",
			"SELECT CAST(count(*) AS text) FROM t WHERE COALESCE(name, CAST(yes AS text), CAST(born AS text), CAST(seen AS text), CAST(fee AS text), CAST(x AS text), CAST(n AS text)) IS NULL": "1",
		} {
			if got := query(t, w, sql); got != want {
				t.Errorf("%s\n got %q\nwant %q", sql, got, want)
			}
		}
	})
}

func TestBadFilesAreRefusedWithTheirLine(t *testing.T) {
	row := func(cells string) string { return allHeader + "1,a,True,2024-01-31,,1,1,1,1,1\n" + cells + "\n" }
	w := warehouses["embedded"](t)
	for name, c := range map[string]struct {
		file string
		line int
		want string
	}{
		"empty file":          {"", 1, "the file is empty"},
		"header alone":        {allHeader, 1, "the file has 0 rows; expected are 1 or more"},
		"missing column":      {"id,nme,yes,born,seen,fee,short,x,y,n\n", 1, `the column "name" of table "t" is missing in the header; "nme" is near`},
		"extra column":        {"id,name,yes,born,seen,fee,short,x,y,n,m\n", 1, `table "t" has no column "m", which the header has`},
		"column twice":        {"id,id,name,yes,born,seen,fee,short,x,y,n\n", 1, `the column "id" twice`},
		"bad integer":         {row("two,a,True,2024-01-31,,1,1,1,1,1"), 3, `column "id": "two" has to be a whole number`},
		"integer overflow":    {row("3000000000,a,True,2024-01-31,,1,1,1,1,1"), 3, `between -2147483648 and 2147483647`},
		"fraction":            {row("2,a,True,2024-01-31,,1,1,1,1,1.5"), 3, `column "n": "1.5"`},
		"bad boolean":         {row("2,a,yes,2024-01-31,,1,1,1,1,1"), 3, `column "yes": "yes" has to be True or False`},
		"bad date":            {row("2,a,True,31.01.2024,,1,1,1,1,1"), 3, `"31.01.2024" has to be a date like 2024-01-31`},
		"impossible date":     {row("2,a,True,2024-02-30,,1,1,1,1,1"), 3, `"2024-02-30"`},
		"bad time":            {row("2,a,True,2024-01-31,noon,1,1,1,1,1"), 3, `"noon" has to be a time`},
		"bad numeric":         {row("2,a,True,2024-01-31,,1.2.3,1,1,1,1"), 3, `column "fee": "1.2.3" has to be a number`},
		"not a number":        {row("2,a,True,2024-01-31,,1,1,NaN,1,1"), 3, `column "x": "NaN" has to be a number; a missing one is an empty cell`},
		"numeric too fine":    {row("2,a,True,2024-01-31,,1,1.234,1,1,1"), 3, `column "short": "1.234" has more than 2 digits after the point`},
		"numeric too large":   {row("2,a,True,2024-01-31,,1,1234,1,1,1"), 3, `more than 3 digits before the point`},
		"real out of range":   {row("2,a,True,2024-01-31,,1,1,1,1e39,1"), 3, `within the range`},
		"empty key":           {row(",a,True,2024-01-31,,1,1,1,1,1"), 3, `column "id" is part of the key and is empty`},
		"duplicate key":       {row("2,a,True,2024-01-31,,1,1,1,1,1\n1,b,True,2024-01-31,,1,1,1,1,1"), 2, `2 rows have the key id=1; keep one of them (lines 2 and 4)`},
		"too few cells":       {row("2,a,True"), 3, "the line has 3 cells, and the header 10"},
		"truncated":           {allHeader + "1,a,True,2024-01-31,,1,1,1,1,1\n2,a,Tr", 3, "the file is cut off"},
		"truncated in a cell": {allHeader + "1,a,True,2024-01-31,,1,1,1,1,1\n2,\"a,True\n", 3, "never closed"},
		"quote within":        {row(`2,a"b,True,2024-01-31,,1,1,1,1,1`), 3, `a quote stands inside the cell`},
		"after a quote":       {row(`2,"a"b,True,2024-01-31,,1,1,1,1,1`), 3, `follows the end of a quoted cell`},
		"Latin-1":             {row("2,caf\xe9,True,2024-01-31,,1,1,1,1,1"), 3, `the byte 0xE9 at position 6 is not UTF-8; it looks like Latin-1, where it is 'é'; convert the file: iconv`},
		"UTF-16":              {"\xff\xfei\x00d\x00", 1, "UTF-16"},
		"zero byte":           {row("2,a\x00,True,2024-01-31,,1,1,1,1,1"), 3, "zero byte at position 4"},
		"zipped":              {"PK\x03\x04whatever", 1, "no CSV"},
		"semicolons":          {strings.ReplaceAll(allHeader, ",", ";"), 1, `the cells are separated by ';', and have to be by ','`},
	} {
		t.Run(name, func(t *testing.T) {
			err := runFile(t, w, allTypes, c.file)
			var problems asof.Problems
			if !errors.As(err, &problems) || asof.ErrorCode(err) != asof.CodeInvalid {
				t.Fatalf("err = %v", err)
			}
			for _, p := range problems {
				if p.Place.Line == c.line && p.Place.File == "t.csv" && strings.Contains(p.Message, c.want) {
					return
				}
			}
			t.Errorf("no problem in line %d says %q:\n%v", c.line, c.want, err)
		})
	}
	if list, err := w.Publications(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("published: %v, %v", list, err)
	}
}

func TestManyBadCellsAreToldAtOnce(t *testing.T) {
	file := "id,name,yes,born,seen,fee,short,x,y,n\n"
	for i := range 50 {
		file += fmt.Sprintf("%d,a,maybe,,,,,,,\n", i)
	}
	err := runFile(t, warehouses["embedded"](t), allTypes, file)
	var problems asof.Problems
	if !errors.As(err, &problems) || len(problems) != 11 || !strings.Contains(problems[10].Message, "reading stops here") {
		t.Errorf("err = %v", err)
	}
}

func TestAMissingFileNamesTheNearOnes(t *testing.T) {
	w := warehouses["embedded"](t)
	p, err := loadText(t, strings.Replace(allTypes, "t.csv", "month_000/t.csv", 1))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "month_001"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}})
	if asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), `holds no "month_000"; did you mean "month_001"?`) {
		t.Errorf("err = %v", err)
	}
	_, err = carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"asof": "2024-01-31"}})
	if err == nil || !strings.HasPrefix(err.Error(), "pipeline p: the parameter as_of is missing: add as_of=2024-01-31") || !strings.Contains(err.Error(), `did you mean "as_of"?`) {
		t.Errorf("wrong parameters: %v", err)
	}
	_, err = carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "31.1.2024"}})
	if err == nil || !strings.Contains(err.Error(), "has to be a date like 2024-01-31") {
		t.Errorf("a wrong date: %v", err)
	}
}

func TestACancelledRunPublishesNothing(t *testing.T) {
	w := warehouses["embedded"](t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "t.csv"), []byte(allHeader+"1,a,True,,,,,,,\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := loadText(t, allTypes)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = carryOut(ctx, settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"},
		Progress: func(step string, _, _ int64) {
			if step == "check t" {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if list, err := w.Publications(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("published: %v, %v", list, err)
	}
}

// TestMistakesAreToldFromTheWholeFile loads a file of several blocks, some of
// whose cells go on over line ends.
func TestMistakesAreToldFromTheWholeFile(t *testing.T) {
	const rows = 60_000
	file := func(bad map[int]string) string {
		var b strings.Builder
		b.WriteString(allHeader)
		for i := range rows {
			if cells, ok := bad[i]; ok {
				b.WriteString(cells + "\n")
				continue
			}
			fmt.Fprintf(&b, "%d,\"a cell, of two\nlines, \"\"%d\"\"\",True,2024-01-31,,1,1,1,1,1\n", i, i)
		}
		return b.String()
	}
	w := warehouses["embedded"](t)
	for name, c := range map[string]struct {
		bad   map[int]string
		lines []int
	}{
		"cells":     {map[int]string{3: "x,a,True,,,,,,,", 59_000: "y,a,True,,,,,,,"}, []int{8, 118_001}},
		"a quote":   {map[int]string{3: "x,a,True,,,,,,,", 30_000: "1,a\"b,True,,,,,,,"}, []int{8, 60_001}},
		"one twice": {map[int]string{59_999: "7,a,True,,,,,,,"}, []int{16}},
		"open":      {map[int]string{20_000: "1,\"ab,True,,,,,,,"}, []int{40_002}},
	} {
		err := runFile(t, w, allTypes, file(c.bad))
		var problems asof.Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%s: err = %v", name, err)
		}
		var lines []int
		for _, p := range problems {
			lines = append(lines, p.Place.Line)
		}
		if !slices.Equal(lines, c.lines) {
			t.Errorf("%s: mistakes in lines %v, want %v\n%v", name, lines, c.lines, err)
		}
	}
	if err := runFile(t, w, allTypes, file(nil)); err != nil {
		t.Fatal(err)
	}
	if got := query(t, w, `SELECT CAST(count(*) AS text) || ' ' || max(name) FROM t WHERE id = 59999 OR name IS NULL`); got != "1 a cell, of two\nlines, \"59999\"" {
		t.Errorf("loaded: %q", got)
	}
}
