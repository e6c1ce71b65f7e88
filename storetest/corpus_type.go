package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asof-dev/asof"
)

// corpusType returns the type of that name, as asof.Type.String writes it.
func corpusType(name string) (asof.Type, error) {
	p := typeParser{rest: strings.ReplaceAll(name, " ", "")}
	t, ok := p.next()
	if !ok || p.rest != "" {
		return asof.Type{}, fmt.Errorf("%q is not a type", name)
	}
	return t, nil
}

// typeParser reads types from the front of a text.
type typeParser struct{ rest string }

func (p *typeParser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	if ok {
		p.rest = rest
	}
	return ok
}

func (p *typeParser) next() (asof.Type, bool) {
	switch {
	case p.take("Array("):
		elem, ok := p.next()
		return asof.ListOf(elem), ok && p.take(")")
	case p.take("Set("):
		elem, ok := p.next()
		return setOf(elem), ok && p.take(")")
	case p.take("Struct({"):
		t := asof.Type{Value: asof.TypeStruct}
		for {
			end := strings.Index(p.rest, `":`)
			if end < 1 || p.rest[0] != '"' {
				return t, false
			}
			name := p.rest[1:end]
			p.rest = p.rest[end+2:]
			field, ok := p.next()
			if !ok {
				return t, false
			}
			t.Fields = append(t.Fields, asof.Field{Name: name, Type: field})
			if !p.take(",") {
				return t, p.take("})")
			}
		}
	}
	end := strings.IndexAny(p.rest, "),}")
	if end < 0 {
		end = len(p.rest)
	}
	for v := asof.TypeBytes; v <= asof.TypeZonedTimestamp; v++ {
		if _, list := asof.Scalar(v).Element(); !list && asof.Scalar(v).String() == p.rest[:end] {
			p.rest = p.rest[end:]
			return asof.Scalar(v), true
		}
	}
	return asof.Type{}, false
}

// setOf returns the set of an element type.
func setOf(elem asof.Type) asof.Type {
	for v := asof.TypeBytesSet; v <= asof.TypeDecimalSet; v++ {
		if of, ok := asof.Scalar(v).Element(); ok && asof.Scalar(v).IsSet() && of.Equal(elem) {
			return asof.Scalar(v)
		}
	}
	return asof.Type{Value: asof.TypeValueSet, Elem: &elem}
}

// sqlType is a type of a table's column, taken apart: struct(name:type,…),
// map(type,type), type[], or the name of a scalar type.
type sqlType struct {
	source string // as it is written
	name   string // struct, map, [] or a scalar's
	fields []string
	parts  []sqlType // of a struct its fields' types, of a map key and value, of [] the element's
}

// parseSQLType reads the type that a column of a case is written with.
func parseSQLType(s string) sqlType {
	if elem, ok := strings.CutSuffix(s, "[]"); ok {
		return sqlType{source: s, name: "[]", parts: []sqlType{parseSQLType(elem)}}
	}
	for _, name := range []string{"struct", "map"} {
		inner, opened := strings.CutPrefix(s, name+"(")
		inner, closed := strings.CutSuffix(inner, ")")
		if !opened || !closed {
			continue
		}
		t := sqlType{source: s, name: name}
		for _, part := range splitOutside(inner) {
			if name == "struct" {
				var field string
				field, part, _ = strings.Cut(part, ":")
				t.fields = append(t.fields, field)
			}
			t.parts = append(t.parts, parseSQLType(part))
		}
		return t
	}
	return sqlType{source: s, name: s}
}

// splitOutside splits at the commas that are in no parentheses.
func splitOutside(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i, c := range s {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts, from = append(parts, s[from:i]), i+1
			}
		}
	}
	return append(parts, s[from:])
}

// isDocument reports whether a case writes the type's values as JSON: those of
// structs, maps and lists of what is no scalar.
func (t sqlType) isDocument() bool {
	return t.name == "struct" || t.name == "map" || t.name == "[]" && !t.parts[0].isScalar()
}

func (t sqlType) isScalar() bool { return t.parts == nil && t.name != "json" }

// sql returns the type as DuckDB writes it, and PostgreSQL where it is no
// document.
func (t sqlType) sql() string {
	switch t.name {
	case "[]":
		return t.parts[0].sql() + "[]"
	case "map":
		return "MAP(" + t.parts[0].sql() + ", " + t.parts[1].sql() + ")"
	case "struct":
		var fields []string
		for i, f := range t.fields {
			fields = append(fields, `"`+f+`" `+t.parts[i].sql())
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	case "double":
		return "double precision"
	}
	name, _, _ := strings.Cut(t.name, "@")
	return name
}

// Flat returns the table for an engine without structs and maps, or without any
// types: what a case writes as JSON is a column of JSON there.
func (o OfflineTable) Flat() OfflineTable {
	o.Columns = slices.Clone(o.Columns)
	for i, c := range o.Columns {
		if parseSQLType(c.Type).isDocument() {
			o.Columns[i].Type = "json"
		}
	}
	return o
}

// Plain returns a value of a column as a file without types holds it: lists are
// JSON there.
func (o OfflineTable) Plain(tb testing.TB, column int, v string) string {
	t := parseSQLType(o.Columns[column].Type)
	if t.name != "[]" || t.isDocument() {
		return v
	}
	one := OfflineTable{Name: o.Name, Columns: o.Columns[column : column+1], Rows: [][]*string{{&v}}}
	rows := one.Records(tb)
	defer rows.Release()
	text, err := json.Marshal(rows.Column(0).GetOneForMarshal(0))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}
