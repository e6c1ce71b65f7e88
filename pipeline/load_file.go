package pipeline

import (
	"regexp"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/tablefile"
)

func (f *fileReader) load(n ast.Node, values map[string]ast.Node) *Step {
	load := &LoadStep{File: f.template(values["file"], "file"), AllowEmpty: f.boolean(values["allow_empty"], "allow_empty"),
		Mode: among(f, values["mode"], "mode", asof.WriteModes)}
	load.Format = among(f, values["format"], "format", tablefile.Formats)
	load.Table = asof.Table{Name: f.table(values["load"]), Key: f.texts(values["key"], "key"), References: map[string]string{}}
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
	f.shapeOfFiles(values, load)
	f.fills(n, load)
	return &Step{Name: "load " + load.Table.Name, Load: load}
}

// fills enters a table that the run fills.
func (f *fileReader) fills(n ast.Node, load *LoadStep) {
	if f.loads[load.Table.Name] != nil {
		f.problem(n, "table %s is loaded by an earlier step already", load.Table.Name)
	}
	f.loads[load.Table.Name] = load
}

// query reads a step that makes a table by SQL.
func (f *fileReader) query(n ast.Node, values map[string]ast.Node) *Step {
	load := &LoadStep{Query: f.sql(values["query"], "query"), AllowEmpty: f.boolean(values["allow_empty"], "allow_empty")}
	load.Table = asof.Table{Name: f.table(values["sql"]), Key: f.texts(values["key"], "key")}
	if values["columns"] != nil {
		load.Table.Columns = f.columns(values["columns"])
	}
	f.among(values["key"], "key", load.Table.Key, load.Table)
	f.fills(n, load)
	return &Step{Name: "sql " + load.Table.Name, Load: load}
}

// among reads one of a few words.
func among[T ~string](f *fileReader, n ast.Node, what string, known []T) T {
	value := T(f.text(n, what))
	if n != nil && !slices.Contains(known, value) {
		words := make([]string, len(known))
		for i, k := range known {
			words[i] = string(k)
		}
		f.problem(n, "%q is no %s%s", value, what, orKnown(string(value), words))
	}
	return value
}

// shapeOfFiles reads how the files' columns become those of the table.
func (f *fileReader) shapeOfFiles(values map[string]ast.Node, load *LoadStep) {
	load.Ignore = f.texts(values["ignore"], "ignore")
	taken := map[string]string{} // by column, what says where its values are
	take := func(n ast.Node, column, by string) {
		f.among(n, by, []string{column}, load.Table)
		if other := taken[column]; other != "" {
			f.problem(n, "the values of column %q are said by `%s` already", column, other)
		}
		taken[column] = by
	}
	load.Rename, load.Constants, load.FromPath = map[string]string{}, map[string]string{}, map[string]string{}
	for _, e := range f.optional(values["rename"], "rename") {
		load.Rename[e.name] = f.text(e.value, "rename")
		take(e.value, load.Rename[e.name], "rename")
	}
	for _, e := range f.optional(values["constants"], "constants") {
		load.Constants[e.name] = f.template(e.value, "constants")
		take(e.key, e.name, "constants")
	}
	for _, e := range f.optional(values["from_path"], "from_path") {
		pattern := f.text(e.value, "from_path")
		load.FromPath[e.name] = pattern
		take(e.key, e.name, "from_path")
		if r, err := regexp.Compile(pattern); err != nil || r.NumSubexp() > 1 {
			f.problem(e.value, "%q has to be a regular expression with one group at most", pattern)
		}
	}
	if values["csv"] != nil {
		f.dialect(values["csv"], load)
	}
}

func (f *fileReader) optional(n ast.Node, what string) []entry {
	if n == nil {
		return nil
	}
	return f.entries(n, what)
}

// dialect reads how CSV files are written.
func (f *fileReader) dialect(n ast.Node, load *LoadStep) {
	values, d := f.object(n, "csv", csvKeys), &load.CSV
	if load.Format != "" && load.Format != tablefile.CSV {
		f.problem(n, "`csv` says how CSV files are written, and the format is %s", load.Format)
	}
	d.Delimiter = f.character(values["delimiter"], "delimiter")
	if quote := values["quote"]; quote != nil && f.text(quote, "quote") == "none" {
		d.NoQuotes = true
	} else {
		d.Quote = f.character(quote, "quote")
	}
	d.Escape = f.character(values["escape"], "escape")
	d.Decimal, d.Thousands = f.character(values["decimal"], "decimal"), f.character(values["thousands"], "thousands")
	d.Encoding = among(f, values["encoding"], "encoding", tablefile.Encodings)
	d.Nulls = f.texts(values["nulls"], "nulls")
	d.Dates, d.Times = f.layout(values["dates"], "dates"), f.layout(values["times"], "times")
	if header := values["header"]; header != nil {
		if _, list := header.(*ast.SequenceNode); list {
			d.NoHeader, d.Names = true, f.texts(header, "header")
		} else {
			d.NoHeader = !f.boolean(header, "header")
		}
	}
	if reason := d.Unfit(); reason != "" {
		f.problem(n, "%s", reason)
	}
}

// character reads one character of ASCII.
func (f *fileReader) character(n ast.Node, what string) byte {
	if n == nil {
		return 0
	}
	switch text := f.text(n, what); {
	case text == "tab" || text == `\t`:
		return '\t'
	case len(text) == 1 && text[0] < 0x80 && text[0] != '\n' && text[0] != '\r' && text[0] != 0:
		return text[0]
	default:
		f.problem(n, "%s has to be one character, and not %q", what, text)
	}
	return 0
}

func (f *fileReader) layout(n ast.Node, what string) string {
	if n == nil {
		return ""
	}
	layout, err := tablefile.Layout(f.text(n, what))
	if err != nil {
		f.problem(n, "%s: %s", what, err)
	}
	return layout
}
