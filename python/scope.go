package python

// A scope is the local names of a function, a lambda or a comprehension. The
// nil scope is the module, whose names live in its globals.
type scope struct {
	outer *scope
	names map[string]bool
	// global are the names that a function declares global.
	global map[string]bool
	// class is the qualified name of the class whose body this is, object what
	// its body binds its members of. No scope within sees them.
	class   string
	object  string
	members map[string]bool
}

// isMember tells whether a name in the body of a class is bound there.
func (s *scope) isMember(name string) bool { return s != nil && s.members[name] }

func (s *scope) isLocal(name string) bool {
	for ; s != nil; s = s.outer {
		if s.global[name] {
			return false
		}
		if s.names[name] {
			return true
		}
	}
	return false
}

// inner opens a scope below s.
func (s *scope) inner(names, global map[string]bool) *scope {
	return &scope{outer: s, names: names, global: global}
}

// functionScope finds the names that a function's parameters and body bind.
func functionScope(outer *scope, params, body *node, src []byte) *scope {
	names := map[string]bool{}
	if params != nil {
		for _, p := range params.nodes() {
			if name := paramName(p); name != nil {
				names[name.text(src)] = true
			}
		}
	}
	global := map[string]bool{}
	if body != nil {
		for name := range boundNames(body, src) {
			names[name] = true
		}
		collectGlobals(body, src, global)
	}
	for name := range global {
		delete(names, name)
	}
	return outer.inner(names, global)
}

// paramName returns the node of a parameter's name, or nil for * and /.
func paramName(p *node) *node {
	switch p.kind {
	case "identifier":
		return p
	case "default_parameter", "typed_default_parameter":
		return paramName(p.child("name"))
	case "typed_parameter", "list_splat_pattern", "dictionary_splat_pattern":
		if kids := p.nodes(); len(kids) > 0 {
			return paramName(kids[0])
		}
	}
	return nil
}

func collectGlobals(n *node, src []byte, into map[string]bool) {
	switch n.kind {
	case "global_statement":
		for _, k := range n.nodes() {
			into[k.text(src)] = true
		}
	case "function_definition", "class_definition", "lambda":
		return
	}
	for _, k := range n.kids {
		collectGlobals(k, src, into)
	}
}

// boundNames finds the names that a statement or block binds in its own scope.
func boundNames(n *node, src []byte) map[string]bool {
	names := map[string]bool{}
	bind(n, src, names)
	return names
}

func bind(n *node, src []byte, into map[string]bool) {
	switch n.kind {
	case "function_definition", "class_definition":
		into[n.child("name").text(src)] = true
		return
	case "lambda":
		return
	case "list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression":
		bindWalrus(n, src, into)
		return
	case "assignment", "augmented_assignment", "for_statement":
		bindTarget(n.child("left"), src, into)
	case "named_expression":
		bindTarget(n.child("name"), src, into)
	case "as_pattern":
		if alias := n.child("alias"); alias != nil && len(alias.nodes()) > 0 {
			bindTarget(alias.nodes()[0], src, into)
		}
	case "import_statement", "import_from_statement":
		for _, name := range importedNames(n, src) {
			into[name] = true
		}
		return
	}
	for _, k := range n.kids {
		bind(k, src, into)
	}
}

func bindWalrus(n *node, src []byte, into map[string]bool) {
	if n.kind == "named_expression" {
		bindTarget(n.child("name"), src, into)
	}
	for _, k := range n.kids {
		bindWalrus(k, src, into)
	}
}

func bindTarget(n *node, src []byte, into map[string]bool) {
	if n == nil {
		return
	}
	switch n.kind {
	case "identifier":
		into[n.text(src)] = true
	case "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "tuple", "list":
		for _, k := range n.nodes() {
			bindTarget(k, src, into)
		}
	}
}

// importedNames are the names that an import statement binds.
func importedNames(n *node, src []byte) []string {
	var names []string
	for _, k := range n.children("name") {
		switch k.kind {
		case "aliased_import":
			names = append(names, k.child("alias").text(src))
		case "dotted_name":
			names = append(names, k.nodes()[0].text(src))
		}
	}
	return names
}
