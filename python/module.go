package python

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// A Module is a file of the repository that was run.
type Module struct {
	// Name is the dotted name under which it was imported first.
	Name string
	// File is its path below the root.
	File string
	// Errors are the mistakes found in it, in the order of its statements.
	Errors []*Error
	// Dropped are the statements that only call a library that is not here: they
	// were not run.
	Dropped []Place
	// ImportedBy names the files that import it.
	ImportedBy []string

	in      *Interpreter
	src     []byte
	lines   []string
	globals map[string]starlark.Value
	imports []importLine
	// functions are those that the module's text defines, nested ones too.
	functions []*Function
	// classes are those that the module's text defines.
	classes []*classText
	done    bool
	sealed  bool // its functions are being called from outside: the variables stay as they are
}

// importLine is an import statement of a module and the names that it binds.
type importLine struct {
	text  string
	names []string
}

// Names returns the module's variables, sorted as Python's dir() does.
func (m *Module) Names() []string { return sortedKeys(m.globals) }

// Get returns a variable of the module, or nil.
func (m *Module) Get(name string) starlark.Value { return m.globals[name] }

func (m *Module) String() string        { return "<module '" + m.Name + "'>" }
func (m *Module) Type() string          { return "module" }
func (m *Module) Freeze()               {}
func (m *Module) Truth() starlark.Bool  { return true }
func (m *Module) Hash() (uint32, error) { return starlark.String(m.File).Hash() }

// AttrNames returns the names of the module's variables.
func (m *Module) AttrNames() []string { return m.Names() }

// Attr returns a variable of the module, or the submodule of that name.
func (m *Module) Attr(name string) (starlark.Value, error) {
	if v, ok := m.globals[name]; ok {
		return v, nil
	}
	if path.Base(m.File) == "__init__.py" {
		if sub := m.in.findFile(path.Join(path.Dir(m.File), name)); sub != "" {
			return m.in.run(sub, m.Name+"."+name, m), nil
		}
	}
	if len(m.Errors) > 0 {
		return Unknown, nil
	}
	return nil, m.missing(name)
}

// SetField sets a variable of the module from outside (module.x = 1).
func (m *Module) SetField(name string, v starlark.Value) error {
	m.globals[name] = v
	return nil
}

func (m *Module) missing(name string) error {
	if !m.done {
		return &Error{Kind: Import, Message: fmt.Sprintf("%q is not defined yet in %s: the modules import each other in a circle (%s)",
			name, m.File, strings.Join(m.in.circle(m), " imports ")), Hint: "move what both need into a third file"}
	}
	return &Error{Kind: Import, Message: fmt.Sprintf("%s does not define %q", m.File, name), Hint: didYouMean(name, m.Names())}
}

// circle names the modules being loaded from m on, and m again.
func (in *Interpreter) circle(m *Module) []string {
	var files []string
	for _, l := range in.loading {
		if !l.done && (l == m || len(files) > 0) {
			files = append(files, l.File)
		}
	}
	return append(files, m.File)
}

// Run runs a file, given by its path below the root, unless it was run already,
// and returns its module. Mistakes are in the module's Errors.
func (in *Interpreter) Run(file string) *Module {
	name := strings.TrimSuffix(strings.ReplaceAll(file, "/", "."), ".py")
	timer := time.AfterFunc(in.config.MaxTime, func() {
		in.late.Store(true)
		in.thread.Cancel("too late")
	})
	defer timer.Stop()
	return in.run(file, name, nil)
}

// RunText runs a text as the file of that name, in the place of what FS holds.
func (in *Interpreter) RunText(file, text string) *Module {
	in.files[file] = parsedText(file, []byte(text))
	return in.Run(file)
}

func (in *Interpreter) run(file, name string, by *Module) *Module {
	if m, ok := in.modules[file]; ok {
		m.importedBy(by)
		return m
	}
	m := &Module{Name: name, File: file, in: in, globals: map[string]starlark.Value{}}
	m.importedBy(by)
	in.modules[file] = m
	in.loading = append(in.loading, m)
	m.globals["__name__"] = starlark.String(name)
	m.globals["__file__"] = starlark.String(path.Join(in.config.Root, file))
	m.execute()
	m.done = true
	return m
}

func (m *Module) importedBy(by *Module) {
	if by != nil {
		m.ImportedBy = append(m.ImportedBy, by.File)
	}
}

// A parsedFile is a file's text and tree, or what is wrong with it.
type parsedFile struct {
	src     []byte
	tree    *node
	failure *Error
}

// parsed reads and parses a file once.
func (in *Interpreter) parsed(file string) parsedFile {
	if p, ok := in.files[file]; ok {
		return p
	}
	var p parsedFile
	text, err := fs.ReadFile(in.config.FS, file)
	if err != nil {
		p.failure = &Error{Kind: Import, Place: Place{File: file}, Message: "cannot be read: " + readFailure(err)}
	} else {
		p = parsedText(file, text)
	}
	in.files[file] = p
	return p
}

func parsedText(file string, text []byte) (p parsedFile) {
	if !utf8.Valid(text) {
		p.failure = &Error{Kind: Syntax, Place: Place{File: file}, Message: "the file is not UTF-8", Hint: "save it in that encoding"}
		return p
	}
	p.src = []byte(strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n"))
	p.tree, p.failure = parse(file, p.src)
	return p
}

// execute reads the file and runs its statements one after the other.
func (m *Module) execute() {
	parsed := m.in.parsed(m.File)
	m.src, m.lines = parsed.src, strings.Split(string(parsed.src), "\n")
	if parsed.failure != nil {
		m.Errors = append(m.Errors, parsed.failure)
		return
	}
	t := newTranslator(m)
	env := starlark.StringDict{globalsName: &globals{module: m}}
	for name, helper := range m.in.helpers {
		env[name] = helper
	}
	for _, statement := range parsed.tree.nodes() {
		if m.in.spent() { // between two statements: none of them has said so
			m.Errors = append(m.Errors, &Error{Kind: Failed, Place: statement.place(m.File, parsed.src), Message: tooLong})
			return
		}
		known := len(m.Errors)
		m.executeStatement(t, statement, env)
		if m.in.spent() && len(m.Errors) > known {
			return
		}
	}
}

// executeStatement runs one statement. Names that a failed one would have bound
// become unknown.
func (m *Module) executeStatement(t *translator, n *node, env starlark.StringDict) {
	failed := m.attempt(t, n, env)
	if len(failed) == 0 {
		return
	}
	m.Errors = append(m.Errors, failed...)
	for name := range boundNames(n, m.src) {
		if _, ok := m.globals[name]; !ok {
			m.globals[name] = Unknown
		}
	}
}

// attempt runs one statement and returns what went wrong.
func (m *Module) attempt(t *translator, n *node, env starlark.StringDict) []*Error {
	if n.kind == "try_statement" {
		return m.try(t, n, env)
	}
	if at := m.dropped(n); at != nil {
		m.Dropped = append(m.Dropped, *at)
		return nil
	}
	stmts := t.statement(n)
	failed := t.takeErrors()
	if len(failed) == 0 && len(stmts) > 0 {
		if err := m.executeStarlark(stmts, env); err != nil {
			failed = []*Error{m.in.explain(m, err)}
		}
	}
	return failed
}

// dropped tells whether a statement only calls a library that is not here, and
// drops the result: it can have no part in what the file defines.
func (m *Module) dropped(n *node) *Place {
	kids := n.nodes()
	if n.kind != "expression_statement" || len(kids) != 1 || kids[0].kind != "call" {
		return nil
	}
	callee := kids[0]
	for callee.kind == "call" || callee.kind == "attribute" {
		callee = callee.nodes()[0]
	}
	if _, ok := m.globals[callee.text(m.src)].(foreign); !ok || callee.kind != "identifier" {
		return nil
	}
	at := n.place(m.File, m.src)
	return &at
}

func (m *Module) executeStarlark(stmts []syntax.Stmt, env starlark.StringDict) error {
	program, err := starlark.FileProgram(&syntax.File{Path: m.File, Stmts: stmts, Options: options}, env.Has)
	if err != nil {
		return err
	}
	_, err = program.Init(m.in.thread, env)
	return err
}

// readFailure keeps the reason of a file error and drops its path.
func readFailure(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// globals is how translated code reaches the variables of its module and the
// builtin functions: every name that is not local is an attribute of it.
type globals struct{ module *Module }

func (g *globals) String() string        { return "globals" }
func (g *globals) Type() string          { return "globals" }
func (g *globals) Freeze()               {}
func (g *globals) Truth() starlark.Bool  { return true }
func (g *globals) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable") }
func (g *globals) AttrNames() []string   { return g.module.Names() }

func (g *globals) Attr(name string) (starlark.Value, error) {
	if v, ok := g.module.globals[name]; ok {
		return v, nil
	}
	if v, ok := builtins[name]; ok {
		return v, nil
	}
	e := &Error{Message: fmt.Sprintf("name %q is not defined", name)}
	if from := g.module.in.whereIs(name); from != "" {
		e.Hint = fmt.Sprintf("add: from %s import %s", from, name)
	} else {
		e.Hint = didYouMean(name, append(g.module.Names(), sortedKeys(builtins)...))
	}
	return nil, e
}

func (g *globals) SetField(name string, v starlark.Value) error {
	if g.module.sealed {
		return &Error{Kind: Unsupported, Message: fmt.Sprintf("the function changes %q, a variable of its module", name), Hint: "use a variable of the function's own"}
	}
	g.module.globals[name] = v
	return nil
}

// whereIs names the module that a name is usually imported from.
func (in *Interpreter) whereIs(name string) string {
	for _, module := range sortedKeys(in.config.Modules) {
		switch m := in.config.Modules[module].(type) {
		case Package:
			if home := m.Home(name); home != "" {
				return home
			}
		case *Namespace:
			if m.Members[name] != nil {
				return module
			}
		}
	}
	for _, module := range []string{"datetime", "pathlib"} {
		if m, ok := in.library[module].(*Namespace); ok && m.Members[name] != nil {
			return module
		}
	}
	return ""
}
