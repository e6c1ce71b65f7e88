package pipeline_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pipeline"
)

const head = `name: p
params:
  as_of: {type: date}
  month: {type: string, default: month_000}
steps:
  - load: users
    file: "{{month}}/users.csv"
    key: id
    columns: {id: integer, name: text, born: date, fee: "numeric(8,2)"}
`

func loadText(t *testing.T, text string) (*pipeline.Pipeline, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return pipeline.Load(path)
}

// rule is a check step of one rule, in line 12 of a file that begins with head.
func rule(yaml string) string {
	return "  - check: users\n    expect:\n      - {" + yaml + "}\n"
}

func TestEveryMistakeHasItsLine(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		line int
		want string
	}{
		"unknown key":           {head + "    refernces: {id: users}\n", 10, `unknown key "refernces" in a load step; did you mean "references"?` + "\n        refernces: {id: users}\n        ^"},
		"unknown top key":       {"nmae: x\n" + head, 1, `did you mean "name"?`},
		"unknown type":          {strings.Replace(head, "born: date", "born: dates", 1), 9, `column born: the type "dates" is not known`},
		"key that is no column": {strings.Replace(head, "key: id", "key: [id, nam]", 1), 8, `key: table users has no column "nam"; did you mean "name"?`},
		"no key":                {strings.Replace(head, "    key: id\n", "", 1), 6, "a load step needs `key`"},
		"unknown step":          {head + "  - loda: x\n", 10, `not with "loda"; did you mean "load"?`},
		"two kinds":             {head + "  - check: users\n    load: users\n", 10, "both `load` and `check`"},
		"unknown table":         {head + "  - check: user\n    expect: [{not_null: id}]\n", 10, `no earlier step loads the table "user"; did you mean "users"?`},
		"unknown rule":          {head + "  - check: users\n    expect:\n      - notnull: id\n", 12, `did you mean "not_null"?`},
		"rule on no column":     {head + "  - check: users\n    expect:\n      - min: 0\n", 12, "the rule min needs `columns`"},
		"rule on wrong column":  {head + "  - check: users\n    expect:\n      - min: 0\n        column: fees\n", 13, `no column "fees"; did you mean "fee"?`},
		"bound of a date":       {head + "  - check: users\n    expect:\n      - min: 0\n        column: born\n", 12, "the bound of a date has to be one like 2024-01-31"},
		"bound of a text":       {head + "  - check: users\n    expect:\n      - max: 0\n        column: name\n", 12, "a text has no bounds"},
		"severity":              {head + "  - check: users\n    expect:\n      - not_null: id\n        severity: fatal\n", 13, "severity is `error`"},
		"mostly of a table":     {head + rule("rows: {min: 1}, mostly: 0.9"), 12, "mostly is a share of rows from 0 to 1, of a rule about single rows"},
		"mostly above all":      {head + rule("not_null: name, mostly: 95"), 12, "mostly is a share of rows from 0 to 1"},
		"no expression":         {head + rule("matches: '(', column: name"), 12, `matches of column name: "(" is no regular expression`},
		"boundary of words":     {head + rule(`matches: '\ba', column: name`), 12, "boundaries of words and lines can't be asked for"},
		"expression of a date":  {head + rule("matches: '^2', column: born"), 12, "a date has no pattern"},
		"length of a number":    {head + rule("length: {max: 3}, column: id"), 12, "an integer has no length"},
		"mean of a text":        {head + rule("mean: {max: 3}, column: name"), 12, "a text is no number"},
		"mean within nothing":   {head + rule("mean: {}, column: fee"), 12, "mean needs `min`, `max` or both"},
		"quantile of where":     {head + rule("quantile: {max: 3}, column: fee"), 12, "quantile needs `at`, a number between 0 and 1"},
		"compared with a text":  {head + rule("compare: [id, <, name]"), 12, "an integer can't be compared with a text"},
		"not compared":          {head + rule("compare: [id, fee]"), 12, "compare takes a column, one of < <= = <> >= >, and a column"},
		"order of nothing":      {head + rule("increasing: fee"), 12, "increasing needs `by`"},
		"order of another":      {head + rule("not_null: fee, by: id"), 12, "`by` belongs to increasing, and not to not_null"},
		"columns twice":         {head + rule("not_null: fee, columns: [id]"), 12, "not_null takes no `columns`"},
		"month of a number":     {head + rule("in_month: fee"), 12, "a numeric(8,2) has no day"},
		"no month is kept":      {head + rule("psi: {max: 0.2}, column: fee"), 12, "psi needs a snapshot `from: users`"},
		"column is not kept":    {head + rule("ks: {max: 0.2}, column: fee") + "  - {snapshot: s, from: users, columns: [name]}\n", 12, `the snapshot s does not keep column "fee"`},
		"bins of a date":        {head + rule("psi: {max: 0.2}, column: born"), 12, "a date has no bins"},
		"rows":                  {head + "  - check: users\n    expect:\n      - rows: {min: many}\n", 12, `whole numbers, and not "many"`},
		"unknown parameter":     {strings.Replace(head, "{{month}}", "{{mnth}}", 1), 7, `no parameter "mnth"; did you mean "month"?`},
		"no as_of":              {strings.Replace(head, "as_of: {type: date}", "asof: {type: date}", 1), 1, "the parameter `as_of: {type: date}`"},
		"no file":               {head + "  - load: x\n    key: id\n    columns: {id: text}\n", 10, "a load step needs `file`"},
		"unknown param type":    {strings.Replace(head, "type: string", "type: strng", 1), 4, `did you mean "string"?`},
		"enum of nothing":       {strings.Replace(head, "type: string, default: month_000", "type: enum", 1), 4, "an enum and needs `values`"},
		"values of no enum":     {strings.Replace(head, "default: month_000", "values: [a]", 1), 4, "`values` belongs to an enum"},
		"default of an enum":    {strings.Replace(head, "type: string, default: month_000", "type: enum, values: [a, b], default: c", 1), 4, "has to be one of a, b"},
		"default of an integer": {strings.Replace(head, "type: string, default: month_000", "type: integer, default: 1.5", 1), 4, "has to be a whole number"},
		"default in words":      {strings.Replace(head, "{type: date}", "{type: date, default: last day of lest month}", 1), 3, `"last day of lest month" is no date in words`},
		"default of a later":    {strings.Replace(head, "{type: date}", `{type: date, default: "{{month}}"}`, 1), 3, `there is no parameter "month" before it`},
		"default of hours":      {strings.Replace(head, "{type: date}", "{type: date, default: today - 3 hours}", 1), 3, `"today - 3 hours" is no day`},
		"unknown unit":          {strings.Replace(head, "{type: date}", "{type: date, default: today - 3 moths}", 1), 3, `did you mean "month"?`},
		"too far":               {strings.Replace(head, "{type: date}", "{type: date, default: today - 3000000 days}", 1), 3, "3000000 days is too far"},
		"parameter's name":      {strings.Replace(head, "month:", "a-month:", 1), 4, `"a-month" cannot be the name of a parameter`},
		"date of a text":        {strings.Replace(head, "{{month}}", "{{month - 1 day}}", 1), 7, "month is of the type string, and has to be a date"},
		"clock in a text":       {strings.Replace(head, "{{month}}", "{{today - 1 day}}", 1), 7, "today is for defaults"},
		"sign of a form":        {strings.Replace(head, "{{month}}", "{{as_of | %Q}}", 1), 7, "a sign that is not known"},
		"time zone":             {"timezone: Berlin\n" + head, 1, "a place like Europe/Berlin"},
		"no YAML":               {head + "  - load: [\n", 10, "this is not valid YAML"},
		"key twice":             {head + "    key: id\n", 10, "already defined"},
		"name twice":            {head + "  - {snapshot: a, from: users, name: x}\n  - {snapshot: b, from: users, name: x}\n", 11, `another step is called "x" already`},
		"needs of nothing":      {head + "  - {snapshot: a, from: users, needs: lod users}\n", 10, `needs: no earlier step is called "lod users"; did you mean "load users"?`},
		"needs before all":      {strings.Replace(head, "key: id", "key: id\n    needs: x", 1), 9, "there is no step before this one"},
		"timeout":               {head + "  - {snapshot: a, from: users, timeout: 90}\n", 10, "has to be a time like 90s, 15m or 6h"},
		"retries":               {head + "  - {snapshot: a, from: users, retries: many}\n", 10, "retries has to be a whole number from 0 to 100"},
		"retries without times": {head + "  - {snapshot: a, from: users, retries: {wait: 5s}}\n", 10, "retries needs `times`"},
		"jitter":                {head + "  - {snapshot: a, from: users, retries: {times: 2, jitter: 20}}\n", 10, "a share from 0 to 1"},
		"unknown in when":       {head + "  - {snapshot: a, from: users, when: mnth == 'x'}\n", 10, `when: there is no parameter "mnth"; did you mean "month"?`},
		"types in when":         {head + "  - {snapshot: a, from: users, when: month == 3}\n", 10, "a text can't be compared with a number"},
		"when of a text":        {head + "  - {snapshot: a, from: users, when: month}\n", 10, "a condition is true or false, and this is a text"},
		"concurrency":           {"concurrency: {runs: 0}\n" + head, 1, "runs has to be a whole number from 1 to 1000"},
		"command as a text":     {head + "  - command: python train.py\n", 10, "as a list, [python, train.py], or add `shell: true`"},
		"list for the shell":    {head + "  - {command: [ls], shell: true}\n", 10, "one text, and not a list"},
		"no program":            {head + "  - command: []\n", 10, "needs a program to run"},
		"address":               {head + "  - http: example.org\n", 10, "begins with http:// or https://"},
		"method":                {head + "  - {http: 'https://a.b', method: SEND}\n", 10, `the method "SEND" is not known`},
		"status":                {head + "  - {http: 'https://a.b', expect: [20]}\n", 10, "from 100 to 599"},
		"body twice":            {head + "  - {http: 'https://a.b', body: x, json: {a: 1}}\n", 10, "either a `body` or `json`"},
		"parameter in json":     {head + "  - {http: 'https://a.b', json: {a: '{{mnth}}'}}\n", 10, `no parameter "mnth"`},
		"training set's file":   {head + "  - {training_set: a.txt, features: [v:f], entities: SELECT 1}\n", 10, "ends with .csv, .parquet or .arrow"},
		"training set of what":  {head + "  - {training_set: a.csv, entities: SELECT 1}\n", 10, "either `features`, a list, or `service`"},
		"training set of whom":  {head + "  - {training_set: a.csv, service: s}\n", 10, "either `entities`, a SELECT, or `entity_file`"},
		"reference":             {head + "  - {training_set: a.csv, features: [f], entities: SELECT 1}\n", 10, "view:feature"},
		"sql without query":     {head + "  - {sql: t, key: a, columns: {a: text}}\n", 10, "a sql step needs `query`"},
		"load after failure":    {head + "on_failure:\n  - {snapshot: a, from: users}\n", 11, "when a run has failed, a step is of the kind"},
		"error before it":       {head + "  - command: [echo, '{{error}}']\n", 10, `there is no parameter "error"`},
		"two documents":         {head + "---\nname: q\n", 11, "a file holds one pipeline"},
		"wrong default":         {strings.Replace(head, "{type: date}", "{type: date, default: soon}", 1), 3, "has to be a date"},
		"snapshot of nothing":   {head + "  - snapshot: s\n", 10, "either `from`, a loaded table, or `sql`"},
		"snapshot by sql":       {head + "  - snapshot: s\n    sql: SELECT 1\n", 10, "needs `key` and `columns`"},
		"snapshot's own name":   {head + "  - snapshot: users\n    from: users\n", 10, "a name of its own"},
		"loaded twice":          {head + "  - load: users\n    file: x\n    key: id\n    columns: {id: text}\n", 10, "loaded by an earlier step already"},
		"materialize early":     {head + "  - materialize: all\n  - snapshot: s\n    from: users\n", 11, "snapshot s has to stand before `materialize`, which shows what was published"},
		"monitor early":         {head + "  - monitor: all\n  - snapshot: s\n    from: users\n", 11, "snapshot s has to stand before `monitor`, which shows what was published"},
		"monitor fails":         {head + "  - {monitor: all, fail_on: drfit}\n", 10, `"drfit" is no fail_on; did you mean "drift"`},
		"monitor's granularity": {head + "  - {monitor: [v], granularity: yearly}\n", 10, `"yearly" is no granularity; known: daily, weekly, biweekly, monthly, quarterly`},
		"table's name":          {head + "  - snapshot: a-b\n    from: users\n", 10, `"a-b" cannot be the name of a table`},
		"no list":               {head + "  - check: users\n    expect: {not_null: id}\n", 11, "has to be a list"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadText(t, c.text)
			var problems asof.Problems
			if !errors.As(err, &problems) || asof.ErrorCode(err) != asof.CodeInvalid {
				t.Fatalf("err = %v", err)
			}
			for _, p := range problems {
				if p.Place.Line == c.line && strings.Contains(p.Message, c.want) {
					return
				}
			}
			t.Errorf("no problem in line %d says %q:\n%v", c.line, c.want, err)
		})
	}
}

func TestMistakesAreToldTogether(t *testing.T) {
	_, err := loadText(t, head+"  - chek: users\n  - check: nobody\n    expect: [{not_null: id}]\n")
	var problems asof.Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Errorf("two mistakes: %v", err)
	}
	if _, err := loadText(t, "name: [\n"); asof.ErrorCode(err) != asof.CodeInvalid || !strings.Contains(err.Error(), "^") {
		t.Errorf("no YAML: %v", err)
	}
	if _, err := loadText(t, strings.Replace(head, `"{{month}}/users.csv"`, "{{month}}/users.csv", 1)); err == nil || !strings.Contains(err.Error(), "has to stand in quotes") {
		t.Errorf("braces without quotes: %v", err)
	}
	if _, err := loadText(t, ""); asof.ErrorCode(err) != asof.CodeInvalid {
		t.Errorf("empty: %v", err)
	}
}

func TestASnapshotTakesTheColumnsItNames(t *testing.T) {
	p, err := loadText(t, head+"  - snapshot: s\n    from: users\n    columns: [fee, name]\n  - materialize: [v1, v2]\n")
	if err != nil {
		t.Fatal(err)
	}
	s := p.Steps[1].Snapshot
	if s.SQL != `SELECT "id", "fee", "name" FROM "users"` || len(s.Table.Columns) != 3 || s.Table.Columns[1].Type != "numeric(8,2)" || s.Table.Key[0] != "id" {
		t.Errorf("snapshot = %+v", s)
	}
	if views := p.Steps[2].Materialize.Views; len(views) != 2 || views[1] != "v2" {
		t.Errorf("views = %v", views)
	}
	if !p.Params[0].Required || p.Params[1].Required || p.Params[1].Default != "month_000" {
		t.Errorf("params = %+v", p.Params)
	}
}

func TestTheDocumentedPipelineLoads(t *testing.T) {
	page, err := os.ReadFile("../docs/pipelines.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\nname:")
	text, _, _ := strings.Cut(rest, "```")
	p, err := loadText(t, "name:"+text)
	if err != nil || len(p.Steps) != 5 || len(p.Steps[2].Check.Rules) != 3 {
		t.Errorf("steps = %+v, %v", p, err)
	}
}
