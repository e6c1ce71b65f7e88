package pipeline

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

func (f *fileReader) param(e entry) {
	what := "parameter " + e.name
	values := f.object(e.value, what, paramKeys)
	p := Param{Name: e.name, Type: ParamString, Description: f.text(values["description"], "description"),
		Required: values["default"] == nil, Default: f.text(values["default"], "default"), Values: f.texts(values["values"], "values")}
	if !paramName.MatchString(e.name) {
		f.problem(e.key, "%q cannot be the name of a parameter: letters, digits and underscores", e.name)
	}
	if f.p.param(e.name) != nil {
		f.problem(e.key, "there are two parameters %s", e.name)
	}
	if n := values["required"]; n != nil {
		switch required := f.boolean(n, "required"); {
		case required && !p.Required:
			f.problem(n, "parameter %s is required and has a default: leave out one of them", e.name)
		case !required && p.Required:
			f.problem(n, "parameter %s is not required and has no default: give it one", e.name)
		}
	}
	if n := values["type"]; n != nil {
		if p.Type = ParamType(f.text(n, "type")); !slices.Contains(paramTypes, p.Type) {
			f.problem(n, "the type %q of parameter %s is not known%s", p.Type, e.name, orKnown(string(p.Type), paramTypes))
		}
	}
	switch {
	case p.Type == ParamEnum && len(p.Values) == 0:
		f.problem(e.key, "parameter %s is an enum and needs `values`: a list of what it can be", e.name)
	case p.Type != ParamEnum && values["values"] != nil:
		f.problem(values["values"], "`values` belongs to an enum, and parameter %s is of the type %s", e.name, p.Type)
	case !p.Required:
		f.defaultValue(values["default"], p)
	}
	f.p.Params = append(f.p.Params, p)
}

// defaultValue checks the default of a parameter. It may hold parameters that
// stand before it, and of a date or a datetime it may be words.
func (f *fileReader) defaultValue(n ast.Node, p Param) {
	text := f.template(n, "the default of parameter "+p.Name)
	switch {
	case placeholder.MatchString(text):
	case p.wrong(text) == "":
	case p.timed():
		m, reason := f.p.moment(text)
		if reason == "" && (m.format != "" || p.Type == ParamDate && !f.p.wholeDays(m)) {
			reason = fmt.Sprintf("%q is no day", text)
		}
		if reason != "" {
			f.problem(n, "the default of parameter %s has to be %s, or words such as `last day of last month` and `today - 7 days`: %s",
				p.Name, p.looks(), reason)
		}
	default:
		f.problem(n, "the default of parameter %s %s", p.Name, p.wrong(text))
	}
}

// template reads a text that may hold parameters.
func (f *fileReader) template(n ast.Node, what string) string {
	text := f.text(n, what)
	f.filled(n, text, what)
	return text
}

// sql reads SQL that may hold parameters.
func (f *fileReader) sql(n ast.Node, what string) string {
	text := f.template(n, what)
	eachInSQL(text, func(match string, place sqlPlace) string {
		if reason := f.p.misplaced(match, place); reason != "" {
			f.problem(n, "%s: %s", what, reason)
		}
		return ""
	})
	return text
}

// filled checks what stands between {{ and }} in a text.
func (f *fileReader) filled(n ast.Node, text, what string) {
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if _, reason := f.p.filling(m[1]); reason != "" {
			f.problem(n, "%s: %s", what, reason)
		}
	}
}
