package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
)

// hostile are texts that would end what they stand in.
var hostile = []string{`'`, `''`, `"`, `\`, `\'`, `'; DROP TABLE users; --`, `" FROM users; --`, "a\n'", `*/ x /*`, `-- `, `$$`, `$q$`, `{{as_of}}`, `' || (SELECT 'x') || '`, `ü'🙂`, ""}

// TestValuesCannotChangeAQuery puts hostile texts into every kind of SQL that a
// step may hold, in quotes, and reads them back as they were given.
func TestValuesCannotChangeAQuery(t *testing.T) {
	steps := `  - sql: texts
    query: |
      SELECT 1 AS id, '{{word}}' AS v, length('{{ word }}''') AS n, 3 -{{less}} AS m, e'\'' || 'b' AS e -- {{word}} isn't read
      FROM (SELECT 1 AS "{{word}}x") AS "t{{word}}" /* nor {{word}}, isn't /* it */ is */ WHERE 'it''s' <> $q$ '" $q$ AND "{{word}}x" = 1
    key: id
    columns: {id: integer, v: text, n: bigint, m: integer, e: text}
  - check: texts
    expect:
      - expression: v = '{{word}}' AND m > {{less}} AND {{full}} = false
      - sql: SELECT id FROM texts WHERE v <> '{{word}}'
  - {snapshot: texts_snapshots, sql: "SELECT id, '{{word}}' AS v FROM texts WHERE DATE '{{as_of}}' = DATE '2024-01-31'", key: id, columns: {id: integer, v: text}}
`
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		for _, word := range hostile {
			_, err := runSteps(t.Context(), t, w, steps, func(s *settings) { s.Params["word"], s.Params["less"] = word, "-1" })
			if err != nil {
				t.Errorf("%q: %v", word, err)
				continue
			}
			for _, table := range []string{"texts", "texts_snapshots"} {
				if got := query(t, w, "SELECT '<' || v || '>' FROM "+table); got != "<"+word+">" {
					t.Errorf("%s holds %q, want %q", table, got, word)
				}
			}
			if got := query(t, w, "SELECT concat(m, e) FROM texts"); got != "4'b" {
				t.Errorf("a negative number is put in so that there is %q", got)
			}
		}
	})
}

func TestStringsStandInQuotes(t *testing.T) {
	params := "  word: {}\n  n: {type: integer, default: 1}\n  column: {type: enum, values: [id, name], default: id}\n  at: {type: datetime, default: now}\nsteps:"
	for sql, wrong := range map[string]string{
		"SELECT {{word}} AS id":                            "{{word}} is a string and stands outside of quotes",
		"SELECT 1 AS id FROM users WHERE {{ word }} = 1":   "{{ word }} is a string and stands outside of quotes",
		"SELECT 'a''{{word}}' || {{word}} AS id":           "outside of quotes",
		"SELECT E'{{word}}' AS id":                         "in plain quotes",
		`SELECT u&"{{word}}" AS id`:                        "in plain quotes",
		"SELECT $$ {{word}} $$ AS id":                      "in plain quotes",
		"SELECT $a_1$ $$ {{word}} $a_1$ AS id":             "in plain quotes",
		`SELECT e'\'{{word}}' AS id`:                       "in plain quotes",
		"SELECT 'a' -- it's\n  || {{word}} AS id":          "outside of quotes",
		"SELECT /* /* ' */ ' */ {{word}} AS id":            "outside of quotes",
		`SELECT "a""'" || {{word}} AS id`:                  "outside of quotes",
		`SELECT '\' || {{word}} AS id`:                     "outside of quotes",
		"SELECT 1 AS a$b$, {{word}} AS id, 'c' AS d$b$":    "outside of quotes",
		"SELECT '{{word}}' AS id":                          "",
		`SELECT 1 AS "{{word}}", 2 AS id`:                  "",
		`SELECT pine'{{word}}' AS id`:                      "",
		`SELECT e'\\', '{{word}}' AS id`:                   "",
		"SELECT $$'$$ || '{{word}}' AS id":                 "",
		"SELECT {{n}} AS id, {{column}}, '{{at}}' AS a":    "",
		"SELECT DATE '{{as_of}}' - {{n}} AS id":            "",
		"SELECT u_{{as_of | %Y_%m}} AS id FROM {{column}}": "",
		"SELECT 1 AS id -- {{word}}\n /* {{word}} */":      "",
	} {
		text := strings.ReplaceAll(sql, "\n", "\n      ")
		for kind, step := range map[string]string{
			"sql":          "  - sql: t\n    key: id\n    columns: {id: integer}\n    query: |\n      " + text + "\n",
			"snapshot":     "  - snapshot: t\n    key: id\n    columns: {id: integer}\n    sql: |\n      " + text + "\n",
			"rule":         "  - check: users\n    expect:\n    - sql: |\n       " + text + "\n",
			"expression":   "  - check: users\n    expect:\n    - expression: |\n       " + text + "\n",
			"training_set": "  - training_set: t.csv\n    features: [v:f]\n    entities: |\n      " + text + "\n",
		} {
			_, err := loadText(t, strings.Replace(head, "steps:", params, 1)+step)
			if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong) || !strings.Contains(err.Error(), "p.yaml:1")) {
				t.Errorf("%s of %s: %v, want %q", sql, kind, err, wrong)
			}
		}
	}
}

func TestTextsThatNoQueryCanHold(t *testing.T) {
	for _, word := range []string{"a\x00b", "\xff"} {
		if _, err := valuesOf(t, "  as_of: {type: date}\n  word: {}\n", map[string]string{"as_of": "2024-01-31", "word": word}, time.Now()); err == nil || !strings.Contains(err.Error(), "without zero bytes") {
			t.Errorf("%q: %v", word, err)
		}
	}
}
