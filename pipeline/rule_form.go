package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// comparison reads a column, an operator and a column.
func (f *fileReader) comparison(value ast.Node, rule check.Rule, table asof.Table) []check.Rule {
	if parts := f.texts(value, "compare"); len(parts) == 3 {
		rule.Columns, rule.Value = []string{parts[0], parts[2]}, parts[1]
		f.among(value, "compare", rule.Columns, table)
	}
	return f.fitting(value, rule, table)
}

// pair reads two columns that another tool's arguments name, to be compared.
func (f *fileReader) pair(n ast.Node, known alias, args map[string]ast.Node, table asof.Table) []check.Rule {
	rule := f.ruleBy(n, check.Compare, args)
	rule.Value = known.operator
	if f.boolean(args["or_equal"], "or_equal") {
		rule.Value += "="
	}
	for _, side := range []string{"a", "b"} {
		if args[side] == nil {
			f.problem(n, "the comparison needs `%s`", known.names[side])
			return nil
		}
		rule.Columns = append(rule.Columns, f.text(args[side], "a column"))
	}
	f.among(n, "the comparison", rule.Columns, table)
	return f.fitting(n, rule, table)
}

// shape reads columns with their types, or a list of columns.
func (f *fileReader) shape(value ast.Node) (columns []asof.TableColumn) {
	if _, mapping := value.(ast.MapNode); mapping {
		return f.columns(value)
	}
	for _, name := range f.texts(value, "schema") {
		columns = append(columns, asof.TableColumn{Name: name})
	}
	return columns
}

// reference reads the table whose key holds the values, and which column of it.
func (f *fileReader) reference(args map[string]ast.Node, rule *check.Rule) {
	rule.Parent, rule.Value = referred(f.text(args["value"], "a table's name")), f.text(args["key"], "key")
	parent := f.loads[rule.Parent]
	switch {
	case !tableName.MatchString(rule.Parent):
		f.problem(args["value"], "%q cannot be the name of a table", rule.Parent)
	case parent == nil || parent.Table.Key == nil:
	case rule.Value != "":
		f.among(args["key"], "key", []string{rule.Value}, parent.Table)
	case len(parent.Table.Key) > 1:
		f.problem(args["value"], "table %s has a key of %d columns: say in `key` which one is referred to", rule.Parent, len(parent.Table.Key))
	}
}

// covers reads the table whose keys are to be there: one that the run loads, by
// as many columns.
func (f *fileReader) covers(value ast.Node, rule check.Rule, table asof.Table) []check.Rule {
	other := f.loaded(value)
	if other == nil {
		return nil
	}
	if len(other.Table.Key) != len(table.Key) {
		f.problem(value, "the key of table %q is %s, and that of %q %s: they can't be compared",
			other.Table.Name, strings.Join(other.Table.Key, ", "), table.Name, strings.Join(table.Key, ", "))
		return nil
	}
	rule.Parent = other.Table.Name
	return f.fitting(value, rule, table)
}

// comparable finds the rules about the month before whose table or column no
// snapshot keeps.
func (f *fileReader) comparable() {
	for _, s := range f.p.Steps {
		if s.Check == nil {
			continue
		}
		snapshot := f.p.snapshotOf(s.Check.Table)
		for _, r := range s.Check.Rules {
			switch {
			case !r.Kind.Compares():
			case snapshot == nil:
				f.problems = append(f.problems, asof.Problem{Place: r.Place, Message: fmt.Sprintf("%s needs a snapshot `from: %s`, which keeps the month before", r.Kind, s.Check.Table)})
			default:
				for _, c := range r.Columns {
					if !slices.Contains(snapshot.Table.ColumnNames(), c) {
						f.problems = append(f.problems, asof.Problem{Place: r.Place, Message: fmt.Sprintf("%s: the snapshot %s does not keep column %q", r.Kind, snapshot.Table.Name, c)})
					}
				}
			}
		}
	}
}

// quarantine reads where rows go that break rules, and how many may.
func (f *fileReader) quarantine(values map[string]ast.Node, table asof.Table) *Quarantine {
	name := f.text(values["quarantine"], "quarantine")
	if values["quarantine"] == nil || name == "false" {
		if values["at_most"] != nil {
			f.problem(values["at_most"], "`at_most` needs `quarantine: true`, where these rows go")
		}
		return nil
	}
	q := &Quarantine{Table: name, AtMost: f.number(values["at_most"], "at_most")}
	if name == "true" {
		q.Table = "quarantine_" + table.Name
	}
	if q.AtMost < 0 || q.AtMost > 1 {
		f.problem(values["at_most"], "`at_most` is a share of the rows, from 0 to 1")
	}
	if err := asof.CheckTableName(q.Table); err != nil {
		f.problem(values["quarantine"], "%v", err)
	}
	return q
}
