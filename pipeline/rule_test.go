package pipeline_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// ruleCase is a rule of the corpus: what is expected of it where the file has
// rows, and where it has none. "" is that it holds.
type ruleCase struct {
	place, yaml  string
	fails, empty string
	said         int // outcomes that the case states
}

// ruleFile is a file of the corpus' run.
type ruleFile struct {
	name, key, columns, lines string
	before                    string // its lines a month earlier; "" where it had none
	day                       string // of these; "" is 2023-12-31
}

// ruleCorpus reads a file of testdata/rules; README.md there says how it is
// written.
func ruleCorpus(t *testing.T, path string) (files []ruleFile, cases []*ruleCase) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var inFile *string
	for i, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		indented := strings.HasPrefix(line, "  ")
		switch {
		case word == "" || word == "#":
		case word == "file":
			name, rest, _ := strings.Cut(rest, " ")
			key, columns, _ := strings.Cut(rest, " ")
			files = append(files, ruleFile{name: name, key: key, columns: columns})
			inFile = &files[len(files)-1].lines
		case word == "before":
			files[len(files)-1].day, inFile = rest, &files[len(files)-1].before
		case word == "rule":
			cases, inFile = append(cases, &ruleCase{place: fmt.Sprintf("%s:%d", filepath.Base(path), i+1), yaml: rest}), nil
		case inFile != nil: // a text with a line end goes on at the margin
			*inFile += strings.TrimPrefix(line, "  ") + "\n"
		case !indented || len(cases) == 0:
			t.Fatalf("%s:%d: %q is neither a file nor a rule", path, i+1, line)
		default:
			c := cases[len(cases)-1]
			of := &c.fails
			if word == "empty" {
				of = &c.empty
				word, rest, _ = strings.Cut(rest, " ")
			}
			if c.said++; word == "fails" {
				*of = rest
			} else if word != "holds" {
				t.Fatalf("%s:%d: a rule holds or fails", path, i+1)
			}
		}
	}
	return files, cases
}

// runRules puts all rules to the first file, with its lines or without.
func runRules(t *testing.T, w asof.Warehouse, files []ruleFile, cases []*ruleCase, empty bool) []check.Result {
	t.Helper()
	dir := t.TempDir()
	definition := "name: p\nparams: {as_of: {type: date}}\nsteps:\n"
	for i, f := range files {
		if empty && i == 0 {
			f.lines = ""
		}
		writeRuleFile(t, dir, f, f.lines)
		definition += fmt.Sprintf("  - {load: %s, file: %s.csv, key: %s, allow_empty: true, columns: %s}\n", f.name, f.name, f.key, f.columns)
	}
	snapshot := "  - {snapshot: kept, from: " + files[0].name + "}\n"
	if files[0].before != "" {
		runBefore(t, w, definition+snapshot, files[0])
	}
	definition += "  - check: " + files[0].name + "\n    expect:\n"
	for _, c := range cases {
		definition += "      - " + c.yaml + "\n"
	}
	definition += snapshot
	p, err := loadText(t, definition)
	if err != nil {
		t.Fatal(err)
	}
	rules := p.Steps[len(files)].Check.Rules
	if len(rules) != len(cases) {
		t.Fatalf("%d cases make %d rules", len(cases), len(rules))
	}
	for i := range rules {
		rules[i].Warn = true
	}
	report, err := carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"},
		Now: time.Date(2024, 2, 10, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return report.Steps[len(files)].Checks
}

// writeRuleFile writes a file with its header.
func writeRuleFile(t *testing.T, dir string, f ruleFile, lines string) {
	t.Helper()
	var header []string
	for column := range strings.SplitSeq(strings.Trim(f.columns, "{}"), ", ") {
		header = append(header, strings.SplitN(column, ":", 2)[0])
	}
	if err := os.WriteFile(filepath.Join(dir, f.name+".csv"), []byte(strings.Join(header, ",")+"\n"+lines), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runBefore loads the first file's month before.
func runBefore(t *testing.T, w asof.Warehouse, definition string, f ruleFile) {
	t.Helper()
	dir := t.TempDir()
	writeRuleFile(t, dir, f, f.before)
	p, err := loadText(t, definition)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": cmp.Or(f.day, "2023-12-31")}}); err != nil {
		t.Fatal(err)
	}
}

// TestRules puts the corpus to both warehouses.
func TestRules(t *testing.T) {
	paths, err := filepath.Glob("testdata/rules/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	told := map[check.Kind]map[bool]bool{} // by kind and whether it held, with rows
	for _, path := range paths {
		files, cases := ruleCorpus(t, path)
		onBoth(t, func(t *testing.T, w asof.Warehouse) {
			for _, empty := range []bool{true, false} {
				results := runRules(t, w, files, cases, empty)
				for i, c := range cases {
					want := c.fails
					if empty {
						want = c.empty
					}
					r := results[i]
					if r.Holds != (want == "") || !strings.Contains(r.Problem.Message, want) {
						t.Errorf("%s: %s, empty file %v:\n got %v %q\nwant %q", c.place, c.yaml, empty, r.Holds, r.Problem.Message, want)
					}
					if c.said != 2 {
						t.Errorf("%s states %d outcomes, and not one with rows and one without", c.place, c.said)
					}
					if told[r.Rule.Kind] == nil {
						told[r.Rule.Kind] = map[bool]bool{}
					}
					told[r.Rule.Kind][r.Holds] = true
				}
			}
		})
	}
	for _, f := range check.Forms {
		if !told[f.Kind][true] || !told[f.Kind][false] {
			t.Errorf("no case has the rule %s hold and fail: %v", f.Kind, told[f.Kind])
		}
	}
}

// TestAQueryDoesNotHideABadFile is about a query over a table whose file is
// wrong: the file is told, and not that the query fails.
func TestAQueryDoesNotHideABadFile(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		dir := t.TempDir()
		writeRuleFile(t, dir, ruleFile{name: "t", columns: "{id: integer}"}, "1\n")
		writeRuleFile(t, dir, ruleFile{name: "u", columns: "{id: integer}"}, "one\n")
		p, err := loadText(t, "name: p\nparams: {as_of: {type: date}}\nsteps:\n"+
			"  - {load: t, file: t.csv, key: id, columns: {id: integer}}\n  - {load: u, file: u.csv, key: id, columns: {id: integer}}\n"+
			"  - {check: t, expect: [{sql: SELECT t.id FROM t JOIN u ON t.id = u.id}, {min: 5, column: id}]}\n")
		if err != nil {
			t.Fatal(err)
		}
		_, err = carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}})
		for _, want := range []string{`"one" has to be a whole number`, "1 of 1 rows are below 5"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("err = %v\nwant %s", err, want)
			}
		}
	})
}

// TestAQueryThatFailsIsToldAtItsLine is about SQL of a rule that the warehouse
// does not understand: it is told with its line, it stops the run whatever its
// severity, and hides no other rule.
func TestAQueryThatFailsIsToldAtItsLine(t *testing.T) {
	onBoth(t, func(t *testing.T, w asof.Warehouse) {
		dir := t.TempDir()
		writeRuleFile(t, dir, ruleFile{name: "t", columns: "{id: integer}"}, "1\n")
		p, err := loadText(t, "name: p\nparams: {as_of: {type: date}}\nsteps:\n  - {load: t, file: t.csv, key: id, columns: {id: integer}}\n  - check: t\n    expect:\n"+
			"      - sql: SELECT id FROM t WHERE\n      - {min: 5, column: id}\n      - {expression: idd > 0, severity: warn}\n      - {expression: 1 / (id - 1) > 0}\n      - {sql: SELECT id FROM t}\n")
		if err != nil {
			t.Fatal(err)
		}
		report, err := carryOut(t.Context(), settings{Pipeline: p, Repo: dir, Warehouse: w, Params: map[string]string{"as_of": "2024-01-31"}})
		for _, want := range []string{`p.yaml:7: table "t", sql: the query fails`, `p.yaml:9: table "t", expression: the query fails`, "idd", "1 of 1 rows are below 5", "returns 1 rows"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("err = %v\nwant %s", err, want)
			}
		}
		if checks := report.Steps[1].Checks; len(checks) != 6 {
			t.Errorf("%d results, want one for each rule: %+v", len(checks), checks)
		}
	})
}
