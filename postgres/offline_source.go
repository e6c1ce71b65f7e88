package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/pit"
	"github.com/asof-dev/asof/sqltext"
)

// Columns describes a source.
func (o *Offline) Columns(ctx context.Context, source *asof.DataSource) ([]asof.SourceColumn, error) {
	t, err := o.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	_, columns, err := t.source(ctx, source)
	return columns, err
}

// Range says how much a source holds.
func (o *Offline) Range(ctx context.Context, source *asof.DataSource) (asof.SourceRange, error) {
	t, err := o.begin(ctx)
	if err != nil {
		return asof.SourceRange{}, err
	}
	defer t.close()
	relation, columns, err := t.source(ctx, source)
	if err != nil {
		return asof.SourceRange{}, err
	}
	what := fmt.Sprintf("data source %q", source.Name)
	for _, c := range columns {
		if c.Name == source.TimestampField && c.IsTime {
			var found asof.SourceRange
			var oldest, newest *time.Time
			row := t.tx.QueryRow(ctx, pit.Range(pit.Postgres, relation, c), pgx.QueryExecModeExec)
			if err := row.Scan(&found.Rows, &oldest, &newest); err != nil {
				return asof.SourceRange{}, t.fault(ctx, what, err)
			}
			if oldest != nil && newest != nil {
				found.Oldest, found.Newest = oldest.UTC(), newest.UTC()
			}
			return found, nil
		}
	}
	return asof.SourceRange{}, asof.Errorf(asof.CodeInvalid, "%s has no timestamp column %q%s", what, source.TimestampField,
		asof.DidYouMean(source.TimestampField, columnNames(columns)))
}

// source returns what stands in FROM for a source, and its columns.
func (t *question) source(ctx context.Context, source *asof.DataSource) (string, []asof.SourceColumn, error) {
	what := fmt.Sprintf("data source %q", source.Name)
	switch source.Kind {
	case asof.SourcePostgres:
		if source.Query != "" {
			sql := trimmed(source.Query)
			columns, err := t.columns(ctx, what, sql)
			return "(\n" + sql + "\n)", columns, err
		}
		name := tableName(source.Table)
		columns, err := t.columns(ctx, what, "SELECT * FROM "+name)
		return name, columns, err
	case asof.SourcePush, asof.SourceKafka, asof.SourceKinesis:
		if source.Batch != nil {
			return t.source(ctx, source.Batch)
		}
		return "", nil, asof.Errorf(asof.CodeInvalid, "%s is a %s source without a batch_source: it has no history to read", what, source.Kind)
	case asof.SourceFile:
		return "", nil, asof.Errorf(asof.CodeInvalid, "%s is a file, which the postgres offline store does not read; write `offline_store: {type: duckdb}` and name this database under asof.connections: that reads both", what)
	}
	kind := string(source.Kind)
	if source.Class != "" {
		kind = source.Class
	}
	return "", nil, asof.Errorf(asof.CodeInvalid, "%s is a %s source, which the postgres offline store does not read; it reads PostgreSQLSource", what, kind)
}

// trimmed takes off what may end a statement, and must not stand in a subquery.
func trimmed(sql string) string { return strings.TrimRight(sql, "; \t\r\n") }

var namePart = regexp.MustCompile(`"(?:[^"]|"")*"|[^."]+`)

// tableName quotes a table's name as PostgreSQL reads it: outside of quotes,
// capitals are small letters.
func tableName(table string) string {
	parts := namePart.FindAllString(table, -1)
	for i, p := range parts {
		if !strings.HasPrefix(p, `"`) {
			parts[i] = sqltext.Name(strings.ToLower(strings.TrimSpace(p)))
		}
	}
	return strings.Join(parts, ".")
}

// columns describes what one SELECT gives. It is described where it will stand,
// in FROM, so that what is no SELECT, or more than one, is found out here.
func (t *question) columns(ctx context.Context, what, sql string) ([]asof.SourceColumn, error) {
	described, err := t.conn.PgConn().Prepare(ctx, "", "SELECT * FROM (\n"+sql+"\n) AS source", nil)
	if err != nil {
		return nil, t.fault(ctx, what, err)
	}
	oids, modifiers := make([]uint32, len(described.Fields)), make([]int32, len(described.Fields))
	for i, f := range described.Fields {
		oids[i], modifiers[i] = f.DataTypeOID, f.TypeModifier
	}
	rows, err := t.tx.Query(ctx, `SELECT format_type(u.oid, u.modifier), t.typtype::text, coalesce(e.typtype::text, '')
		FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS u(oid, modifier, nr) JOIN pg_type AS t ON t.oid = u.oid
		LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A' ORDER BY u.nr`, oids, modifiers)
	if err != nil {
		return nil, t.fault(ctx, what, err)
	}
	columns := make([]asof.SourceColumn, 0, len(described.Fields))
	var native, kind, elem string // kinds: e for enums, c for composite types
	_, err = pgx.ForEachRow(rows, []any{&native, &kind, &elem}, func() error {
		typ := typeOf(native)
		switch {
		case kind == "e":
			typ = asof.Scalar(asof.TypeString)
		case kind == "c":
			typ = asof.Scalar(asof.TypeStruct)
		case elem == "e":
			typ = asof.Scalar(asof.TypeStringList)
		case elem == "c":
			typ = asof.Scalar(asof.TypeStructList)
		}
		columns = append(columns, asof.SourceColumn{Name: described.Fields[len(columns)].Name, Native: native, Type: typ,
			IsTime: typ.Value == asof.TypeUnixTimestamp})
		return nil
	})
	return columns, t.fault(ctx, what, err)
}

// types are those that Feast infers from PostgreSQL's.
var types = map[string]asof.ValueType{
	"boolean": asof.TypeBool, "bytea": asof.TypeBytes, `"char"`: asof.TypeString, "character": asof.TypeString,
	"character varying": asof.TypeString, "text": asof.TypeString, "name": asof.TypeString, "citext": asof.TypeString,
	"smallint": asof.TypeInt32, "integer": asof.TypeInt32, "bigint": asof.TypeInt64, "real": asof.TypeFloat32,
	"double precision": asof.TypeFloat64, "numeric": asof.TypeFloat64, "date": asof.TypeUnixTimestamp,
	"timestamp without time zone": asof.TypeUnixTimestamp, "timestamp with time zone": asof.TypeUnixTimestamp,
	"uuid": asof.TypeUUID, "json": asof.TypeMap, "jsonb": asof.TypeMap, "hstore": asof.TypeMap,
}

var modifier = regexp.MustCompile(`\([0-9, -]*\)`)

// unmodified returns a type without its length or precision: those are a
// column's, whose own conversion minds them, where a cast would cut text off.
func unmodified(native string) string { return modifier.ReplaceAllString(native, "") }

// typeOf returns what a type that format_type prints is in ours.
func typeOf(native string) asof.Type {
	name := unmodified(native)
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		return asof.ListOf(typeOf(elem))
	}
	return asof.Scalar(types[name])
}

func columnNames(columns []asof.SourceColumn) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
