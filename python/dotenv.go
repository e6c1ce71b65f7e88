package python

import (
	"io/fs"
	"strings"

	"go.starlark.net/starlark"
)

// dotenvModule reads files such as .env, for which the repository's own folder
// is searched: load_dotenv puts their settings into os.environ, where what is
// set already stays, and dotenv_values returns them.
func (in *Interpreter) dotenvModule(env environ) *Namespace {
	load := func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		override := false
		for _, kw := range kwargs {
			if kw[0] == starlark.String("override") {
				override = bool(kw[1].Truth())
			}
		}
		settings := in.dotenv(args, kwargs)
		for _, s := range settings {
			if _, set, _ := env.Get(s[0]); set && !override {
				continue
			}
			if err := env.SetKey(s[0], s[1]); err != nil {
				return nil, err
			}
		}
		return starlark.Bool(len(settings) > 0), nil
	}
	values := func(_ *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		d := new(starlark.Dict)
		for _, s := range in.dotenv(args, kwargs) {
			if err := d.SetKey(s[0], s[1]); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	return &Namespace{Name: "dotenv", Members: map[string]starlark.Value{
		"load_dotenv": function("load_dotenv", load), "dotenv_values": function("dotenv_values", values),
		"find_dotenv": function("find_dotenv", constant(starlark.String(".env"))),
	}}
}

// dotenv returns the names and values in the file that the arguments name, or in
// .env: none where it does not exist.
func (in *Interpreter) dotenv(args starlark.Tuple, kwargs []starlark.Tuple) []starlark.Tuple {
	file := ".env"
	for _, kw := range kwargs {
		if kw[0] == starlark.String("dotenv_path") {
			args = starlark.Tuple{kw[1]}
		}
	}
	if len(args) > 0 {
		if given, ok := pathText(args[0]); ok && given != "" {
			file = given
		}
	}
	rel, err := in.below(file)
	if err != nil {
		return nil
	}
	content, err := fs.ReadFile(in.config.FS, rel)
	if err != nil {
		return nil
	}
	var settings []starlark.Tuple
	for line := range strings.Lines(string(content)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		settings = append(settings, starlark.Tuple{starlark.String(strings.TrimSpace(name)), starlark.String(dotenvValue(value))})
	}
	return settings
}

// dotenvValue takes quotes, or the comment after a value without quotes, away.
func dotenvValue(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
			return s[1 : 1+end]
		}
	}
	if strings.HasPrefix(s, "#") {
		return ""
	}
	s, _, _ = strings.Cut(s, " #")
	return strings.TrimSpace(s)
}
