package apply

import (
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// sourceView is one view beside the columns that its source really has.
type sourceView struct {
	*repository
	view    *asof.FeatureView
	columns []asof.SourceColumn
}

func (s sourceView) problemf(format string, args ...any) {
	s.problem(s.view.Meta.Place, "feature view %q: source %q "+format,
		append([]any{s.view.Name, s.view.Source.Name}, args...)...)
}

// column returns the source's column that holds a feature or join key, by the
// field mapping, or nil.
func (s sourceView) column(name string) *asof.SourceColumn {
	for from, to := range s.view.Source.FieldMapping {
		if to == name {
			name = from
			break
		}
	}
	for i := range s.columns {
		if s.columns[i].Name == name {
			return &s.columns[i]
		}
	}
	return nil
}

func (s sourceView) names() []string {
	all := make([]string, len(s.columns))
	for i, c := range s.columns {
		all[i] = c.Name
	}
	return all
}

// timestamp checks the time columns, and takes the only one that can be the
// event timestamp where none is declared.
func (s sourceView) timestamp() {
	source := s.view.Source
	if source.TimestampField == "" {
		s.inferTimestamp()
	} else {
		s.timeColumn("timestamp_field", source.TimestampField)
	}
	if source.CreatedField != "" {
		s.timeColumn("created_timestamp_column", source.CreatedField)
	}
}

func (s sourceView) timeColumn(setting, name string) {
	switch c := s.column(name); {
	case c == nil:
		s.problemf("has no column %q, its %s%s", name, setting, asof.DidYouMean(name, s.names()))
	case !c.IsTime:
		s.problemf("has %s %q of type %s; it has to be a timestamp or a date", setting, name, c.Native)
	}
}

func (s sourceView) inferTimestamp() {
	var times []string
	for _, c := range s.columns {
		if c.IsTime && c.Name != s.view.Source.CreatedField {
			times = append(times, c.Name)
		}
	}
	switch len(times) {
	case 0:
		s.problemf("has no column of a time type; give the source a timestamp column and name it by `timestamp_field=`")
	case 1:
		s.view.Source.TimestampField = times[0]
	default:
		s.problemf("has several time columns (%s); say which one is the event's by `timestamp_field=`", strings.Join(times, ", "))
	}
}

// keyTypes are the types that a join key can have.
var keyTypes = []asof.ValueType{asof.TypeString, asof.TypeBytes, asof.TypeInt32, asof.TypeInt64, asof.TypeUnixTimestamp}

func (s sourceView) key(name string, check bool) {
	c := s.column(name)
	if c == nil {
		s.problemf("has no column %q, the join key of the view%s", name, asof.DidYouMean(name, s.names()))
		return
	}
	if i := slices.IndexFunc(s.view.EntityColumns, func(f asof.Field) bool { return f.Name == name }); i >= 0 {
		if check {
			s.fits("join key", s.view.EntityColumns[i], c)
		}
		return
	}
	t := c.Type
	if t.Value == asof.TypeUUID {
		t = asof.Scalar(asof.TypeString)
	}
	if !slices.Contains(keyTypes, t.Value) {
		s.problemf("has join key %q of type %s; a key has to be text, bytes, an integer or a timestamp: cast it in the source's query",
			name, c.Native)
		return
	}
	s.view.EntityColumns = append(s.view.EntityColumns, asof.Field{Name: name, Type: t})
}

func (s sourceView) feature(f asof.Field) {
	c := s.column(f.Name)
	if c == nil {
		s.problemf("has no column %q, a feature of the view%s", f.Name, asof.DidYouMean(f.Name, s.names()))
		return
	}
	s.fits("feature", f, c)
}

// fits reports a declared type that the column's values can't be read as. The
// columns of a CSV file are text that the declared type makes something of.
func (s sourceView) fits(what string, f asof.Field, c *asof.SourceColumn) {
	if s.view.Source.Kind == asof.SourceFile && s.view.Source.FileFormat() == asof.FormatCSV {
		return
	}
	if c.Type.Value == asof.TypeInvalid || f.Type.Value == asof.TypeInvalid || readAs(c.Type, f.Type) {
		return
	}
	s.problemf("has column %q of type %s, which can't be read as the declared %s of %s %q; declare %s, or cast it in the source's query",
		c.Name, c.Native, f.Type, what, f.Name, c.Type)
}

// families are the types whose values can be read as one another; a value that
// does not fit (a number too large) is found when it is read.
var families = map[asof.ValueType]string{
	asof.TypeInt32: "number", asof.TypeInt64: "number", asof.TypeFloat32: "number", asof.TypeFloat64: "number", asof.TypeDecimal: "number",
	asof.TypeString: "text", asof.TypeJSON: "text", asof.TypeUUID: "text", asof.TypeTimeUUID: "text", asof.TypeMap: "text",
	asof.TypeScalarMap: "text", asof.TypeBytes: "bytes", asof.TypePdfBytes: "bytes", asof.TypeImageBytes: "bytes",
	asof.TypeBool: "bool", asof.TypeUnixTimestamp: "time", asof.TypeZonedTimestamp: "time",
}

// readAs reports whether a column of type from can be read as type to. Any
// type that is not scalar is left for the engine to judge.
func readAs(from, to asof.Type) bool {
	a, b := families[from.Value], families[to.Value]
	if a == "" || b == "" || a == b {
		return true
	}
	switch b {
	case "text":
		return true // everything has a text
	case "bool":
		return a == "number" // 0 and 1
	case "number":
		return a == "bool" || a == "text" && to.Value == asof.TypeDecimal
	case "time":
		return a == "number" // Feast keeps instants as whole seconds
	}
	return false
}

// inferFeatures takes every column as a feature that is not a key or a time of
// the source, and does not begin or end with two underscores.
func (s sourceView) inferFeatures() {
	source := s.view.Source
	skip := append(s.joinKeys(s.view), source.TimestampField, source.CreatedField, source.DatePartition)
	for _, c := range s.columns {
		name := c.Name
		if to, ok := source.FieldMapping[name]; ok {
			name = to
		}
		if slices.Contains(skip, name) || slices.Contains(skip, c.Name) || strings.HasPrefix(name, "__") || strings.HasSuffix(name, "__") {
			continue
		}
		if c.Type.Value == asof.TypeInvalid {
			s.problemf("has column %q of type %s, which is no type of a feature; declare `schema=` without it, or cast it in the source's query", c.Name, c.Native)
			continue
		}
		s.view.Features = append(s.view.Features, asof.Field{Name: name, Type: c.Type})
	}
	if len(s.view.Features) == 0 {
		s.problemf("has no column that could be a feature")
	}
}
