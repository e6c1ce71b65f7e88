package definition

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/asof-dev/asof"
)

// Section is one store's part of the configuration: which engine, and the
// engine's own settings. It may hold a password: it prints as its name and type.
type Section struct {
	Name string // where it stands: online_store, asof.warehouse
	Type string

	path string
	node *ast.MappingNode // nil where only the type is given
	bare string           // the key that a bare word stands for
	word string
}

// String returns the section without its settings, which may hold secrets.
func (s Section) String() string { return s.Name + " (" + s.Type + ")" }

// Decode fills into, a pointer to a struct with yaml tags, and returns a
// warning for each key that the struct does not have. A value of the wrong
// kind is CodeInvalid, with its line.
func (s Section) Decode(into any) (asof.Problems, error) {
	r := &reading{path: s.path}
	target := reflect.ValueOf(into).Elem()
	var known []string
	for i := range target.NumField() {
		name, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		known = append(known, name)
		if name == s.bare && s.word != "" {
			target.Field(i).SetString(s.word)
		}
	}
	if s.node == nil {
		return nil, nil
	}
	r.mapping(s.node, s.Name, append(known, "type", "registry_type"))
	r.decode(s.node, s.Name, into)
	return r.warnings, r.problems.Err()
}

// reading collects what is wrong in one file.
type reading struct {
	path     string
	warnings asof.Problems
	problems asof.Problems
	unset    map[string]bool // environment variables of which the user was told
}

func (r *reading) place(n ast.Node) asof.Place {
	if n == nil || n.GetToken() == nil {
		return asof.Place{File: r.path, Line: 1}
	}
	return asof.Place{File: r.path, Line: n.GetToken().Position.Line}
}

func (r *reading) problem(n ast.Node, format string, args ...any) {
	r.problems = append(r.problems, asof.Problem{Place: r.place(n), Message: fmt.Sprintf(format, args...)})
}

func (r *reading) warn(n ast.Node, format string, args ...any) {
	r.warnings = append(r.warnings, asof.Problem{Place: r.place(n), Message: fmt.Sprintf(format, args...)})
}

// mapping returns the values of a mapping by key, and warns of keys that are
// not known.
func (r *reading) mapping(m *ast.MappingNode, name string, known []string) map[string]ast.Node {
	values := map[string]ast.Node{}
	for _, item := range m.Values {
		key := item.Key.GetToken().Value
		values[key] = item.Value
		ok := false
		for _, k := range known {
			ok = ok || k == key
		}
		if !ok {
			where := "top level"
			if name != "" {
				where = name
			}
			near := ""
			if names := asof.Nearest(key, known); len(names) > 0 {
				near = fmt.Sprintf("; did you mean %q?", names[0])
			}
			r.warn(item.Key, "unknown key %q in %s is ignored%s", key, where, near)
		}
	}
	return values
}

// section reads a store's section: a mapping with a type, or one word, which
// is the type, or where word names a key, that key's value.
func (r *reading) section(n ast.Node, name, typeKey, word, otherwise string) Section {
	s := Section{Name: name, Type: otherwise, path: r.path, bare: word}
	switch n := n.(type) {
	case nil:
	case *ast.NullNode:
	case *ast.MappingNode:
		s.node = n
		for _, item := range n.Values {
			if item.Key.GetToken().Value == typeKey {
				r.text(item.Value, name+"."+typeKey, &s.Type)
			}
		}
	default:
		var value string
		r.text(n, name, &value)
		if word == "" {
			s.Type = value
		} else {
			s.word = value
		}
	}
	return s
}

func (r *reading) text(n ast.Node, name string, into *string) {
	if n != nil {
		r.decode(n, name, into)
	}
}

func (r *reading) decode(n ast.Node, name string, into any) {
	err := yaml.NodeToValue(n, into)
	var wrong *yaml.TypeError
	switch {
	case err == nil:
	case errors.As(err, &wrong):
		at := asof.Place{File: r.path, Line: wrong.Token.Position.Line}
		r.problems = append(r.problems, asof.Problem{Place: at, Message: keyOf(n, name, wrong.Token) + " has to be " + kindOf(wrong.DstType)})
	default:
		r.problem(n, "%s: %s", name, yamlMistake(err))
	}
}

// yamlMistake is an error of the parser without the text around it; a line and
// column in brackets may stand in front.
func yamlMistake(err error) string {
	message, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	return message
}

// keyOf returns the name of the setting below n whose value is at a token.
func keyOf(n ast.Node, name string, value *token.Token) string {
	if m, ok := n.(*ast.MappingNode); ok {
		for _, item := range m.Values {
			if item.Value.GetToken().Position.Line == value.Position.Line {
				return name + "." + item.Key.GetToken().Value
			}
		}
	}
	return name
}

// kindOf says what a value of a Go type is in YAML.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping, key: value"
	}
	return "one text"
}

var variable = regexp.MustCompile(`\$(?:(\w+)|\{([^}]*)\})`)

// expand puts environment variables into the scalars below n. A plain scalar
// becomes the number or boolean that it then spells.
func (r *reading) expand(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, item := range n.Values {
			item.Value = r.expand(item.Value)
		}
	case *ast.MappingValueNode:
		m := ast.Mapping(n.GetToken(), false, n)
		return r.expand(m)
	case *ast.SequenceNode:
		for i := range n.Values {
			n.Values[i] = r.expand(n.Values[i])
		}
	case *ast.StringNode:
		return r.expandScalar(n)
	case *ast.LiteralNode:
		n.Value.Value = r.fill(n, n.Value.Value)
	}
	return n
}

func (r *reading) expandScalar(n *ast.StringNode) ast.Node {
	text := r.fill(n, n.Value)
	if text == n.Value {
		return n
	}
	n.Value = text
	if n.Token.Type != token.StringType {
		return n // quoted: text whatever it spells
	}
	spelled := token.New(text, text, n.Token.Position)
	switch spelled.Type {
	case token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType:
		return ast.Integer(spelled)
	case token.FloatType:
		return ast.Float(spelled)
	case token.BoolType:
		return ast.Bool(spelled)
	}
	return n
}

func (r *reading) fill(n ast.Node, text string) string {
	return variable.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.Trim(match, "${}")
		value, ok := os.LookupEnv(name)
		if !ok {
			if !r.unset[name] {
				r.warn(n, "environment variable %s is not set: %s is taken as it stands", name, match)
				r.unset[name] = true
			}
			return match
		}
		return value
	})
}
