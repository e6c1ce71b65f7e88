package pit

import (
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// View is a feature view with the columns that its source has.
type View struct {
	asof.ViewQuery
	Relation string // what stands in FROM: a table, a parenthesised SELECT, a table function
	Lookup   Lookup // whether Historical finds the view's rows by an index
	columns  map[string]asof.SourceColumn
	names    []string          // columns that the query reads beside keys and times, each once
	called   map[string]string // what messages call a column that Pulled renamed
}

// NewView checks a view against the columns of its source. A column that is
// missing, or that should hold times and does not, is CodeInvalid.
func NewView(q asof.ViewQuery, relation string, columns []asof.SourceColumn) (*View, error) {
	v := &View{ViewQuery: q, Relation: relation, columns: map[string]asof.SourceColumn{}}
	all := make([]string, len(columns))
	for i, c := range columns {
		v.columns[c.Name], all[i] = c, c.Name
	}
	missing := func(role, name string) error {
		return asof.Errorf(asof.CodeInvalid, "feature view %q: its source %q has no column %q, %s%s",
			q.View, q.Source.Name, name, role, known(name, all))
	}
	for _, k := range q.Keys {
		if _, ok := v.columns[k.Column]; !ok {
			return nil, missing("the join key", k.Column)
		}
	}
	for _, name := range []string{q.Timestamp, q.Created} {
		c, ok := v.columns[name]
		switch {
		case ok && !c.IsTime:
			return nil, asof.Errorf(asof.CodeInvalid, "feature view %q: column %q of its source %q is %s, not a timestamp or a date",
				q.View, name, q.Source.Name, c.Native)
		case !ok && name == "" && q.Timestamp == "":
			return nil, asof.Errorf(asof.CodeInvalid, "feature view %q: its source %q has no timestamp_field", q.View, q.Source.Name)
		case !ok && name != "":
			return nil, missing("its timestamp", name)
		}
	}
	for _, f := range q.Features {
		if _, ok := v.columns[f.Column]; !ok {
			return nil, missing("a feature", f.Column)
		}
		v.names = append(v.names, f.Column)
	}
	for _, name := range q.Order {
		if _, ok := v.columns[name]; ok && !slices.Contains(v.names, name) {
			v.names = append(v.names, name)
		}
	}
	v.names = unique(v.names)
	return v, nil
}

// ranked returns the columns that decide between rows of equal times, in order.
func (v *View) ranked() []string {
	if len(v.Order) == 0 {
		return v.names
	}
	return slices.DeleteFunc(unique(v.Order), func(name string) bool { return !slices.Contains(v.names, name) })
}

// read returns the name that a column has in the view's common table expression.
func (v *View) read(name string) string { return numbered("f", slices.Index(v.names, name)) }

func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// known ends a sentence about a column that is missing.
func known(name string, all []string) string {
	if hint := asof.DidYouMean(name, all); hint != "" {
		return hint
	}
	return "; it has: " + strings.Join(all, ", ")
}
