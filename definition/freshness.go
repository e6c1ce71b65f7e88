package definition

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof"
)

// readFreshness reads asof.freshness: one calendar of all views, or calendars by
// view, where `default` is that of the others and `none` stands for none.
func (c *Config) readFreshness(r *reading, n ast.Node) {
	if n == nil || n.Type() == ast.NullType {
		return
	}
	byView, ok := n.(*ast.MappingNode)
	if !ok {
		c.Asof.Freshness.Default = r.calendar(n, "asof.freshness")
		return
	}
	c.Asof.Freshness.Views = map[string]*asof.Freshness{}
	for _, item := range byView.Values {
		view := item.Key.GetToken().Value
		calendar := r.calendar(item.Value, "asof.freshness."+view)
		if view == "default" {
			c.Asof.Freshness.Default = calendar
			continue
		}
		c.Asof.Freshness.Views[view] = calendar
	}
}

func (r *reading) calendar(n ast.Node, name string) *asof.Freshness {
	var text string
	r.text(n, name, &text)
	if text == "" || text == "none" {
		return nil
	}
	f, err := asof.ParseFreshness(text)
	if err != nil {
		r.problem(n, "%s: %s", name, err)
		return nil
	}
	return &f
}
