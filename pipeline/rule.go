package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// ruleKeys are the keys of a rule beside its kind.
var ruleKeys = []string{"column", "columns", "severity", "mostly", "by"}

func ruleKinds() []string {
	names := make([]string, len(check.Forms))
	for i, f := range check.Forms {
		names[i] = string(f.Kind)
	}
	return names
}

func (f *fileReader) check(n ast.Node) {
	values := f.object(n, "a check step", "check", "expect")
	load := f.loaded(values["check"])
	if values["expect"] == nil {
		f.problem(n, "a check step needs `expect`: a list of rules")
	}
	if load == nil {
		return
	}
	c := &CheckStep{Table: load.Table.Name}
	for _, item := range f.items(values["expect"], "expect") {
		c.Rules = append(c.Rules, f.rules(item, load.Table)...)
	}
	f.add(n, Step{Name: "check " + c.Table, Check: c})
}

// rules reads one item of `expect`: a rule for each of its columns.
func (f *fileReader) rules(n ast.Node, table asof.Table) []check.Rule {
	values := f.object(n, "a rule", append(ruleKinds(), ruleKeys...)...)
	rule := check.Rule{Place: f.place(n)}
	var form check.Form
	for _, known := range check.Forms {
		switch {
		case values[string(known.Kind)] == nil:
		case rule.Kind != "":
			f.problem(n, "a rule says one thing, and this one has both `%s` and `%s`: make two of it", rule.Kind, known.Kind)
			return nil
		default:
			rule.Kind, form = known.Kind, known.Form
		}
	}
	if rule.Kind == "" {
		if len(values) > 0 {
			f.problem(n, "a rule needs one of %s", strings.Join(ruleKinds(), ", "))
		}
		return nil
	}
	if severity := values["severity"]; severity != nil {
		switch f.text(severity, "severity") {
		case "error":
		case "warn":
			rule.Warn = true
		default:
			f.problem(severity, "severity is `error`, which stops the run, or `warn`")
		}
	}
	rule.Mostly = f.number(values["mostly"], "mostly")
	return f.ruleOf(n, rule, form, values, table)
}

// ruleOf reads what belongs to the form of the rule's kind.
func (f *fileReader) ruleOf(n ast.Node, rule check.Rule, form check.Form, values map[string]ast.Node, table asof.Table) []check.Rule {
	value := values[string(rule.Kind)]
	where := values["columns"]
	if where == nil {
		where = values["column"]
	}
	if where != nil && form != check.Each && form != check.List && form != check.Bounds {
		f.problem(where, "%s takes no `columns`: what it is about stands behind its name", rule.Kind)
	}
	if values["by"] != nil && rule.Kind != check.Increasing {
		f.problem(values["by"], "`by` belongs to increasing, and not to %s", rule.Kind)
	}
	switch form {
	case check.Columns:
		where = value
		rule.Value = f.text(values["by"], "by")
		f.among(values["by"], "by", f.texts(values["by"], "by"), table)
	case check.Each:
		f.each(value, &rule)
	case check.List:
		rule.Values = f.texts(value, string(rule.Kind))
	case check.Bounds, check.TableBound:
		f.bounds(value, &rule)
	case check.Table:
		return f.covers(value, rule, table)
	case check.Query:
		rule.Value = f.template(value, "sql")
		return []check.Rule{rule}
	case check.Comparison:
		return f.comparison(value, rule, table)
	}
	if form == check.TableBound {
		return f.fitting(value, rule, table)
	}
	rule.Columns = f.texts(where, "columns")
	if len(rule.Columns) == 0 {
		f.problem(n, "the rule %s needs `columns`", rule.Kind)
	}
	f.among(where, string(rule.Kind), rule.Columns, table)
	if rule.Kind == check.Unique {
		return f.fitting(value, rule, table)
	}
	var rules []check.Rule
	for _, c := range rule.Columns {
		each := rule
		each.Columns = []string{c}
		rules = append(rules, f.fitting(value, each, table)...)
	}
	return rules
}

// each reads the one text of a rule.
func (f *fileReader) each(value ast.Node, rule *check.Rule) {
	switch text := f.template(value, string(rule.Kind)); rule.Kind {
	case check.Minimum:
		rule.Min = text
	case check.Maximum:
		rule.Max = text
	default:
		rule.Value = text
	}
}

// bounds reads min and max, and where a quantile is.
func (f *fileReader) bounds(value ast.Node, rule *check.Rule) {
	keys := []string{"min", "max"}
	if rule.Kind == check.Quantile {
		keys = append(keys, "at")
	}
	bounds := f.object(value, string(rule.Kind), keys...)
	rule.Min, rule.Max = f.text(bounds["min"], "min"), f.text(bounds["max"], "max")
	rule.At = f.number(bounds["at"], "at")
}

// number reads a number; nil is 0.
func (f *fileReader) number(n ast.Node, what string) float64 {
	if n == nil {
		return 0
	}
	value, err := strconv.ParseFloat(f.text(n, what), 64)
	if err != nil {
		f.problem(n, "%s has to be a number", what)
	}
	return value
}

// comparison reads a column, an operator and a column.
func (f *fileReader) comparison(value ast.Node, rule check.Rule, table asof.Table) []check.Rule {
	if parts := f.texts(value, "compare"); len(parts) == 3 {
		rule.Columns, rule.Value = []string{parts[0], parts[2]}, parts[1]
		f.among(value, "compare", rule.Columns, table)
	}
	return f.fitting(value, rule, table)
}

// fitting returns the rule, after it has said why it cannot be put to the
// table. What holds parameters is looked at when they have values.
func (f *fileReader) fitting(value ast.Node, rule check.Rule, table asof.Table) []check.Rule {
	for _, text := range append(slices.Clone(rule.Values), rule.Min, rule.Max, rule.Value) {
		if paramInUse.MatchString(text) {
			return []check.Rule{rule}
		}
	}
	if reason := rule.Unfit(table); reason != "" {
		f.problem(value, "%s", reason)
	}
	return []check.Rule{rule}
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
