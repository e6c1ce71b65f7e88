package python

import (
	"path"
	"strings"

	"go.starlark.net/starlark"
)

// standardLibrary makes the modules of Python's standard library, and the few
// others, that definition files use. Modules that are not here can be imported
// too, but not called (see foreign).
func (in *Interpreter) standardLibrary() map[string]starlark.Value {
	osModule, osPath := in.osModules()
	library := map[string]starlark.Value{
		"os": osModule, "os.path": osPath, "posixpath": osPath,
		"sys": in.sysModule(), "pathlib": in.pathlibModule(), "datetime": datetimeModule(),
		"json": in.jsonModule(), "yaml": in.yamlModule(), "textwrap": textwrapModule(), "math": mathModule(),
		"functools": functoolsModule(), "itertools": itertoolsModule(), "collections": collectionsModule(),
		"types": typesModule(), "dotenv": in.dotenvModule(osModule.Members["environ"].(environ)),
		"dataclasses": dataclassesModule(), "enum": enumModule(),
		"copy": copyModule(), "re": reModule(), "operator": operatorModule(),
		"typing": typingModule("typing"), "typing_extensions": typingModule("typing_extensions"),
	}
	for _, name := range []string{"logging", "logging.config", "warnings", "abc", "collections.abc", "__future__", "contextlib"} {
		library[name] = inert{name}
	}
	return library
}

func topOf(module string) string {
	top, _, _ := strings.Cut(module, ".")
	return top
}

// typingModule gives back itself for every type, and False for TYPE_CHECKING.
func typingModule(name string) starlark.Value { return typing{inert{name}} }

type typing struct{ inert }

// Attr returns a stand-in for a type.
func (t typing) Attr(name string) (starlark.Value, error) {
	switch name {
	case "TYPE_CHECKING":
		return starlark.False, nil
	case "cast":
		return function(name, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			if len(args) != 2 {
				return starlark.None, nil
			}
			return args[1], nil
		}), nil
	}
	return inert{t.name + "." + name}, nil
}

// environ is os.environ.
type environ struct {
	*starlark.Dict
	name string
}

func (e environ) String() string { return e.name }
func (e environ) Type() string   { return "environ" }

func (in *Interpreter) osModules() (osModule, osPath *Namespace) {
	env := starlark.NewDict(len(in.config.Environ))
	for _, name := range sortedKeys(in.config.Environ) {
		_ = env.SetKey(starlark.String(name), starlark.String(in.config.Environ[name])) // a new dict takes any text
	}
	osPath = &Namespace{Name: "os.path", Members: in.pathFunctions()}
	osModule = &Namespace{Name: "os", Members: map[string]starlark.Value{
		"environ": environ{env, "os.environ"},
		"getenv": function("getenv", func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var key, fallback starlark.Value = starlark.None, starlark.None
			if err := starlark.UnpackArgs("getenv", args, kwargs, "key", &key, "default?", &fallback); err != nil {
				return nil, err
			}
			if v, ok, err := env.Get(key); ok || err != nil {
				return v, err
			}
			return fallback, nil
		}),
		"path": osPath, "sep": starlark.String("/"), "linesep": starlark.String("\n"), "name": starlark.String("posix"),
		"getcwd": function("getcwd", constant(starlark.String(in.config.Root))),
		"fspath": function("fspath", one(func(v starlark.Value) (starlark.Value, error) { return starlark.String(text(v)), nil })),
		"system": foreign{"os.system"}, "listdir": foreign{"os.listdir"}, "makedirs": foreign{"os.makedirs"},
		"chdir": foreign{"os.chdir"}, "popen": foreign{"os.popen"}, "mkdir": foreign{"os.mkdir"}, "remove": foreign{"os.remove"},
		"PathLike": inert{"os.PathLike"},
	}}
	return osModule, osPath
}

func (in *Interpreter) pathFunctions() map[string]starlark.Value {
	onText := func(f func(string) starlark.Value) builtinFunc {
		return one(func(v starlark.Value) (starlark.Value, error) { return f(text(v)), nil })
	}
	asText := func(f func(string) string) builtinFunc {
		return onText(func(s string) starlark.Value { return starlark.String(f(s)) })
	}
	exists := func(wanted func(isDir bool) bool) builtinFunc {
		return onText(func(p string) starlark.Value {
			info, err := in.stat(p)
			return starlark.Bool(err == nil && wanted(info.IsDir()))
		})
	}
	members := map[string]starlark.Value{"sep": starlark.String("/")}
	for name, f := range map[string]builtinFunc{
		"join": func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
			joined, err := joinPlain(args)
			return starlark.String(joined), err
		},
		"dirname": asText(func(p string) string {
			dir, _ := path.Split(p)
			return strings.TrimSuffix(dir, "/")
		}),
		"basename": asText(func(p string) string { return p[strings.LastIndex(p, "/")+1:] }),
		"abspath":  asText(in.absolute), "realpath": asText(in.absolute),
		"normpath": asText(path.Clean), "expanduser": asText(func(p string) string { return p }),
		"expandvars": asText(func(p string) string { return p }),
		"exists":     exists(func(bool) bool { return true }),
		"isfile":     exists(func(isDir bool) bool { return !isDir }),
		"isdir":      exists(func(isDir bool) bool { return isDir }),
		"isabs":      onText(func(p string) starlark.Value { return starlark.Bool(strings.HasPrefix(p, "/")) }),
		"splitext": onText(func(p string) starlark.Value {
			ext := path.Ext(p)
			return starlark.Tuple{starlark.String(strings.TrimSuffix(p, ext)), starlark.String(ext)}
		}),
		"split": onText(func(p string) starlark.Value {
			dir, base := path.Split(p)
			return starlark.Tuple{starlark.String(strings.TrimSuffix(dir, "/")), starlark.String(base)}
		}),
	} {
		members[name] = function(name, f)
	}
	return members
}

// joinPlain joins like os.path.join, which keeps ".." and "." as they are.
func joinPlain(args starlark.Tuple) (string, error) {
	joined := ""
	for i, a := range args {
		part, ok := pathText(a)
		switch {
		case !ok:
			_, err := joinArgs(args)
			return "", err
		case i == 0 || strings.HasPrefix(part, "/"):
			joined = part
		case joined == "" || strings.HasSuffix(joined, "/"):
			joined += part
		default:
			joined += "/" + part
		}
	}
	return joined, nil
}

func (in *Interpreter) pathlibModule() *Namespace {
	newPath := func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) == 0 {
			return purePath{in, "."}, nil
		}
		joined, err := joinArgs(args)
		return purePath{in, plainPath(joined)}, err
	}
	members := map[string]starlark.Value{"cwd": function("cwd", constant(purePath{in, in.config.Root}))}
	class := &class{name: "Path", call: newPath, members: members}
	return &Namespace{Name: "pathlib", Members: map[string]starlark.Value{"Path": class, "PurePath": class, "PosixPath": class, "PurePosixPath": class}}
}

func (in *Interpreter) sysModule() *Namespace {
	return &Namespace{Name: "sys", Members: map[string]starlark.Value{
		"path": sysPath{in}, "modules": sysModules{in}, "argv": starlark.NewList([]starlark.Value{starlark.String("feast")}),
		"platform": starlark.String("linux"), "stdout": inert{"sys.stdout"}, "stderr": inert{"sys.stderr"},
		"version_info": starlark.Tuple{starlark.MakeInt(3), starlark.MakeInt(11), starlark.MakeInt(0)},
		"exit":         foreign{"sys.exit"}, "executable": starlark.String("python3"), "version": starlark.String("3.11"),
	}}
}

// sysPath is sys.path: folders that a file adds are searched for modules.
type sysPath struct{ in *Interpreter }

func (p sysPath) String() string        { return "sys.path" }
func (p sysPath) Type() string          { return "list" }
func (p sysPath) Freeze()               {}
func (p sysPath) Truth() starlark.Bool  { return true }
func (p sysPath) Hash() (uint32, error) { return 0, nil }
func (p sysPath) AttrNames() []string   { return []string{"append", "extend", "insert"} }

// Iterate runs over the root and the folders that were added.
func (p sysPath) Iterate() starlark.Iterator {
	all := starlark.Tuple{starlark.String(p.in.config.Root)}
	for _, dir := range p.in.path {
		all = append(all, starlark.String(path.Join(p.in.config.Root, dir)))
	}
	return all.Iterate()
}

// Attr returns append or insert: both add folders below the root.
func (p sysPath) Attr(name string) (starlark.Value, error) {
	if name != "append" && name != "insert" && name != "extend" {
		return nil, nil
	}
	return function(name, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if len(args) > 0 {
			if rel, err := p.in.below(text(args[len(args)-1])); err == nil {
				p.in.path = append(p.in.path, rel)
			}
		}
		return starlark.None, nil
	}), nil
}

// sysModules is sys.modules: modules of the repository by name.
type sysModules struct{ in *Interpreter }

func (m sysModules) String() string        { return "sys.modules" }
func (m sysModules) Type() string          { return "dict" }
func (m sysModules) Freeze()               {}
func (m sysModules) Truth() starlark.Bool  { return true }
func (m sysModules) Hash() (uint32, error) { return 0, nil }

// Get returns a module that was run.
func (m sysModules) Get(key starlark.Value) (starlark.Value, bool, error) {
	for _, module := range m.in.modules {
		if key == starlark.String(module.Name) {
			return module, true, nil
		}
	}
	return nil, false, nil
}
