package check

import (
	"fmt"
	"slices"

	"github.com/asof-dev/asof"
)

// differences says in what the table's columns are others than the rule has
// them. Their order says nothing: SQL's tables have none.
func (r Rule) differences(t asof.Table) []string {
	var said []string
	for _, want := range r.Shape {
		i := slices.IndexFunc(t.Columns, func(c asof.TableColumn) bool { return c.Name == want.Name })
		switch {
		case i < 0:
			said = append(said, fmt.Sprintf("the column %q is missing", want.Name))
		case want.Type != "" && t.Columns[i].Type != want.Type:
			said = append(said, fmt.Sprintf("the column %q is %s; expected is %s", want.Name, t.Columns[i].Type, want.Type))
		}
	}
	for _, c := range t.Columns {
		if !slices.ContainsFunc(r.Shape, func(want asof.TableColumn) bool { return want.Name == c.Name }) {
			said = append(said, fmt.Sprintf("the column %q is not expected", c.Name))
		}
	}
	return said
}

// writesSQL reports whether the rule holds SQL that somebody wrote.
func (r Rule) writesSQL() bool { return r.Kind == SQL || r.Kind == Expression }
