package check

import (
	"regexp"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/duckdb"
	"github.com/asof-dev/asof/postgres"
	"github.com/asof-dev/asof/sqltext"
	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// TestPatternsMatchAsInGo puts expressions to texts on both warehouses: each
// answers as Go does.
func TestPatternsMatchAsInGo(t *testing.T) {
	expressions := []string{``, `a`, `^a`, `a$`, `^$`, `^a*$`, `a.c`, `^.+$`, `(?s)a.c`, `\d`, `^\w+$`, `\s`, `\S`, `[^a]`, `^[^\d]*$`, `[\]\-\\^]`,
		`^(ab|c)+$`, `a{2}`, `^a{1,2}$`, `a{2,}`, `^(a|)$`, `(?i)straße`, `(?i)^K$`, `\pL{3}`, `[α-ω]`, `^[[:upper:]]`, `\.`, `'`, `\$\{`, `^(?:a|^b)`, `x*?y`, `\bq`, `[^\x00-\x{10FFFF}]`, `***=a`, `(a)(b)?c`}
	texts := []string{``, `a`, `b`, `aa`, `aaa`, `ab`, `abc`, `abab`, `c`, `ac`, "a\nc", "\n", ` `, `1`, `١`, `é`, `Ünï`, `STRASSE`, `STRAßE`, `K`, `k`, `λ`, `A-Z`, `]`, `\`, `^`, `-`, `it's`, `${`, `.`, `xxy`, `_`, "a\tb", `日本語`, `***=a`}
	for name, w := range opened(t) {
		stage, err := w.Stage(t.Context(), "patterns")
		if err != nil {
			t.Fatal(err)
		}
		c := &checker{ctx: t.Context(), stage: stage}
		for _, expression := range expressions {
			ours, err := pattern(expression)
			inGo, goErr := regexp.Compile(expression)
			if strings.Contains(expression, `\b`) {
				if err == nil {
					t.Errorf("%s is taken", expression)
				}
				continue
			}
			if (err == nil) != (goErr == nil) {
				t.Errorf("%s: %v, and Go says %v", expression, err, goErr)
			}
			if err != nil {
				continue
			}
			asked := make([]string, len(texts))
			for i, text := range texts {
				asked[i] = "CAST(CAST(" + sqltext.Text(text) + " AS text) ~ " + sqltext.Text(ours) + " AS text)"
			}
			rows, err := c.texts("SELECT " + strings.Join(asked, ", "))
			if err != nil {
				t.Fatalf("%s: %s as %s: %v", name, expression, ours, err)
			}
			for i, text := range texts {
				if want := inGo.MatchString(text); rows[0][i] == "true" != want {
					t.Errorf("%s: %q matches %s: %s, and in Go %v (as %s)", name, text, expression, rows[0][i], want, ours)
				}
			}
		}
		if err := stage.Discard(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// opened returns an empty warehouse of each kind.
func opened(t *testing.T) map[string]asof.Warehouse {
	t.Helper()
	embedded, err := duckdb.OpenWarehouse(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := storetest.Postgres(t).Database(t)
	db, err := postgres.Open(t.Context(), postgres.Config{Host: d.Host, Port: d.Port, User: d.User, Password: d.Password, Database: d.Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return map[string]asof.Warehouse{"embedded": embedded, "postgres": db.Warehouse()}
}
