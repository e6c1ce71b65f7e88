package python

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// purePath is a pathlib.Path. It may look at files below the repository's root
// and read them; it never changes one.
type purePath struct {
	in *Interpreter
	p  string
}

func (p purePath) String() string        { return "PosixPath(" + quote(p.p) + ")" }
func (p purePath) PythonString() string  { return p.p }
func (p purePath) Type() string          { return "Path" }
func (p purePath) Freeze()               {}
func (p purePath) Truth() starlark.Bool  { return true }
func (p purePath) Hash() (uint32, error) { return starlark.String(p.p).Hash() }
func (p purePath) AttrNames() []string {
	return []string{"absolute", "as_posix", "exists", "is_dir", "is_file", "joinpath", "name", "open", "parent", "parents", "parts", "read_text", "relative_to", "resolve", "stem", "suffix", "with_name", "with_suffix"}
}

// PythonFormat is format(p, spec).
func (p purePath) PythonFormat(spec string) (string, error) {
	return formatValue(starlark.String(p.p), "", spec)
}

// Binary is path / part and part / path.
func (p purePath) Binary(op syntax.Token, other starlark.Value, side starlark.Side) (starlark.Value, error) {
	if op != syntax.SLASH {
		return nil, nil
	}
	part, ok := pathText(other)
	if !ok {
		return nil, nil
	}
	if side == starlark.Left {
		return purePath{p.in, joinPath(p.p, part)}, nil
	}
	return purePath{p.in, joinPath(part, p.p)}, nil
}

// CompareSameType compares paths by their text.
func (p purePath) CompareSameType(op syntax.Token, other starlark.Value, _ int) (bool, error) {
	return starlark.Compare(op, starlark.String(p.p), starlark.String(other.(purePath).p))
}

// Attr returns a part or a method of the path.
func (p purePath) Attr(name string) (starlark.Value, error) {
	switch name {
	case "parent":
		return purePath{p.in, parentPath(p.p)}, nil
	case "parents":
		var all []starlark.Value
		for at := p.p; at != parentPath(at); at = parentPath(at) {
			all = append(all, purePath{p.in, parentPath(at)})
		}
		return starlark.NewList(all), nil
	case "name":
		return starlark.String(path.Base(p.p)), nil
	case "stem":
		return starlark.String(strings.TrimSuffix(path.Base(p.p), path.Ext(p.p))), nil
	case "suffix":
		return starlark.String(path.Ext(p.p)), nil
	case "parts":
		return p.parts(), nil
	}
	if f := p.method(name); f != nil {
		return function(name, f), nil
	}
	return nil, nil
}

func (p purePath) parts() starlark.Tuple {
	var parts starlark.Tuple
	if strings.HasPrefix(p.p, "/") {
		parts = append(parts, starlark.String("/"))
	}
	for _, part := range strings.Split(strings.Trim(p.p, "/"), "/") {
		parts = append(parts, starlark.String(part))
	}
	return parts
}

func (p purePath) method(name string) builtinFunc {
	switch name {
	case "resolve", "absolute", "expanduser":
		return constant(purePath{p.in, p.in.absolute(p.p)})
	case "as_posix", "__str__", "__fspath__":
		return constant(starlark.String(p.p))
	case "as_uri":
		return constant(starlark.String("file://" + p.in.absolute(p.p)))
	case "joinpath":
		return func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			joined, err := joinArgs(append(starlark.Tuple{p}, args...))
			return purePath{p.in, joined}, err
		}
	case "with_suffix":
		return one(func(v starlark.Value) (starlark.Value, error) {
			return purePath{p.in, strings.TrimSuffix(p.p, path.Ext(p.p)) + text(v)}, nil
		})
	case "with_name":
		return one(func(v starlark.Value) (starlark.Value, error) {
			return purePath{p.in, joinPath(parentPath(p.p), text(v))}, nil
		})
	case "exists", "is_file", "is_dir":
		return func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			info, err := p.in.stat(p.p)
			return starlark.Bool(err == nil && (name == "exists" || name == "is_dir" == info.IsDir())), nil
		}
	case "relative_to":
		return one(func(v starlark.Value) (starlark.Value, error) {
			rel, ok := strings.CutPrefix(p.p, strings.TrimSuffix(text(v), "/")+"/")
			if !ok {
				return nil, fmt.Errorf("%q is not below %q", p.p, text(v))
			}
			return purePath{p.in, rel}, nil
		})
	case "open", "read_text":
		return func(thread *starlark.Thread, _ starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			f, err := openFile(thread, starlark.Tuple{p}, nil)
			if err != nil || name == "open" {
				return f, err
			}
			return starlark.String(f.(*file).content), nil
		}
	case "mkdir", "touch", "unlink", "write_text":
		return func(*starlark.Thread, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
			return nil, &Error{Kind: Foreign, Message: fmt.Sprintf("changes a file (%s) while definitions are read", name), Hint: "do that elsewhere, or run with --python"}
		}
	}
	return nil
}

func pathText(v starlark.Value) (string, bool) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), true
	case purePath:
		return v.p, true
	}
	return "", false
}

func joinPath(a, b string) string {
	if strings.HasPrefix(b, "/") || a == "" {
		return plainPath(b)
	}
	return plainPath(a + "/" + b)
}

// plainPath drops what pathlib drops: doubled slashes and single dots. Double
// dots stay.
func plainPath(p string) string {
	var parts []string
	for _, part := range strings.Split(p, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	plain := strings.Join(parts, "/")
	switch {
	case strings.HasPrefix(p, "/"):
		return "/" + plain
	case plain == "":
		return "."
	}
	return plain
}

// parentPath is the path without its last part.
func parentPath(p string) string {
	i := strings.LastIndexByte(p, '/')
	switch {
	case i > 0:
		return p[:i]
	case i == 0:
		return "/"
	}
	return "."
}

func joinArgs(args starlark.Tuple) (string, error) {
	joined := ""
	for i, a := range args {
		part, ok := pathText(a)
		if !ok {
			return "", fmt.Errorf("a part of a path must be a text, not %s", a.Type())
		}
		if i == 0 {
			joined = part
		} else {
			joined = joinPath(joined, part)
		}
	}
	return joined, nil
}

// absolute puts the repository's root before a relative path: Feast runs
// definition files from there.
func (in *Interpreter) absolute(p string) string { return path.Clean(joinPath(in.config.Root, p)) }

// below returns a path relative to the root, or an error for one outside it.
func (in *Interpreter) below(p string) (string, error) {
	abs, root := in.absolute(p), path.Clean(in.config.Root)
	if abs == root {
		return ".", nil
	}
	rel, ok := strings.CutPrefix(abs, root+"/")
	if !ok {
		return "", errors.New("it is outside of the repository")
	}
	return rel, nil
}

func (in *Interpreter) stat(p string) (fs.FileInfo, error) {
	rel, err := in.below(p)
	if err != nil {
		return nil, err
	}
	return fs.Stat(in.config.FS, rel)
}

// file is a file of the repository that was opened for reading.
type file struct {
	name    string
	content string
}

func (f *file) String() string        { return "<file " + quote(f.name) + ">" }
func (f *file) Type() string          { return "file" }
func (f *file) Freeze()               {}
func (f *file) Truth() starlark.Bool  { return true }
func (f *file) Hash() (uint32, error) { return starlark.String(f.name).Hash() }
func (f *file) AttrNames() []string   { return []string{"close", "name", "read", "readlines"} }

// Iterate runs over the lines.
func (f *file) Iterate() starlark.Iterator { return f.lines().Iterate() }

func (f *file) lines() *starlark.List {
	var lines []starlark.Value
	for _, line := range strings.SplitAfter(f.content, "\n") {
		if line != "" {
			lines = append(lines, starlark.String(line))
		}
	}
	return starlark.NewList(lines)
}

// Attr returns a method of the file.
func (f *file) Attr(name string) (starlark.Value, error) {
	switch name {
	case "read":
		return function(name, constant(starlark.String(f.content))), nil
	case "readlines":
		return function(name, constant(f.lines())), nil
	case "close":
		return function(name, constant(starlark.None)), nil
	case "name":
		return starlark.String(f.name), nil
	}
	return nil, nil
}

// openFile is open(): it reads files below the repository's root.
func openFile(thread *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	in := thread.Local(interpreterKey).(*Interpreter)
	if len(args) == 0 {
		return nil, errors.New("open needs a path")
	}
	p, ok := pathText(args[0])
	if !ok {
		return nil, fmt.Errorf("open needs a path, not %s", args[0].Type())
	}
	mode := ""
	if len(args) > 1 {
		mode = text(args[1])
	}
	for _, kw := range kwargs {
		if kw[0] == starlark.String("mode") {
			mode = text(kw[1])
		}
	}
	if strings.ContainsAny(mode, "wax+") {
		return nil, &Error{Kind: Foreign, Message: "opens a file for writing while definitions are read", Hint: "do that elsewhere, or run with --python"}
	}
	rel, err := in.below(p)
	if err == nil {
		var content []byte
		if content, err = fs.ReadFile(in.config.FS, rel); err == nil {
			return &file{name: p, content: string(content)}, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be read: %s", p, readFailure(err))
}
