package python

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"go.starlark.net/starlark"
)

// importModule finds a module by its dotted name. Level counts the dots before
// it: 0 for an absolute import. It returns the last module of the name.
func (in *Interpreter) importModule(by *Module, name string, level int) (starlark.Value, error) {
	if level > 0 {
		return in.importRelative(by, name, level)
	}
	if v, ok := in.config.Modules[name]; ok {
		return v, nil
	}
	if v := in.importFile(by, name); v != nil {
		return v, nil
	}
	if v, ok := in.library[name]; ok {
		return v, nil
	}
	top, rest, _ := strings.Cut(name, ".")
	if p, ok := in.config.Modules[top].(Package); ok {
		return p.Submodule(rest)
	}
	if _, ours := in.config.Modules[top]; ours {
		return nil, &Error{Kind: Import, Message: fmt.Sprintf("there is no module %q", name), Hint: didYouMean(name, sortedKeys(in.config.Modules))}
	}
	if near := in.similarFile(top); near != "" {
		return nil, &Error{Kind: Import, Message: fmt.Sprintf("there is no module %q", name), Hint: fmt.Sprintf("did you mean %q?", near)}
	}
	return Library(name), nil
}

// importFile looks for a module among the repository's files: below the root,
// below the folders that were added to sys.path, beside the importing file, and
// with the root folder's own name in front.
func (in *Interpreter) importFile(by *Module, name string) starlark.Value {
	rel := strings.ReplaceAll(name, ".", "/")
	folders := append([]string{"."}, in.path...)
	if by != nil {
		folders = append(folders, path.Dir(by.File))
	}
	for _, folder := range folders {
		if file := in.findFile(path.Join(folder, rel)); file != "" {
			return in.run(file, name, by)
		}
		if in.isFolder(path.Join(folder, rel)) {
			return &folderModule{in: in, by: by, dir: path.Join(folder, rel), name: name}
		}
	}
	if root, rest, ok := strings.Cut(name, "."); ok && root == path.Base(in.config.Root) {
		return in.importFile(by, rest)
	} else if !ok && root == path.Base(in.config.Root) {
		return &folderModule{in: in, by: by, dir: ".", name: name}
	}
	return nil
}

func (in *Interpreter) importRelative(by *Module, name string, level int) (starlark.Value, error) {
	dir := path.Dir(by.File)
	for range level - 1 {
		if dir == "." {
			return nil, &Error{Kind: Import, Message: "the import goes above the repository's folder"}
		}
		dir = path.Dir(dir)
	}
	rel := path.Join(dir, strings.ReplaceAll(name, ".", "/"))
	if file := in.findFile(rel); file != "" {
		return in.run(file, strings.ReplaceAll(rel, "/", "."), by), nil
	}
	if in.isFolder(rel) {
		return &folderModule{in: in, by: by, dir: rel, name: strings.ReplaceAll(rel, "/", ".")}, nil
	}
	e := &Error{Kind: Import, Message: fmt.Sprintf("there is no module %q beside %s", strings.Repeat(".", level)+name, by.File)}
	if near := in.similarFile(path.Base(rel)); near != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, e
}

// findFile returns the file of a module given by its path without extension.
func (in *Interpreter) findFile(rel string) string {
	for _, file := range []string{path.Join(rel, "__init__.py"), rel + ".py"} {
		if !fs.ValidPath(file) {
			continue
		}
		if info, err := fs.Stat(in.config.FS, file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

func (in *Interpreter) isFolder(rel string) bool {
	if !fs.ValidPath(rel) {
		return false
	}
	info, err := fs.Stat(in.config.FS, rel)
	return err == nil && info.IsDir()
}

// similarFile returns a module at the root whose name is nearly the given one.
// Short names are left alone: a library that is not here is no misspelling.
func (in *Interpreter) similarFile(name string) string {
	entries, err := fs.ReadDir(in.config.FS, ".")
	if err != nil || len(name) < 5 {
		return ""
	}
	var stems []string
	for _, entry := range entries {
		if stem, isPython := strings.CutSuffix(entry.Name(), ".py"); isPython {
			stems = append(stems, stem)
		}
	}
	return Nearest(name, stems)
}

// importName carries out "from module import name".
func (in *Interpreter) importName(by *Module, module string, level int, name string) (starlark.Value, error) {
	m, err := in.importModule(by, module, level)
	if err != nil {
		return nil, err
	}
	if owner, ok := m.(starlark.HasAttrs); ok {
		v, err := owner.Attr(name)
		if v != nil && err == nil {
			return v, nil
		}
		if err != nil {
			// "from package import module" where the package is the caller's or ours.
			if sub, ok := in.config.Modules[module+"."+name]; ok && level == 0 {
				return sub, nil
			}
			return nil, err
		}
	}
	return nil, &Error{Kind: Import, Message: fmt.Sprintf("%s has no %q", module, name)}
}

// importStar binds all public names of a module.
func (in *Interpreter) importStar(by *Module, module string, level int) error {
	v, err := in.importModule(by, module, level)
	if err != nil {
		return err
	}
	switch m := v.(type) {
	case *Module:
		for _, name := range publicNames(m) {
			if v := m.Get(name); v != nil {
				by.globals[name] = v
			}
		}
	case inert:
	case foreign:
		return &Error{Kind: Foreign, Message: fmt.Sprintf("imports everything from %s, which is not available here", module),
			Hint: "import the names that are used"}
	case starlark.HasAttrs:
		for _, name := range m.AttrNames() {
			v, err := m.Attr(name)
			if err != nil {
				return err
			}
			by.globals[name] = v
		}
	}
	return nil
}

// publicNames are those in __all__, or those without a leading underscore.
func publicNames(m *Module) []string {
	if list, ok := m.globals["__all__"].(starlark.Sequence); ok {
		var names []string
		for v := range starlark.Elements(list) {
			if s, ok := starlark.AsString(v); ok {
				names = append(names, s)
			}
		}
		return names
	}
	var names []string
	for _, name := range m.Names() {
		if !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	return names
}

// folderModule is a folder without __init__.py: its attributes are its modules.
type folderModule struct {
	in   *Interpreter
	by   *Module
	dir  string
	name string
}

func (f *folderModule) String() string        { return "<module '" + f.name + "'>" }
func (f *folderModule) Type() string          { return "module" }
func (f *folderModule) Freeze()               {}
func (f *folderModule) Truth() starlark.Bool  { return true }
func (f *folderModule) Hash() (uint32, error) { return starlark.String(f.dir).Hash() }
func (f *folderModule) AttrNames() []string   { return nil }
func (f *folderModule) Attr(name string) (starlark.Value, error) {
	rel := path.Join(f.dir, name)
	if file := f.in.findFile(rel); file != "" {
		return f.in.run(file, strings.ReplaceAll(rel, "/", "."), f.by), nil
	}
	if f.in.isFolder(rel) {
		return &folderModule{in: f.in, by: f.by, dir: rel, name: f.name + "." + name}, nil
	}
	return nil, &Error{Kind: Import, Message: fmt.Sprintf("there is no module %q in folder %s", name, f.dir)}
}
