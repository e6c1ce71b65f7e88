package pit

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// Postgres is PostgreSQL's dialect, 15 and later. Native types are those that
// format_type prints; its instants are timestamptz, sessions are set to UTC.
var Postgres Dialect = postgres{}

type postgres struct{}

func (d postgres) Facts() Facts { return Facts{Native: d.native} }

// native goes by way of the time in UTC: a comparison that depends on the
// session's time zone would convert each time that it meets in an index.
func (postgres) native(instant string, c asof.SourceColumn) string {
	if strings.HasSuffix(c.Native, "with time zone") {
		return instant
	}
	return instant + " AT TIME ZONE 'UTC'"
}

func (postgres) Quote(name string) string { return sqltext.Name(name) }

func (postgres) Instant(expr string, c asof.SourceColumn, _ asof.Rounding) string {
	if strings.HasSuffix(c.Native, "with time zone") {
		return expr
	}
	return expr + "::timestamptz"
}

func (postgres) Literal(t time.Time) string { return "timestamptz '" + timestamp(t) + "+00'" }

func (postgres) Earlier(instant string, d time.Duration) string {
	return fmt.Sprintf("%s - interval '%d microseconds'", instant, d.Microseconds())
}

// A key that cannot be of the type declared ends the query.
func (d postgres) Key(expr string, c asof.SourceColumn, t asof.Type) string {
	family := familyOf(t)
	switch {
	case family == instant && c.IsTime:
		return d.Instant(expr, c, asof.RoundDown)
	case c.Native == "text" || strings.HasPrefix(c.Native, "character varying"):
		if family == textual && !isUUID(t) {
			return expr
		}
	case family != other && family != textual && family == familyOf(c.Type):
		return expr
	}
	if name, ok := postgresTypes[t.Value]; ok {
		return expr + "::text::" + name
	}
	if isUUID(t) && c.Native != "uuid" {
		expr += "::text::uuid"
	}
	return expr + "::text"
}

// postgresTypes are the types in which join keys reach PostgreSQL.
var postgresTypes = map[asof.ValueType]string{
	asof.TypeInt32: "bigint", asof.TypeInt64: "bigint", asof.TypeFloat32: "real", asof.TypeFloat64: "double precision",
	asof.TypeBool: "boolean", asof.TypeBytes: "bytea", asof.TypeUnixTimestamp: "timestamptz",
}

func (postgres) Rank(expr string, c asof.SourceColumn) string {
	switch {
	case c.Native == "text" || strings.HasPrefix(c.Native, "character"):
		return expr + ` COLLATE "C"`
	case sortable(c):
		return expr
	case isComposite(c):
		return "to_json(" + expr + `)::text COLLATE "C"`
	case strings.HasSuffix(c.Native, "[]"):
		return expr + `::text[] COLLATE "C"`
	}
	return expr + `::text COLLATE "C"`
}

func sortable(c asof.SourceColumn) bool {
	typ := c.Type
	if elem, ok := typ.Element(); ok {
		typ = elem
	}
	family := familyOf(typ)
	return family != other && (family != textual || typ.Value == asof.TypeUUID)
}

// isComposite reports whether a column holds rows of a type with columns, or
// arrays of them.
func isComposite(c asof.SourceColumn) bool {
	return c.Type.Value == asof.TypeStruct || c.Type.Value == asof.TypeStructList
}

// modifier is what stands behind a type's name: numeric(10,2).
var modifier = regexp.MustCompile(`\([0-9, -]*\)`)

// binaryTypes are those whose binary form is read as it is.
var binaryTypes = map[string]bool{
	"boolean": true, "smallint": true, "integer": true, "bigint": true, "real": true, "double precision": true,
	"text": true, "bytea": true, "date": true, "timestamp without time zone": true, "timestamp with time zone": true,
}

// A numeric becomes a feature by way of its text, which is exact and which the
// declared type then rounds once; among the entity rows it stays what it is.
func (postgres) Value(expr string, c asof.SourceColumn, t asof.Type) string {
	native := modifier.ReplaceAllString(c.Native, "")
	elem, list := strings.CutSuffix(native, "[]")
	inner, _ := t.Element()
	_, nested := inner.Element()
	switch {
	case isComposite(c) || list && nested:
		return "to_json(" + expr + ")::text"
	case native == "hstore" && t.Value != asof.TypeInvalid:
		return expr + "::json::text"
	case native == "numeric" && t.Value == asof.TypeInvalid:
		return expr
	case native == "numeric" && arrow.TypeEqual(t.Arrow(), arrow.BinaryTypes.String):
		return "trim_scale(" + expr + ")::text"
	case list && binaryTypes[elem]:
		return expr
	case list:
		return expr + "::text[]"
	case binaryTypes[native]:
		return expr
	}
	return expr + "::text"
}
