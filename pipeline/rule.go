package pipeline

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// ruleKeys are the keys of a rule beside its kind.
var ruleKeys = []string{"column", "columns", "severity", "mostly", "by", "strictly", "key"}

// ruleKinds lists the rules by our own names.
func ruleKinds() []string {
	names := make([]string, len(check.Forms))
	for i, f := range check.Forms {
		names[i] = string(f.Kind)
	}
	return names
}

func formOf(kind check.Kind) check.Form {
	i := slices.IndexFunc(check.Forms, func(f check.KindForm) bool { return f.Kind == kind })
	return check.Forms[i].Form
}

func (f *fileReader) check(_ ast.Node, values map[string]ast.Node) *Step {
	load := f.loaded(values["check"])
	if load == nil {
		return nil
	}
	c := &CheckStep{Table: load.Table.Name, Profile: f.boolean(values["profile"], "profile"), Quarantine: f.quarantine(values, load.Table)}
	for _, item := range f.items(values["expect"], "expect") {
		c.Rules = append(c.Rules, f.rules(item, load.Table)...)
	}
	return &Step{Name: "check " + c.Table, Check: c}
}

// rules reads one item of `expect`: a rule for each of its columns.
func (f *fileReader) rules(n ast.Node, table asof.Table) []check.Rule {
	item, args := f.item(n)
	if item == nil {
		return nil
	}
	name, value := item.name, item.value
	kinds := []check.Kind{check.Kind(name)}
	if known, ok := aliasOf(name, value); ok {
		kinds = known.kinds
		maps.Copy(args, f.arguments(name, known, value))
		if known.operator != "" {
			return f.pair(item.key, known, args, table)
		}
	} else if !slices.Contains(ruleKinds(), name) {
		f.problem(value, "%s is another tool's name of a rule: write its arguments as it does, `%s: {column: …}`", name, name)
		return nil
	} else {
		f.own(kinds[0], value, args)
	}
	var rules []check.Rule
	for _, kind := range kinds {
		if len(kinds) > 1 && (kind == check.Minimum && args["min"] == nil || kind == check.Maximum && args["max"] == nil) {
			continue // a range that is open on this side
		}
		rules = append(rules, f.ruleOf(item.key, kind, args, table)...)
	}
	if len(rules) == 0 && len(kinds) > 1 {
		f.problem(value, "%s needs one bound", name)
	}
	return rules
}

// item returns the name of a rule with what stands behind it, and the keys
// beside it; nil where there is no one name.
func (f *fileReader) item(n ast.Node) (item *entry, args map[string]ast.Node) {
	args = map[string]ast.Node{}
	own, unknown := append(ruleKinds(), ruleKeys...), false
	for _, e := range f.entries(n, "a rule") {
		_, other := aliases[packages.ReplaceAllString(e.name, "")]
		switch {
		case slices.Contains(ruleKeys, e.name):
			args[e.name] = e.value
			if e.name == "column" {
				args["columns"] = e.value
			}
		case !other && !slices.Contains(own, e.name):
			near := asof.DidYouMean(e.name, append(own, slices.Sorted(maps.Keys(aliases))...))
			f.problem(e.key, "unknown key %q in a rule%s", e.name, cmp.Or(near, "; known: "+strings.Join(own, ", ")))
			unknown = true
		case item != nil:
			f.problem(n, "a rule says one thing, and this one has both `%s` and `%s`: make two of it", item.name, e.name)
			return nil, nil
		default:
			item = &e
		}
	}
	if item == nil && !unknown {
		f.problem(n, "a rule needs one of %s", strings.Join(ruleKinds(), ", "))
	}
	return item, args
}

// own adds to args what stands behind one of our own names.
func (f *fileReader) own(kind check.Kind, value ast.Node, args map[string]ast.Node) {
	form := formOf(kind)
	if where := args["columns"]; where != nil && !slices.Contains([]check.Form{check.Each, check.List, check.Bounds, check.Reference}, form) {
		f.problem(where, "%s takes no `columns`: what it is about stands behind its name", kind)
	}
	switch {
	case form == check.Columns:
		args["columns"] = value
	case kind == check.Minimum:
		args["min"] = value
	case kind == check.Maximum:
		args["max"] = value
	case form == check.Bounds || form == check.TableBound:
		keys := []string{"min", "max"}
		if kind == check.Quantile {
			keys = append(keys, "at")
		}
		maps.Copy(args, f.known(value, string(kind), keys))
	default:
		args["value"] = value
	}
}

// ruleBy returns a rule of a kind with what stands beside its name.
func (f *fileReader) ruleBy(n ast.Node, kind check.Kind, args map[string]ast.Node) check.Rule {
	rule := check.Rule{Kind: kind, Place: f.place(n), Mostly: f.number(args["mostly"], "mostly"), At: f.number(args["at"], "at"),
		Strictly: f.boolean(args["strictly"], "strictly"), Warn: f.warns(args["severity"])}
	ordered := []check.Kind{check.Increasing, check.Decreasing}
	for key, owners := range map[string][]check.Kind{"by": ordered, "strictly": ordered, "key": {check.References}} {
		if args[key] != nil && !slices.Contains(owners, kind) {
			f.problem(args[key], "`%s` belongs to %s, and not to %s", key, owners[0], kind)
		}
	}
	if kind != check.Maximum {
		rule.Min = f.template(args["min"], "min")
	}
	if kind != check.Minimum {
		rule.Max = f.template(args["max"], "max")
	}
	return rule
}

// ruleOf makes the rules of a kind: one for each column, but where it is about
// columns together or about none.
func (f *fileReader) ruleOf(n ast.Node, kind check.Kind, args map[string]ast.Node, table asof.Table) []check.Rule {
	rule := f.ruleBy(n, kind, args)
	switch form := formOf(kind); form {
	case check.Table:
		return f.covers(args["value"], rule, table)
	case check.Comparison:
		return f.comparison(args["value"], rule, table)
	case check.TableBound:
		return f.fitting(n, rule, table)
	case check.Calendar:
		rule.Value = f.template(args["value"], string(kind))
		return f.fitting(n, rule, table)
	case check.Query:
		rule.Value = f.sql(args["value"], string(kind))
		return f.fitting(n, rule, table)
	case check.Shape:
		rule.Shape = f.shape(args["value"])
		return f.fitting(n, rule, table)
	case check.Columns:
		rule.Value = f.text(args["by"], "by")
		f.among(args["by"], "by", f.texts(args["by"], "by"), table)
	case check.List:
		rule.Values = f.texts(args["value"], string(kind))
	case check.Reference:
		f.reference(args, &rule)
	case check.Each:
		rule.Value = f.template(args["value"], string(kind))
	}
	return f.byColumn(n, args["columns"], rule, table)
}

// byColumn returns the rule for each of its columns; unique is about all.
func (f *fileReader) byColumn(n, where ast.Node, rule check.Rule, table asof.Table) []check.Rule {
	rule.Columns = f.texts(where, "columns")
	if len(rule.Columns) == 0 {
		f.problem(n, "the rule %s needs `columns`", rule.Kind)
	}
	f.among(where, string(rule.Kind), rule.Columns, table)
	if rule.Kind == check.Unique {
		return f.fitting(n, rule, table)
	}
	var rules []check.Rule
	for _, c := range rule.Columns {
		each := rule
		each.Columns = []string{c}
		rules = append(rules, f.fitting(n, each, table)...)
	}
	return rules
}

// warns reads a severity.
func (f *fileReader) warns(n ast.Node) bool {
	severity := f.text(n, "severity")
	if n != nil && severity != "error" && severity != "warn" {
		f.problem(n, "severity is `error`, which stops the run, or `warn`")
	}
	return severity == "warn"
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

// fitting returns the rule, after it has said why it cannot be put to the
// table. What holds parameters is looked at when they have values.
func (f *fileReader) fitting(value ast.Node, rule check.Rule, table asof.Table) []check.Rule {
	for _, text := range append(slices.Clone(rule.Values), rule.Min, rule.Max, rule.Value) {
		if placeholder.MatchString(text) {
			return []check.Rule{rule}
		}
	}
	if reason := rule.Unfit(table); reason != "" {
		f.problem(value, "%s", reason)
	}
	return []check.Rule{rule}
}
