package pipeline

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/asof-dev/asof"
)

// Load reads a pipeline file. All its mistakes are returned at once, as
// asof.Problems with the lines and a caret under each place.
func Load(path string) (*Pipeline, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, asof.Errorf(asof.CodeInvalid, "the pipeline cannot be read: %w", err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		message := yaml.FormatError(err, false, true)
		if bareParam.Match(text) {
			message += "\na text that starts with {{ has to stand in quotes"
		}
		return nil, asof.Errorf(asof.CodeInvalid, "%s is not valid YAML: %s", path, message)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is empty: it needs `name`, `params` and `steps`", path)
	}
	f := &fileReader{reading: reading{path: path, lines: strings.Split(string(text), "\n")}, p: &Pipeline{Path: path}, loads: map[string]*LoadStep{}}
	f.pipeline(file.Docs[0].Body)
	return f.p, f.problems.Err()
}

// fileReader makes a Pipeline of a file's nodes.
type fileReader struct {
	reading
	p     *Pipeline
	loads map[string]*LoadStep // by table
}

var (
	tableName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	paramInUse = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)
	bareParam  = regexp.MustCompile(`(?m)[:-] +\{\{`) // YAML takes it for a mapping
	kinds      = []string{"load", "check", "snapshot", "materialize"}
)

func (f *fileReader) pipeline(root ast.Node) {
	top := f.object(root, "a pipeline", "name", "description", "params", "steps")
	f.p.Name = f.text(top["name"], "name")
	f.p.Description = f.text(top["description"], "description")
	if top["name"] == nil {
		f.problem(root, "a pipeline needs a `name`")
	}
	if top["params"] != nil {
		for _, e := range f.entries(top["params"], "params") {
			f.param(e)
		}
	}
	if i := slices.IndexFunc(f.p.Params, func(p Param) bool { return p.Name == AsOfParam }); i < 0 || f.p.Params[i].Type != ParamDate {
		f.problem(root, "a pipeline needs the parameter `as_of: {type: date}`: the day that its files are of")
	}
	steps := f.items(top["steps"], "steps")
	if len(steps) == 0 && len(f.problems) == 0 {
		f.problem(root, "a pipeline needs `steps`: a list of what it does")
	}
	for _, n := range steps {
		f.step(n)
	}
	f.comparable()
}

func (f *fileReader) param(e entry) {
	p := Param{Name: e.name, Type: ParamString}
	values := f.object(e.value, "parameter "+e.name, "type", "default", "required", "description")
	p.Description = f.text(values["description"], "description")
	p.Required = values["default"] == nil
	if values["required"] != nil && f.boolean(values["required"], "required") && !p.Required {
		f.problem(values["required"], "parameter %s is required and has a default: leave out one of them", e.name)
	}
	if values["required"] != nil && p.Required && !f.boolean(values["required"], "required") {
		f.problem(values["required"], "parameter %s is not required and has no default: give it one", e.name)
	}
	if n := values["default"]; n != nil {
		p.Default = f.text(n, "default")
	}
	if n := values["type"]; n != nil {
		p.Type = ParamType(f.text(n, "type"))
		if p.Type != ParamString && p.Type != ParamDate {
			f.problem(n, "the type %q of parameter %s is not known; known: string, date", p.Type, e.name)
		}
	}
	if p.Default != "" && p.Type == ParamDate && !isDate(p.Default) {
		f.problem(values["default"], "the default of parameter %s has to be a date like 2024-01-31", e.name)
	}
	f.p.Params = append(f.p.Params, p)
}

// step reads one step. Its kind is the key among kinds.
func (f *fileReader) step(n ast.Node) {
	var kind string
	var names []string
	for _, e := range f.entries(n, "a step") {
		names = append(names, e.name)
		if slices.Contains(kinds, e.name) {
			if kind != "" {
				f.problem(e.key, "a step does one thing, and this one has both `%s` and `%s`: make two of it", kind, e.name)
				return
			}
			kind = e.name
		}
	}
	switch {
	case kind == "" && len(names) > 0:
		f.problem(n, "a step starts with what it does, and not with %q%s", names[0], orKnown(names[0], kinds))
	case f.materializes() != nil && kind != "":
		f.problem(n, "materialize has to be the last step: it shows what was published")
	case kind == "load":
		f.load(n)
	case kind == "check":
		f.check(n)
	case kind == "snapshot":
		f.snapshot(n)
	case kind == "materialize":
		f.materialize(n)
	}
}

func (f *fileReader) materializes() *MaterializeStep {
	if last := len(f.p.Steps) - 1; last >= 0 {
		return f.p.Steps[last].Materialize
	}
	return nil
}

func (f *fileReader) add(n ast.Node, s Step) {
	s.Place = f.place(n)
	f.p.Steps = append(f.p.Steps, s)
}

func (f *fileReader) load(n ast.Node) {
	values := f.object(n, "a load step", "load", "file", "key", "columns", "references", "allow_empty")
	load := &LoadStep{File: f.template(values["file"], "file"), AllowEmpty: f.boolean(values["allow_empty"], "allow_empty")}
	load.Table = asof.Table{Name: f.table(values["load"]), Key: f.texts(values["key"], "key"), References: map[string]string{}}
	for _, needed := range []string{"file", "key", "columns"} {
		if values[needed] == nil {
			f.problem(n, "the load step of %s needs `%s`", load.Table.Name, needed)
		}
	}
	if values["columns"] != nil {
		load.Table.Columns = f.columns(values["columns"])
	}
	f.among(values["key"], "key", load.Table.Key, load.Table)
	if values["references"] != nil {
		for _, e := range f.entries(values["references"], "references") {
			f.among(e.key, "references", []string{e.name}, load.Table)
			parent := f.text(e.value, "references")
			if loaded := f.loads[parent]; loaded != nil && len(loaded.Table.Key) != 1 {
				f.problem(e.value, "table %s has a key of %d columns: one column cannot refer to it", parent, len(loaded.Table.Key))
			}
			load.Table.References[e.name] = parent
		}
	}
	if f.loads[load.Table.Name] != nil {
		f.problem(n, "table %s is loaded by an earlier step already", load.Table.Name)
	}
	f.loads[load.Table.Name] = load
	f.add(n, Step{Name: "load " + load.Table.Name, Load: load})
}

func (f *fileReader) columns(n ast.Node) []asof.TableColumn {
	var columns []asof.TableColumn
	for _, e := range f.entries(n, "columns") {
		typ, err := asof.ColumnType(f.text(e.value, "a column's type"))
		if err != nil {
			f.problem(e.value, "column %s: %s", e.name, err)
		}
		columns = append(columns, asof.TableColumn{Name: e.name, Type: typ})
	}
	return columns
}

// among checks that names are columns of the table.
func (f *fileReader) among(n ast.Node, what string, columns []string, t asof.Table) {
	if n == nil || len(t.Columns) == 0 {
		return
	}
	known := columnNames(t)
	for _, c := range columns {
		if !slices.Contains(known, c) {
			f.problem(n, "%s: table %s has no column %q%s", what, t.Name, c, orKnown(c, known))
		}
	}
}

func (f *fileReader) materialize(n ast.Node) {
	values := f.object(n, "a materialize step", "materialize")
	step := &MaterializeStep{Views: f.texts(values["materialize"], "materialize")}
	if len(step.Views) == 1 && step.Views[0] == "all" {
		step.Views = nil
	}
	f.add(n, Step{Name: "materialize", Materialize: step})
}

// table reads the name of a table.
func (f *fileReader) table(n ast.Node) string {
	name := f.text(n, "a table's name")
	if n != nil && name != "" && !tableName.MatchString(name) {
		f.problem(n, "%q cannot be the name of a table: letters, digits and underscores, 63 at most", name)
	}
	return name
}

// loaded returns the step that loads the named table.
func (f *fileReader) loaded(n ast.Node) *LoadStep {
	name := f.text(n, "a table's name")
	load := f.loads[name]
	if load == nil {
		known := make([]string, 0, len(f.loads))
		for table := range f.loads {
			known = append(known, table)
		}
		slices.Sort(known)
		f.problem(n, "no earlier step loads the table %q%s", name, orKnown(name, known))
	}
	return load
}

// template reads a text that may hold parameters.
func (f *fileReader) template(n ast.Node, what string) string {
	text := f.text(n, what)
	known := make([]string, len(f.p.Params))
	for i, p := range f.p.Params {
		known[i] = p.Name
	}
	for _, m := range paramInUse.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(known, m[1]) {
			f.problem(n, "%s: there is no parameter %q%s", what, m[1], orKnown(m[1], known))
		}
	}
	return text
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func columnNames(t asof.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteAll(names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	return quoted
}
