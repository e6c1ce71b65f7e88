package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// Rule is one thing that is expected of staged rows. A null passes every rule
// but not_null.
type Rule struct {
	Kind     RuleKind
	Columns  []string
	Min, Max string   // min and max: of the value; rows: of the number of rows; "" for none
	Values   []string // accepted_values, as text
	Parent   string   // references, covers: the table
	Warn     bool     // a failure is told, and stops nothing
	Place    asof.Place
}

// RuleKind says what a rule is about.
type RuleKind string

// The rules.
const (
	NotNull        RuleKind = "not_null"
	Minimum        RuleKind = "min"
	Maximum        RuleKind = "max"
	AcceptedValues RuleKind = "accepted_values"
	Unique         RuleKind = "unique"       // its columns together, where none is null
	NotConstant    RuleKind = "not_constant" // more than one value, where there is more than one row
	Rows           RuleKind = "rows"
	Covers         RuleKind = "covers"     // each key of another file of the run is there
	References     RuleKind = "references" // in the key of a table, staged or published
)

var ruleKinds = []string{string(NotNull), string(Minimum), string(Maximum), string(AcceptedValues), string(Unique), string(NotConstant), string(Rows), string(Covers)}

var number = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

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
func (f *fileReader) rules(n ast.Node, table asof.Table) []Rule {
	values := f.object(n, "a rule", append(slices.Clone(ruleKinds), "column", "columns", "severity")...)
	rule := Rule{Place: f.place(n)}
	for _, kind := range ruleKinds {
		switch {
		case values[kind] == nil:
		case rule.Kind != "":
			f.problem(n, "a rule says one thing, and this one has both `%s` and `%s`: make two of it", rule.Kind, kind)
			return nil
		default:
			rule.Kind = RuleKind(kind)
		}
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
	if rule.Kind == "" {
		if len(values) > 0 {
			f.problem(n, "a rule needs one of %s", strings.Join(ruleKinds, ", "))
		}
		return nil
	}
	return f.ruleOf(n, rule, values, table)
}

// ruleOf reads what belongs to the rule's kind.
func (f *fileReader) ruleOf(n ast.Node, rule Rule, values map[string]ast.Node, table asof.Table) []Rule {
	value := values[string(rule.Kind)]
	where := values["columns"]
	if where == nil {
		where = values["column"]
	}
	switch rule.Kind {
	case NotNull, NotConstant, Unique:
		rule.Columns, where = f.texts(value, string(rule.Kind)), value
	case Rows:
		bounds := f.object(value, "rows", "min", "max")
		rule.Min, rule.Max = f.text(bounds["min"], "min"), f.text(bounds["max"], "max")
		for _, bound := range []string{rule.Min, rule.Max} {
			if bound != "" && (!number.MatchString(bound) || strings.ContainsAny(bound, "-.")) {
				f.problem(value, "rows takes whole numbers, and not %q", bound)
			}
		}
		return []Rule{rule}
	case Covers:
		return f.covers(value, rule, table)
	case Minimum:
		rule.Min, rule.Columns = f.text(value, "min"), f.texts(where, "columns")
	case Maximum:
		rule.Max, rule.Columns = f.text(value, "max"), f.texts(where, "columns")
	case AcceptedValues:
		rule.Values, rule.Columns = f.texts(value, "accepted_values"), f.texts(where, "columns")
	}
	if len(rule.Columns) == 0 {
		f.problem(n, "the rule %s needs `columns`", rule.Kind)
	}
	f.among(where, string(rule.Kind), rule.Columns, table)
	if rule.Kind == Unique {
		return []Rule{rule}
	}
	var rules []Rule
	for _, c := range rule.Columns {
		each := rule
		each.Columns = []string{c}
		if reason := unfit(each, typeOf(table, c)); reason != "" {
			f.problem(value, "%s of column %s: %s", rule.Kind, c, reason)
		}
		rules = append(rules, each)
	}
	return rules
}

// covers reads the table whose keys are to be there: one that the run loads, by
// as many columns.
func (f *fileReader) covers(value ast.Node, rule Rule, table asof.Table) []Rule {
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
	return []Rule{rule}
}

// unfit says why a rule cannot be put to a column of a type.
func unfit(r Rule, typ string) string {
	bound := r.Min + r.Max
	switch {
	case r.Kind == AcceptedValues && typ != "" && !slices.Contains([]string{"text", "integer", "bigint", "boolean"}, typ):
		return "a " + typ + " has no list of values; use min and max"
	case r.Kind != Minimum && r.Kind != Maximum, typ == "":
	case typ == "date" && !isDate(bound):
		return "the bound of a date has to be one like 2024-01-31, and not " + bound
	case typ == "text" || typ == "boolean" || typ == "timestamptz":
		return "a " + typ + " has no bounds"
	case typ != "date" && !number.MatchString(bound):
		return fmt.Sprintf("the bound has to be a number, and not %q", bound)
	}
	return ""
}

func typeOf(t asof.Table, column string) string {
	for _, c := range t.Columns {
		if c.Name == column {
			return c.Type
		}
	}
	return ""
}

// condition returns SQL that holds for the rows that break the rule; "" for
// rules that are not about single rows. published is the name of the rule's
// parent table as it is published, "" where it is not, and parentKey the
// column that is referred to.
func (r Rule) condition(typ, published, parentKey string, parentStaged bool) string {
	c := "s." + quote(r.Columns[0])
	literal := r.Min + r.Max
	if typ == "date" {
		literal = "DATE '" + literal + "'"
	}
	switch r.Kind {
	case NotNull:
		return c + " IS NULL"
	case Minimum:
		return c + " < " + literal
	case Maximum:
		return c + " > " + literal
	case AcceptedValues:
		texts := make([]string, len(r.Values))
		for i, v := range r.Values {
			if typ == "boolean" {
				v = strings.ToLower(v)
			}
			texts[i] = quoteText(v)
		}
		return "CAST(" + c + " AS text) NOT IN (" + strings.Join(texts, ", ") + ")"
	case References:
		condition := c + " IS NOT NULL"
		if parentStaged {
			condition += " AND NOT EXISTS (SELECT 1 FROM " + quote(r.Parent) + " p WHERE p." + quote(parentKey) + " = " + c + ")"
		}
		if published != "" {
			condition += " AND NOT EXISTS (SELECT 1 FROM " + published + " p WHERE p." + quote(parentKey) + " = " + c + ")"
		}
		return condition
	}
	return ""
}

// failed says in words how the rows break the rule.
func (r Rule) failed() string {
	switch r.Kind {
	case NotNull:
		return "are empty"
	case Minimum:
		return "are below " + r.Min
	case Maximum:
		return "are above " + r.Max
	case AcceptedValues:
		return "are none of " + strings.Join(r.Values, ", ")
	case References:
		return "are not in table " + quote(r.Parent)
	}
	return ""
}

func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
