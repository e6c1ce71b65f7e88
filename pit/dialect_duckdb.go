package pit

import (
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// TextOf begins the native type of a column that a file holds as text, and that
// is to be compared as the type behind it: TextOf+"BIGINT".
const TextOf = "TEXT OF "

// DuckDB is DuckDB's dialect. Native types are those that DESCRIBE prints, and
// TextOf. Its instants are TIMESTAMPs in UTC: they need no time zone data, and sessions
// are set to UTC.
var DuckDB Dialect = duckDB{}

type duckDB struct{}

func (duckDB) Facts() Facts { return Facts{AsOfJoin: true} }

func (duckDB) Quote(name string) string { return sqltext.Name(name) }

func (duckDB) Instant(expr string, c asof.SourceColumn, r asof.Rounding) string {
	switch c.Native {
	case "TIMESTAMP":
		return expr
	case TextOf + "TIMESTAMPTZ":
		micros := "epoch_us(CAST(" + expr + " AS TIMESTAMPTZ))" // cuts off what is finer
		if r == asof.RoundUp {
			micros += " + CASE WHEN length(" + expr + `) > 26 THEN CAST(regexp_matches(` + expr + `, '\.\d{6}\d*[1-9]') AS BIGINT) ELSE 0 END`
		}
		return "make_timestamp(" + micros + ")"
	case "TIMESTAMP WITH TIME ZONE":
		return "make_timestamp(epoch_us(" + expr + "))"
	case "TIMESTAMP_NS":
		nanos := "epoch_ns(" + expr + ")"
		if r == asof.RoundUp {
			nanos = "(" + nanos + " + 999)"
		}
		// // and % both go towards zero, which is up before 1970.
		return fmt.Sprintf("make_timestamp((%s - (%s %% 1000 + 1000) %% 1000) // 1000)", nanos, nanos)
	}
	return "CAST(" + expr + " AS TIMESTAMP)"
}

func (duckDB) Literal(t time.Time) string { return "TIMESTAMP '" + timestamp(t) + "'" }

func (duckDB) Earlier(instant string, d time.Duration) string {
	return fmt.Sprintf("%s - to_microseconds(%d)", instant, d.Microseconds())
}

// duckTypes are the types in which join keys reach DuckDB.
var duckTypes = map[asof.ValueType]string{
	asof.TypeInt32: "BIGINT", asof.TypeInt64: "BIGINT", asof.TypeFloat32: "FLOAT", asof.TypeFloat64: "DOUBLE",
	asof.TypeBool: "BOOLEAN", asof.TypeBytes: "BLOB",
}

// A key that cannot be of the type declared ends the query.
func (d duckDB) Key(expr string, c asof.SourceColumn, t asof.Type) string {
	family := familyOf(t)
	switch {
	case family == instant && c.IsTime:
		return d.Instant(expr, c, asof.RoundDown)
	case family != other && family == familyOf(c.Type) && c.Native != "UUID" && !isUUID(t) && !strings.HasPrefix(c.Native, TextOf):
		return expr
	}
	if name, ok := duckTypes[t.Value]; ok {
		return "CAST(" + expr + " AS " + name + ")"
	}
	if isUUID(t) && c.Native != "UUID" {
		expr = "CAST(" + expr + " AS UUID)"
	}
	return "CAST(" + expr + " AS VARCHAR)"
}

func (duckDB) Rank(expr string, c asof.SourceColumn) string {
	if typ, ok := strings.CutPrefix(c.Native, TextOf); ok {
		if strings.HasSuffix(typ, "[]") {
			expr = "TRY_CAST(" + expr + " AS JSON)"
		}
		return "TRY_CAST(" + expr + " AS " + typ + ")"
	}
	if strings.HasPrefix(c.Native, "ENUM") {
		return "CAST(" + expr + " AS VARCHAR)"
	}
	return expr
}

func (duckDB) Value(expr string, c asof.SourceColumn, _ asof.Type) string {
	switch {
	case c.Native == "TIME" || c.Native == "INTERVAL":
		return "CAST(" + expr + " AS VARCHAR)"
	case strings.HasPrefix(c.Native, "UHUGEINT"):
		return "CAST(" + expr + " AS DECIMAL(38, 0))"
	}
	return expr
}
