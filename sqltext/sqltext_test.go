package sqltext_test

import (
	"database/sql"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/asof-dev/asof/sqltext"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// TestDatabasesReadWhatIsWritten gives each database names and strings of
// letters that could end a name, a string or a statement, and reads them again.
func TestDatabasesReadWhatIsWritten(t *testing.T) {
	for driver, source := range map[string]string{"duckdb": "", "sqlite": ":memory:", "pgx": storetest.Postgres(t).Database(t).URL()} {
		db, err := sql.Open(driver, source)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, text := range []string{"plain", "Größe 表 😀", `"`, `""`, `'`, `a"b'c""d''`, `\`, `\'`, `\"`, "; DROP TABLE x --", "/* */", "$1 ? :a @b $$", "line\nend\ttab", "%s%d"} {
			rows, err := db.Query("SELECT " + sqltext.Text(text) + " AS " + sqltext.Name(text))
			if err != nil {
				t.Errorf("%s, %q: %v", driver, text, err)
				continue
			}
			names, err := rows.Columns()
			var got string
			for rows.Next() {
				err = rows.Scan(&got)
			}
			if err != nil || rows.Err() != nil || got != text || names[0] != text {
				t.Errorf("%s: %q came back as %q, named %q: %v, %v", driver, text, got, names, err, rows.Err())
			}
		}
	}
}

// TestNothingEndsAStatement leaves out the byte at which a database would take
// the statement for ended.
func TestNothingEndsAStatement(t *testing.T) {
	if got := sqltext.Name("a\x00b") + sqltext.Text("a\x00b") + sqltext.Names([]string{"a", `b"`})[1]; got != `"ab"'ab'"b"""` {
		t.Error(got)
	}
}
