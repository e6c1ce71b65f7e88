package tablefile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/tablefile"
)

// usersForm is a table of a key in two columns.
func usersForm(t *testing.T) tablefile.Form {
	t.Helper()
	form := tablefile.Form{Table: asof.Table{Name: "users", Key: []string{"id", "day"}}}
	for _, c := range [][2]string{{"id", "integer"}, {"day", "date"}, {"fee", "numeric(8,2)"}, {"source", "text"}} {
		typ, err := asof.ColumnType(c[1])
		if err != nil {
			t.Fatal(err)
		}
		form.Table.Columns = append(form.Table.Columns, asof.TableColumn{Name: c[0], Type: typ})
	}
	return form
}

// folder writes files by name.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns the rows as text, their hash, and the warnings.
func read(files tablefile.Files) (rows []string, content string, warnings asof.Problems, err error) {
	r, err := files.Open(func(int64, int64) {})
	if err != nil {
		return nil, "", nil, err
	}
	defer r.Release()
	for r.Next() {
		rows = append(rows, texts(r.RecordBatch())...)
	}
	return rows, r.Content(), r.Warnings(), r.Err()
}

func texts(batch arrow.RecordBatch) []string {
	rows := make([]string, batch.NumRows())
	for i := range rows {
		var cells []string
		for _, column := range batch.Columns() {
			cells = append(cells, column.ValueStr(i))
		}
		rows[i] = strings.Join(cells, "|")
	}
	return rows
}

func TestAFolderIsReadAsOne(t *testing.T) {
	form := usersForm(t)
	form.Rename, form.Ignore = map[string]string{"ID": "id"}, []string{"note"}
	form.FromPath = map[string]string{"day": `\d{4}-\d\d-\d\d`}
	form.CSV = tablefile.Dialect{Delimiter: ';', Decimal: ','}
	dir := folder(t, map[string]string{"2024-01-31.csv": "ID;fee;note\n1;1,50;x\n2;;\n", "2024-02-29.csv": "note;fee;ID\n;0,10;1", "_done": ""})
	files, err := tablefile.Find(form, dir, "seeds", map[string]string{"source": "web"})
	if err != nil {
		t.Fatal(err)
	}
	rows, content, warnings, err := read(files)
	want := "1|2024-01-31|1.5|web 2|2024-01-31|(null)|web 1|2024-02-29|0.1|web"
	if got := strings.Join(rows, " "); got != want || err != nil {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
	if len(warnings) != 1 || warnings[0].Place != (asof.Place{File: "seeds/2024-02-29.csv", Line: 2}) {
		t.Errorf("warnings: %v", warnings)
	}
	if again, err := files.Content(); again != content || err != nil {
		t.Errorf("Content is %s, %v, and once the rows are read %s", again, err, content)
	}
	places := files.Lines([][]string{{"2", "2024-01-31"}, {"3", "2024-01-31"}})
	if got := places["2\x002024-01-31"]; len(got) != 1 || got[0] != (asof.Place{File: "seeds/2024-01-31.csv", Line: 3}) || len(places["3\x002024-01-31"]) != 0 {
		t.Errorf("lines: %v", places)
	}
	other, err := tablefile.Find(form, dir, "seeds", map[string]string{"source": "app"})
	if err != nil {
		t.Fatal(err)
	}
	if differs, err := other.Content(); differs == content || err != nil {
		t.Errorf("with another constant the content is the same, %v", err)
	}
}

func TestMistakesHaveTheirFileAndLine(t *testing.T) {
	form := usersForm(t)
	header := "id,day,fee,source\n"
	dir := folder(t, map[string]string{"a.csv": header + "x,2024-01-31,1,a\n1,2024-01-31,1.234,a\n", "b.csv": header + "1,,1,a\n"})
	files, err := tablefile.Find(form, filepath.Join(dir, "*.csv"), "*.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, _, err := read(files)
	var problems asof.Problems
	if !errors.As(err, &problems) || len(rows) > 0 {
		t.Fatalf("read %v, %v", rows, err)
	}
	var places []string
	for _, p := range problems {
		places = append(places, fmt.Sprintf("%s:%d", filepath.Base(p.Place.File), p.Place.Line))
	}
	if got := strings.Join(places, " "); got != "a.csv:2 a.csv:3 b.csv:2" {
		t.Errorf("mistakes in %s:\n%v", got, err)
	}
}

// TestANameThatSaysNothingIsNoFile looks for the lines of files of which one
// does not say its day.
func TestANameThatSaysNothingIsNoFile(t *testing.T) {
	form := usersForm(t)
	form.FromPath = map[string]string{"day": `\d{4}-\d\d-\d\d`}
	dir := folder(t, map[string]string{"2024-01-31.csv": "id,fee,source\n1,1,a\n", "today.csv": "id,fee,source\n1,1,a\n"})
	files, err := tablefile.Find(form, dir, "seeds", nil)
	if err == nil || !strings.Contains(err.Error(), "seeds/today.csv") {
		t.Errorf("err = %v", err)
	}
	if found := files.Lines([][]string{{"1", "2024-01-31"}})["1\x002024-01-31"]; len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

func TestSpelled(t *testing.T) {
	columns := usersForm(t).Table.Columns
	for i, c := range []struct{ text, want string }{{"+007", "7"}, {"2024-01-31", "2024-01-31"}, {"1.50", "1.5"}, {" a ", " a "}} {
		if got := tablefile.Spelled(columns[i], c.text); got != c.want {
			t.Errorf("%q of %s is spelled %q, want %q", c.text, columns[i].Name, got, c.want)
		}
	}
	if got := tablefile.Spelled(columns[0], "x"); got != "x" {
		t.Errorf("what is no value is spelled %q", got)
	}
}
