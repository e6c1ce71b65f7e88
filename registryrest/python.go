package registryrest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// python is a piece of a definition file.
type python struct {
	imports map[string][]string // names by module; "" for pandas itself
	body    strings.Builder
}

// argument of a call; one without a value is left out.
type argument struct{ name, value string }

func (p *python) text() string {
	var b strings.Builder
	for _, module := range slices.Sorted(maps.Keys(p.imports)) {
		if names := slices.Compact(slices.Sorted(slices.Values(p.imports[module]))); module != "" {
			fmt.Fprintf(&b, "from %s import %s\n", module, strings.Join(names, ", "))
		} else {
			b.WriteString("import pandas as pd\n")
		}
	}
	return b.String() + "\n" + p.body.String()
}

var namesInType = regexp.MustCompile(`"[^"]*"|[A-Za-z]\w*`)

// use imports the names in the text of a type, or a class.
func (p *python) use(module, text string) {
	for _, name := range namesInType.FindAllString(text, -1) {
		if name[0] != '"' {
			p.imports[module] = append(p.imports[module], name)
		}
	}
}

// call assigns what a class makes of the arguments to a variable.
func (p *python) call(module, class, name string, arguments ...argument) {
	p.use(module, class)
	fmt.Fprintf(&p.body, "%s = %s(\n    name=%s,\n", variable(name), class, quote(name))
	p.arguments(arguments)
	p.body.WriteString(")\n")
}

func (p *python) arguments(arguments []argument) {
	for _, a := range arguments {
		if a.value != "" {
			fmt.Fprintf(&p.body, "    %s=%s,\n", a.name, a.value)
		}
	}
}

// schema is the list of fields of a view or a source.
func (p *python) schema(fields []asof.Field) argument {
	var b strings.Builder
	b.WriteString("[\n")
	for _, f := range fields {
		p.use("feast", "Field")
		p.use("feast.types", f.Type.String())
		fmt.Fprintf(&b, "        Field(name=%s, dtype=%s", quote(f.Name), f.Type)
		for _, a := range particulars(f.Description, f.Tags, "") {
			if a.value != "" {
				fmt.Fprintf(&b, ", %s=%s", a.name, a.value)
			}
		}
		b.WriteString("),\n")
	}
	return argument{"schema", b.String() + "    ]"}
}

// particulars are what every kind of object can say of itself.
func particulars(description string, tags map[string]string, owner string) []argument {
	return []argument{{"description", quoted(description)}, {"tags", dictionary(tags)}, {"owner", quoted(owner)}}
}

var notInNames = regexp.MustCompile(`\W`)

// variable is a name of Python's for an object.
func variable(name string) string {
	name = notInNames.ReplaceAllString(name, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// quote writes a text as JSON does, which is Python too.
func quote(text string) string { return string(appendJSON(nil, text)) }

// quoted is the same, and nothing for no text.
func quoted(text string) string {
	if text == "" {
		return ""
	}
	return quote(text)
}

func quotes(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = quote(t)
	}
	return out
}

func list(items ...string) string { return "[" + strings.Join(items, ", ") + "]" }

// dictionary writes texts by their names, and nothing for none.
func dictionary(m map[string]string) string {
	if len(m) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, quote(name)+": "+quote(m[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
