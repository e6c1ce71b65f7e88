package pipeline

import (
	"errors"
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
	f := &fileReader{reading: reading{path: path, lines: strings.Split(string(text), "\n")}, p: &Pipeline{Path: path}, loads: map[string]*LoadStep{}}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, f.unreadable(text, err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, asof.Errorf(asof.CodeInvalid, "%s is empty: it needs `name`, `params` and `steps`", path)
	}
	root := (&anchors{&f.reading, map[string]anchored{}}).resolve(file.Docs[0].Body)
	if len(f.problems) > 0 {
		return nil, f.problems.Err()
	}
	f.pipeline(root.Node)
	if len(file.Docs) > 1 && file.Docs[1].Body != nil {
		f.problem(file.Docs[1].Body, "a file holds one pipeline: put what stands behind --- into a file of its own")
	}
	return f.p, f.problems.Err()
}

// unreadable says why a text is no YAML, and where.
func (f *fileReader) unreadable(text []byte, err error) error {
	problem := asof.Problem{Place: asof.Place{File: f.path, Line: 1}, Message: "this is not valid YAML: " + err.Error()}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil {
		problem.Place.Line = syntax.Token.Position.Line
		problem.Message = "this is not valid YAML: " + syntax.Message + f.pointed(syntax.Token.Position)
	}
	if bareParam.Match(text) {
		problem.Message += "\na text that starts with {{ has to stand in quotes"
	}
	return asof.Problems{problem}.Err()
}

// fileReader makes a Pipeline of a file's nodes.
type fileReader struct {
	reading
	p     *Pipeline
	loads map[string]*LoadStep // by table
}

var (
	tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	bareParam = regexp.MustCompile(`(?m)[:-] +\{\{`) // YAML takes it for a mapping
)

func (f *fileReader) pipeline(root ast.Node) {
	top := f.object(root, "a pipeline", pipelineKeys)
	f.p.Name = f.text(top["name"], "name")
	f.p.Description = f.text(top["description"], "description")
	f.timezone(top["timezone"])
	if top["params"] != nil {
		for _, e := range f.entries(top["params"], "params") {
			f.param(e)
		}
	}
	if as := f.p.param(AsOfParam); top["params"] != nil && (as == nil || as.Type != ParamDate) {
		f.problem(root, "a pipeline needs the parameter `as_of: {type: date}`: the day that its files are of")
	}
	steps := f.items(top["steps"], "steps")
	if len(steps) == 0 && len(f.problems) == 0 {
		f.problem(root, "a pipeline needs `steps`: a list of what it does")
	}
	f.p.Steps = f.steps(steps)
	f.comparable()
	f.schedules(top["schedule"])
	f.concurrency(top["concurrency"])
	for _, n := range f.items(top["on_failure"], "on_failure") {
		f.afterFailure(n)
	}
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
	known := t.ColumnNames()
	for _, c := range columns {
		if !slices.Contains(known, c) {
			f.problem(n, "%s: table %s has no column %q%s", what, t.Name, c, orKnown(c, known))
		}
	}
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

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
