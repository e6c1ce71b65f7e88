package python

import (
	"strings"

	"go.starlark.net/syntax"
)

// expr translates an expression. What cannot be translated is recorded and
// becomes None.
func (t *translator) expr(n *node) syntax.Expr {
	switch n.kind {
	case "identifier":
		return t.variable(n, t.text(n))
	case "true", "false", "none":
		return t.ident(n, strings.ToUpper(n.kind[:1])+n.kind[1:])
	case "integer", "float":
		return t.number(n)
	case "string", "concatenated_string":
		return t.stringExpr(n)
	case "parenthesized_expression":
		return t.expr(n.nodes()[0])
	case "attribute":
		return t.attribute(n)
	case "subscript":
		return t.subscript(n)
	case "call":
		return t.call(n)
	case "list", "tuple", "set", "expression_list", "pattern_list", "list_pattern", "tuple_pattern":
		return t.sequence(n)
	case "dictionary":
		return t.dictionary(n)
	case "list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression":
		return t.comprehension(n)
	case "lambda":
		return t.lambda(n)
	case "named_expression":
		return t.walrus(n)
	case "ellipsis":
		return t.none(n)
	}
	return t.operation(n)
}

// methods are the methods that Starlark's own values lack or carry out in
// another way than Python's.
var methods = map[string]bool{
	"format": true, "zfill": true, "ljust": true, "rjust": true, "center": true, "casefold": true,
	"swapcase": true, "isdecimal": true, "isnumeric": true, "isidentifier": true, "encode": true,
	"format_map": true, "expandtabs": true, "sort": true, "reverse": true, "copy": true, "count": true,
	"extend": true, "index": true, "join": true, "lower": true, "upper": true,
	"strip": true, "lstrip": true, "rstrip": true,
}

func (t *translator) attribute(n *node) syntax.Expr {
	object, name := t.expr(n.child("object")), n.child("attribute")
	if methods[t.text(name)] {
		return t.help(name, "method", object, t.str(name, t.text(name)))
	}
	pos := t.pos(name)
	return &syntax.DotExpr{X: object, Dot: pos, NamePos: pos, Name: t.ident(name, t.text(name))}
}

func (t *translator) subscript(n *node) syntax.Expr {
	value, subs := t.expr(n.child("value")), n.children("subscript")
	if len(subs) == 1 && subs[0].kind == "slice" {
		return t.slice(subs[0], value)
	}
	return t.help(n, "index", value, t.key(n, subs))
}

// key is what stands in the brackets of v[a] or v[a, b].
func (t *translator) key(n *node, subs []*node) syntax.Expr {
	if len(subs) == 1 && !n.has(",") {
		return t.expr(subs[0])
	}
	tuple := &syntax.TupleExpr{Lparen: t.pos(n), Rparen: t.pos(n)}
	for _, s := range subs {
		tuple.List = append(tuple.List, t.expr(s))
	}
	return tuple
}

func (t *translator) slice(n *node, value syntax.Expr) syntax.Expr {
	bounds := []syntax.Expr{t.none(n), t.none(n), t.none(n)}
	at := 0
	for _, k := range n.kids {
		switch {
		case k.kind == ":":
			at++
		case k.named && k.kind != "comment" && at < 3:
			bounds[at] = t.expr(k)
		}
	}
	return t.help(n, "slice", append([]syntax.Expr{value}, bounds...)...)
}

func (t *translator) call(n *node) syntax.Expr {
	arguments := n.child("arguments")
	call := &syntax.CallExpr{Fn: t.expr(n.child("function")), Lparen: t.pos(arguments), Rparen: t.pos(arguments)}
	site := &Site{Place: n.place(t.module.File, t.src), keywords: map[string]Place{}}
	if name := n.child("function"); name.kind == "attribute" {
		site.Place = name.child("attribute").place(t.module.File, t.src)
	}
	t.module.in.sites[call.Lparen] = site
	if arguments.kind == "generator_expression" {
		call.Args = []syntax.Expr{t.expr(arguments)}
		return call
	}
	var positional []*node
	var named, spread []syntax.Expr
	for _, k := range arguments.nodes() {
		place := k.place(t.module.File, t.src)
		switch k.kind {
		case "keyword_argument":
			name := k.child("name")
			site.keywords[t.text(name)] = place
			named = append(named, &syntax.BinaryExpr{X: t.ident(name, t.text(name)), OpPos: t.pos(k), Op: syntax.EQ, Y: t.expr(k.child("value"))})
		case "dictionary_splat":
			spread = append(spread, t.expr(k.nodes()[0]))
		default:
			site.args = append(site.args, place)
			positional = append(positional, k)
		}
	}
	// Starlark wants *args behind the named arguments, and one of each star.
	if hasStar(positional) {
		star := &syntax.UnaryExpr{OpPos: t.pos(arguments), Op: syntax.STAR, X: t.concatenated(arguments, positional)}
		call.Args = append(named, star)
	} else {
		for _, k := range positional {
			call.Args = append(call.Args, t.expr(k))
		}
		call.Args = append(call.Args, named...)
	}
	if len(spread) > 0 {
		merged := t.help(arguments, "mergedicts", spread...)
		call.Args = append(call.Args, &syntax.UnaryExpr{OpPos: t.pos(arguments), Op: syntax.STARSTAR, X: merged})
	}
	return call
}

// hasStar tells whether *values stands among arguments or elements.
func hasStar(elements []*node) bool {
	for _, k := range elements {
		if isStar(k) {
			return true
		}
	}
	return false
}

func isStar(n *node) bool {
	return n.kind == "list_splat" || n.kind == "list_splat_pattern" || n.kind == "parenthesized_list_splat"
}

// concatenated makes one list of elements among which are some with a star.
func (t *translator) concatenated(n *node, elements []*node) syntax.Expr {
	var parts []syntax.Expr
	for _, k := range elements {
		if isStar(k) {
			for k.kind == "parenthesized_list_splat" {
				k = k.nodes()[0]
			}
			parts = append(parts, t.expr(k.nodes()[0]))
			continue
		}
		pos := t.pos(k)
		parts = append(parts, &syntax.ListExpr{Lbrack: pos, List: []syntax.Expr{t.expr(k)}, Rbrack: pos})
	}
	return t.help(n, "concatenate", parts...)
}

func (t *translator) sequence(n *node) syntax.Expr {
	elements := n.nodes()
	var list syntax.Expr
	pos := t.pos(n)
	if hasStar(elements) {
		list = t.concatenated(n, elements)
	} else {
		var exprs []syntax.Expr
		for _, k := range elements {
			exprs = append(exprs, t.expr(k))
		}
		if strings.HasPrefix(n.kind, "tuple") || n.kind == "expression_list" || n.kind == "pattern_list" {
			return &syntax.TupleExpr{Lparen: pos, List: exprs, Rparen: pos}
		}
		list = &syntax.ListExpr{Lbrack: pos, List: exprs, Rbrack: pos}
	}
	switch n.kind {
	case "set":
		return t.help(n, "set", list)
	case "tuple", "expression_list":
		return t.help(n, "tuple", list)
	}
	return list
}

// dictionary translates a dict display; with ** in it, several merged ones.
func (t *translator) dictionary(n *node) syntax.Expr {
	pos := t.pos(n)
	var parts []syntax.Expr
	current := &syntax.DictExpr{Lbrace: pos, Rbrace: pos}
	splat := false
	for _, k := range n.nodes() {
		if k.kind == "dictionary_splat" {
			splat = true
			parts = append(parts, current, t.expr(k.nodes()[0]))
			current = &syntax.DictExpr{Lbrace: pos, Rbrace: pos}
			continue
		}
		current.List = append(current.List, &syntax.DictEntry{Key: t.expr(k.child("key")), Colon: t.pos(k), Value: t.expr(k.child("value"))})
	}
	if !splat {
		return t.uniqueKeys(n, current)
	}
	return t.help(n, "mergedicts", append(parts, current)...)
}

// uniqueKeys lets a later entry of a dict display replace an earlier one, which
// Starlark refuses: entries whose key is repeated go into a dict of their own.
func (t *translator) uniqueKeys(n *node, d *syntax.DictExpr) syntax.Expr {
	seen := map[any]bool{}
	for _, e := range d.List {
		literal, ok := e.(*syntax.DictEntry).Key.(*syntax.Literal)
		if !ok || seen[literal.Value] {
			return t.help(n, "dict", t.pairs(n, d))
		}
		seen[literal.Value] = true
	}
	return d
}

func (t *translator) pairs(n *node, d *syntax.DictExpr) syntax.Expr {
	pos := t.pos(n)
	list := &syntax.ListExpr{Lbrack: pos, Rbrack: pos}
	for _, e := range d.List {
		entry := e.(*syntax.DictEntry)
		list.List = append(list.List, &syntax.TupleExpr{Lparen: pos, List: []syntax.Expr{entry.Key, entry.Value}, Rparen: pos})
	}
	return list
}
