package duckdb_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	asofduckdb "github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/storetest"
)

func TestOfflineCSV(t *testing.T) {
	store := offline(t, asofduckdb.Options{})
	storetest.Offline(t, func(t *testing.T) storetest.OfflineUnderTest {
		dir := t.TempDir()
		return storetest.OfflineUnderTest{Name: "csv", OfflineStore: store,
			Load: func(t *testing.T, table storetest.OfflineTable) *asof.DataSource {
				path := filepath.Join(dir, table.Name+".csv")
				writeCSV(t, path, table)
				return &asof.DataSource{Name: table.Name, Kind: asof.SourceFile, Path: path}
			}}
	})
}

func writeCSV(t *testing.T, path string, table storetest.OfflineTable) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	var header []string
	for _, c := range table.Columns {
		header = append(header, c.Name)
	}
	_ = w.Write(header)
	for _, row := range table.Rows {
		var values []string
		for i, v := range row {
			text := ""
			if v != nil {
				text = table.Plain(t, i, *v)
			}
			values = append(values, text)
		}
		_ = w.Write(values)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is wrong in a CSV file is said, with its place, and nothing of it
// becomes a NULL.
func TestBadCSV(t *testing.T) {
	dir := t.TempDir()
	store := offline(t, asofduckdb.Options{Dir: dir})
	path := filepath.Join(dir, "fees.csv")
	for rows, want := range map[string]string{
		"a,2024-01-31,1\n":                          "a=1",
		"a,2024-01-31,\"1\"\nb,,2\n":                "a=1",
		"a,2024-01-31,1\nb,someday,2\n":             `someday`,
		"a,2024-01-31,1\nb,2024-01-31,lots\n":       `holds "lots" where user_id=b, which does not fit its declared type Float32`,
		"a,2024-01-31,1e39\n":                       `holds "1e39" where user_id=a`,
		"a,2024-01-31,1\nb,2024-01-31\n":            path + " is no CSV table",
		"a,2024-01-31,1\nb,2024-01-31,\"Zo\xeb\"\n": path + ", line 3: Invalid unicode",
	} {
		if err := os.WriteFile(path, []byte("user_id,as_of,fee\n"+rows), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := fees(t, store, &asof.DataSource{Name: "fees", Kind: asof.SourceFile, Path: "fees.csv"})
		if err != nil {
			got = err.Error()
			if asof.ErrorCode(err) != asof.CodeInvalid {
				t.Errorf("%q: code %s", rows, asof.ErrorCode(err))
			}
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q: %s, want %s", rows, got, want)
		}
	}
}

// A PostgreSQLSource sees the warehouse's tables by their names, and one
// SELECT only.
// TestEmptyCSV reads files in which the columns of times hold nothing, so that
// only the source says that they are times.
func TestEmptyCSV(t *testing.T) {
	dir := t.TempDir()
	store := offline(t, asofduckdb.Options{Dir: dir})
	for text, rows := range map[string]int64{"k,ts,made\n": 0, "k,ts,made\n7,2024-01-31,\n": 1} {
		if err := os.WriteFile(filepath.Join(dir, "few.csv"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		source := &asof.DataSource{Name: "few", Kind: asof.SourceFile, Path: "few.csv", TimestampField: "ts", CreatedField: "made"}
		span, err := store.Range(t.Context(), source)
		if err != nil || span.Rows != rows {
			t.Errorf("%q: %d rows, %v", text, span.Rows, err)
		}
		columns, err := store.Columns(t.Context(), source)
		if err != nil || len(columns) != 3 || !columns[1].IsTime || !columns[2].IsTime {
			t.Errorf("%q: %v, %v", text, columns, err)
		}
	}
}
