package definition

import (
	"fmt"
	"sort"

	"go.starlark.net/starlark"

	"github.com/asof-dev/asof/python"
)

// A kind is what an argument may hold.
type kind struct {
	what string // with its article, for messages
	// One of these says what is accepted: a value, or each element of a list.
	accepts func(starlark.Value) bool
	element func(starlark.Value) bool
	// hint says what to write instead of a value of another kind; may be nil.
	hint func(starlark.Value) string
}

func (k *kind) takes(v starlark.Value) bool {
	if k.element != nil {
		return listOf(k.element)(v)
	}
	return k.accepts(v)
}

// describe says what a value is that is not of the kind: of a list, the element
// that does not fit.
func (k *kind) describe(v starlark.Value) string {
	switch v.(type) {
	case *starlark.List, starlark.Tuple:
		for _, x := range elements(v) {
			if k.element != nil && !k.element(x) {
				return "a list that holds " + describe(x)
			}
		}
	}
	return describe(v)
}

func (k *kind) advice(v starlark.Value) string {
	if k.hint == nil {
		return ""
	}
	if text := k.hint(v); text != "" {
		return ": " + text
	}
	return ""
}

// kinds are the kinds by the names that params uses.
var kinds = map[string]*kind{
	"text":  {what: "a text", accepts: isText, hint: textHint},
	"bool":  {what: "True or False", accepts: func(v starlark.Value) bool { _, ok := v.(starlark.Bool); return ok }},
	"int":   {what: "an integer", accepts: func(v starlark.Value) bool { _, ok := v.(starlark.Int); return ok }},
	"float": {what: "a number", accepts: func(v starlark.Value) bool { _, ok := starlark.AsFloat(v); return ok }},
	"any":   {what: "anything", accepts: func(starlark.Value) bool { return true }},
	"duration": {what: "a timedelta", accepts: func(v starlark.Value) bool { _, ok := v.(python.Timedelta); return ok },
		hint: func(v starlark.Value) string {
			if _, isInt := v.(starlark.Int); isInt {
				return fmt.Sprintf("write timedelta(seconds=%s), or days=, hours=", v)
			}
			return "write timedelta(days=1)"
		}},
	"texts":    {what: "a list of texts", element: isText, hint: listHint},
	"tags":     {what: "a dict of texts", accepts: isTags, hint: func(starlark.Value) string { return `write {"key": "value"}, both sides quoted` }},
	"dict":     {what: "a dict", accepts: func(v starlark.Value) bool { _, ok := v.(*starlark.Dict); return ok }},
	"type":     {what: "a type of feast.types", accepts: isType, hint: typeHint},
	"value":    {what: "a ValueType", accepts: isValueType, hint: func(starlark.Value) string { return "write ValueType.STRING, ValueType.INT64, …" }},
	"field":    {what: "a Field", accepts: isObject("Field")},
	"fields":   {what: "a list of Field", element: isObject("Field"), hint: listHint},
	"entities": {what: "a list of Entity", element: isObject("Entity"), hint: entityHint},
	"source":   {what: "a data source", accepts: isSource},
	"sources": {what: "a data source, a feature view or a list of feature views", accepts: func(v starlark.Value) bool {
		return isSource(v) || isView(v) || listOf(isView)(v)
	}},
	"inputs":       {what: "a list of feature views and request sources", element: func(v starlark.Value) bool { return isView(v) || isObject("RequestSource")(v) }, hint: inputHint},
	"views":        {what: "a list of feature views", element: func(v starlark.Value) bool { return isView(v) || isText(v) }, hint: serviceHint},
	"format":       {what: "a file format", accepts: isObject("FileFormat"), hint: func(starlark.Value) string { return "write ParquetFormat()" }},
	"stream":       {what: "a stream format", accepts: isObject("StreamFormat")},
	"aggregations": {what: "a list of Aggregation", element: isObject("Aggregation"), hint: listHint},
	"logging":      {what: "a LoggingConfig", accepts: isObject("LoggingConfig")},
	"destination":  {what: "a logging destination", accepts: isObject("LoggingDestination")},
	"function":     {what: "a function", accepts: isFunction},
	"mode":         {what: "a text or a TransformationMode", accepts: func(v starlark.Value) bool { return isText(v) || isMember("TransformationMode")(v) }},
	"policy":       {what: "a ConflictPolicy", accepts: isMember("ConflictPolicy")},
	"policies":     {what: "a policy", accepts: isObject("Policy")},
	"time":         {what: "a datetime", accepts: func(v starlark.Value) bool { _, ok := v.(python.Datetime); return ok }},
}

func isText(v starlark.Value) bool { _, ok := v.(starlark.String); return ok }

func isFunction(v starlark.Value) bool { _, ok := v.(starlark.Callable); return ok }

func isTags(v starlark.Value) bool {
	d, ok := v.(*starlark.Dict)
	if !ok {
		return false
	}
	for _, item := range d.Items() {
		if !isText(item[0]) || !isText(item[1]) {
			return false
		}
	}
	return true
}

func listOf(accepts func(starlark.Value) bool) func(starlark.Value) bool {
	return func(v starlark.Value) bool {
		if _, ok := v.(*starlark.List); !ok {
			if _, ok := v.(starlark.Tuple); !ok {
				return false
			}
		}
		for _, x := range elements(v) {
			if !accepts(x) {
				return false
			}
		}
		return true
	}
}

func isObject(class string) func(starlark.Value) bool {
	return func(v starlark.Value) bool {
		o, ok := v.(*object)
		return ok && o.is(class)
	}
}

func isSource(v starlark.Value) bool { return isObject("DataSource")(v) }

func isView(v starlark.Value) bool { return isObject("BaseFeatureView")(v) }

func isType(v starlark.Value) bool { _, ok := v.(typeValue); return ok }

func isMember(enum string) func(starlark.Value) bool {
	return func(v starlark.Value) bool {
		m, ok := v.(member)
		return ok && m.enum == enum
	}
}

func isValueType(v starlark.Value) bool { return isMember("ValueType")(v) }

// describe says what a value is, for messages.
func describe(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.String:
		return "the text " + python.Repr(v)
	case starlark.NoneType:
		return "None"
	case starlark.Int, starlark.Float, starlark.Bool:
		return python.Repr(v)
	case *object:
		return article(v.class)
	case typeValue:
		return v.String()
	case member:
		return v.String()
	case *constructor:
		return "the class " + v.name
	case *starlark.Builtin:
		return v.Name()
	case *starlark.List, starlark.Tuple:
		return "a list"
	case python.Timedelta:
		return "a timedelta"
	}
	if name, ok := python.LibraryName(v); ok {
		return name + ", which is not available here"
	}
	return article(v.Type())
}

func article(noun string) string {
	if noun != "" && (noun[0] == 'E' || noun[0] == 'A' || noun[0] == 'O' || noun[0] == 'e' || noun[0] == 'a' || noun[0] == 'o' || noun[0] == 'i') {
		return "an " + noun
	}
	return "a " + noun
}

func textHint(v starlark.Value) string {
	switch v.(type) {
	case starlark.Int, starlark.Float, starlark.Bool:
		return fmt.Sprintf("write %q", python.Text(v))
	}
	return ""
}

func listHint(v starlark.Value) string {
	if _, isList := v.(*starlark.List); !isList {
		return "put it in brackets"
	}
	return ""
}

func typeHint(v starlark.Value) string {
	switch v := v.(type) {
	case starlark.String:
		if near := nearestType(string(v)); near != "" {
			return fmt.Sprintf("write %s, imported from feast.types", near)
		}
	case member:
		if t, ok := v.value.(typeValue); ok {
			return fmt.Sprintf("write %s, imported from feast.types", t)
		}
	case starlark.Callable:
		if now, ok := map[string]string{"str": "String", "int": "Int64", "float": "Float64", "bool": "Bool", "bytes": "Bytes"}[v.Name()]; ok {
			return fmt.Sprintf("write %s, imported from feast.types", now)
		}
		if v.Name() == "Array" || v.Name() == "Set" {
			return fmt.Sprintf("write what it holds, as %s(String)", v.Name())
		}
	}
	return ""
}

func entityHint(v starlark.Value) string {
	for _, x := range append(elements(v), v) {
		if s, ok := x.(starlark.String); ok {
			return fmt.Sprintf("give the entity itself, entities=[%s], not its name", string(s))
		}
	}
	return listHint(v)
}

func inputHint(v starlark.Value) string {
	if _, isDict := v.(*starlark.Dict); isDict {
		return "write a list of the views and sources"
	}
	for _, x := range elements(v) {
		if s, ok := x.(starlark.String); ok {
			return fmt.Sprintf("give the feature view itself, sources=[%s], not its name", string(s))
		}
	}
	return listHint(v)
}

func serviceHint(v starlark.Value) string {
	for _, x := range elements(v) {
		if o, ok := x.(*object); ok && o.is("Field") {
			return `choose features by the view: view[["feature"]]`
		}
		if _, ok := x.(*starlark.List); ok {
			return "flatten the inner list"
		}
	}
	return listHint(v)
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
