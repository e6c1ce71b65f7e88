package pipeline_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

// TestAliasesStandForTheirAnchors holds a file with anchors against one that
// says everything twice.
func TestAliasesStandForTheirAnchors(t *testing.T) {
	const written = head + `  - {load: t, file: t.csv, key: id, columns: {id: integer, name: text}}
  - {load: u, file: u.csv, key: id, columns: {id: integer, name: varchar, n: integer}, mode: append}
  - {check: t, expect: [{not_null: name, mostly: 0.9}, {min: 1, column: id}]}
  - {check: u, expect: [{not_null: name, mostly: 0.9}, {min: 1, column: id}]}
  - {http: 'https://a.b', json: {a: [1, {b: 1}], c: {b: 1}}}
`
	const aliased = head + `  - {load: t, file: t.csv, key: &key id, columns: &columns {id: integer, name: text}}
  - load: u
    file: u.csv
    key: *key
    columns:
      <<: [*columns, {name: integer, n: &int integer}]
      name: varchar
      n: *int
    mode: append
  - check: t
    expect: &rules
      - &some {not_null: name, mostly: 0.9}
      - {min: 1, column: *key}
  - check: u
    expect: *rules
  - {http: 'https://a.b', json: {a: [1, &b {b: 1}], c: *b}}
`
	var loaded [2]*pipeline.Pipeline
	for i, text := range []string{written, aliased} {
		p, err := loadText(t, text)
		if err != nil {
			t.Fatal(err)
		}
		for j := range p.Steps { // places differ
			p.Steps[j].Place = asof.Place{}
			if p.Steps[j].Check != nil {
				for k := range p.Steps[j].Check.Rules {
					p.Steps[j].Check.Rules[k].Place = asof.Place{}
				}
			}
			if p.Steps[j].Load != nil && p.Steps[j].Load.Table.Name == "u" {
				columns := map[string]string{}
				for _, c := range p.Steps[j].Load.Table.Columns {
					columns[c.Name] = c.Type
				}
				if fmt.Sprint(columns) != "map[id:integer n:integer name:text]" {
					t.Errorf("columns of u: %v", columns)
				}
				p.Steps[j].Load.Table.Columns = nil // their order is that of merging
			}
		}
		p.Path = ""
		loaded[i] = p
	}
	if !reflect.DeepEqual(loaded[0], loaded[1]) {
		t.Errorf("with aliases\n%+v\nand without\n%+v", loaded[1], loaded[0])
	}
}

func TestMistakesOfAliases(t *testing.T) {
	bomb := "  - {http: 'https://a.b', json: {a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"
	for i := range 30 {
		bomb += fmt.Sprintf(", a%d: &a%d [%s]", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	for name, c := range map[string]struct{ steps, want string }{
		"no anchor":      {"  - {load: &kay t, file: t.csv, key: *key, columns: {id: integer}}\n", `p.yaml:10: the alias *key stands for no anchor before it; did you mean "kay"?`},
		"itself":         {"  - {load: t, file: t.csv, key: &key [*key], columns: {id: integer}}\n", "the alias *key stands for no anchor before it"},
		"no mapping":     {"  - {load: t, file: t.csv, key: &key id, columns: {<<: *key}}\n", "p.yaml:10: << takes a mapping"},
		"another shape":  {"  - {load: t, file: t.csv, key: id, columns: &c {id: integer}, mode: *c}\n", "p.yaml:10: mode has to be one value"},
		"billions of it": {bomb + "}}\n", "its aliases stand for more than 100000 values"},
	} {
		if _, err := loadText(t, head+c.steps); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
