package python

import (
	"maps"
	"strings"
)

// An Outline is what a file does, told from its text without running it: the
// functions that it calls, by the full name of what was imported
// (feast.FeatureStore) or as written, and the first place of each.
type Outline struct {
	// Calls are the calls of the module's own statements.
	Calls map[string]Place
	// Functions are the calls within each function of the module.
	Functions map[string]map[string]Place
	// MainCalls are the calls under __name__ == "__main__".
	MainCalls map[string]Place
}

// Reached are the calls that happen when the module is imported: those of its
// statements, and those of its functions that they reach.
func (o Outline) Reached() map[string]Place {
	reached := map[string]Place{}
	var add func(calls map[string]Place)
	add = func(calls map[string]Place) {
		for name, at := range calls {
			if _, ok := reached[name]; !ok {
				reached[name] = at
				add(o.Functions[name])
			}
		}
	}
	add(o.Calls)
	return reached
}

// All are all the calls of the file.
func (o Outline) All() map[string]Place {
	all := map[string]Place{}
	maps.Copy(all, o.MainCalls)
	for _, calls := range o.Functions {
		maps.Copy(all, calls)
	}
	maps.Copy(all, o.Calls)
	return all
}

// Outline reads a file without running it. A file that is not Python has an
// empty outline.
func (in *Interpreter) Outline(file string) Outline {
	o := Outline{Calls: map[string]Place{}, Functions: map[string]map[string]Place{}, MainCalls: map[string]Place{}}
	parsed := in.parsed(file)
	if parsed.tree == nil {
		return o
	}
	tree := parsed.tree
	s := &surveyor{file: file, src: parsed.src, imported: map[string]string{}, outline: o, into: o.Calls}
	s.imports(tree)
	s.calls(tree)
	return o
}

type surveyor struct {
	file     string
	src      []byte
	imported map[string]string // local name → full name
	outline  Outline
	into     map[string]Place
	inner    bool // within a function
}

func (s *surveyor) imports(n *node) {
	if n.kind == "import_from_statement" || n.kind == "import_statement" {
		prefix := ""
		if from := n.child("module_name"); from != nil {
			prefix = from.text(s.src) + "."
		}
		for _, k := range n.children("name") {
			if k.kind == "aliased_import" {
				s.imported[k.child("alias").text(s.src)] = prefix + k.child("name").text(s.src)
			} else if prefix != "" {
				s.imported[k.text(s.src)] = prefix + k.text(s.src)
			}
		}
	}
	for _, k := range n.kids {
		s.imports(k)
	}
}

func (s *surveyor) calls(n *node) {
	switch n.kind {
	case "if_statement":
		t := &translator{src: s.src}
		if t.isMainGuard(n.child("condition")) {
			inner := *s
			inner.into = s.outline.MainCalls
			for _, k := range n.kids {
				inner.calls(k)
			}
			return
		}
	case "function_definition":
		if s.inner {
			break
		}
		name := n.child("name").text(s.src)
		inner := *s
		inner.inner, inner.into = true, map[string]Place{}
		s.outline.Functions[name] = inner.into
		for _, k := range n.kids {
			inner.calls(k)
		}
		return
	case "call":
		s.note(n.child("function"))
	case "decorator":
		if kids := n.nodes(); len(kids) > 0 {
			s.note(kids[0])
		}
	}
	for _, k := range n.kids {
		s.calls(k)
	}
}

// note records a called name, with the name that it starts with put in full.
func (s *surveyor) note(function *node) {
	name := strings.Join(strings.Fields(function.text(s.src)), "")
	head, rest, dotted := strings.Cut(name, ".")
	if full, ok := s.imported[head]; ok {
		name = full
		if dotted {
			name += "." + rest
		}
	}
	if _, ok := s.into[name]; !ok {
		s.into[name] = function.place(s.file, s.src)
	}
}
