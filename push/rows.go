package push

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
)

// Column is a column of the rows: of Values, or of JSON.
type Column struct {
	Name   string
	Values arrow.Array
	JSON   []string // each a JSON text
}

func (c *Column) len() int {
	if c.Values != nil {
		return c.Values.Len()
	}
	return len(c.JSON)
}

// rows are columns of equal lengths.
type rows struct {
	columns map[string]*Column
	names   []string // as they were given
	n       int
}

func newRows(columns []Column) (*rows, error) {
	r := &rows{columns: make(map[string]*Column, len(columns))}
	for i := range columns {
		c := &columns[i]
		switch {
		case r.columns[c.Name] != nil:
			return nil, asof.Errorf(asof.CodeInvalid, "column %q is there twice", c.Name)
		case i == 0:
			r.n = c.len()
		case c.len() != r.n:
			return nil, asof.Errorf(asof.CodeInvalid, "column %q has %d values and column %q has %d; every row needs one in each", columns[0].Name, r.n, c.Name, c.len())
		}
		r.columns[c.Name] = c
		r.names = append(r.names, c.Name)
	}
	return r, nil
}

// find returns the first column that has one of the names, nil where none has.
func (r *rows) find(names ...string) *Column {
	for _, name := range names {
		if c := r.columns[name]; c != nil && name != "" {
			return c
		}
	}
	return nil
}

// has says which columns there are, for messages.
func (r *rows) has() string {
	const most = 12
	names := slices.Clone(r.names)
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// quoted joins names for a sentence.
func quoted(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }
