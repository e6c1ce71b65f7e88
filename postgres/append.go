package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

var _ asof.Appender = (*Offline)(nil)

// Append adds rows to the table of a source, in one transaction.
func (o *Offline) Append(ctx context.Context, source *asof.DataSource, rows array.RecordReader) (int64, error) {
	for source.Batch != nil && source.Kind != asof.SourcePostgres {
		source = source.Batch
	}
	a := &appending{o: o, what: fmt.Sprintf("data source %q", source.Name)}
	if err := a.describe(ctx, source); err != nil {
		return 0, err
	}
	arranged, err := asof.Arrange(a.what, rows, a.schema, o.mem)
	if err != nil {
		return 0, err
	}
	defer arranged.Release()
	n, err := a.write(ctx, arranged)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return n, o.db.fault(a.what+": the rows cannot be written", err)
}

// appending is one append to a table.
type appending struct {
	o       *Offline
	what    string // for messages
	table   string // quoted
	schema  *arrow.Schema
	natives []string // by column, the server's type without its length or precision
	isView  bool     // to which nothing can be copied
}

// describe finds the table's columns, and the types in which rows reach them.
func (a *appending) describe(ctx context.Context, source *asof.DataSource) error {
	t, err := a.o.begin(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	_, columns, err := t.source(ctx, source)
	if err != nil {
		return err
	}
	if source.Query != "" {
		return asof.Errorf(asof.CodeInvalid, "%s reads a query, to which no rows can be added; give the source a table", a.what)
	}
	a.table = tableName(source.Table)
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: appendedAs(c), Nullable: true}
		a.natives = append(a.natives, unmodified(c.Native))
	}
	a.schema = arrow.NewSchema(fields, nil)
	return a.look(ctx, t)
}

// look finds out what the table is, and refuses one that is only ever replaced
// as a whole.
func (a *appending) look(ctx context.Context, t *question) error {
	var whole bool
	err := t.tx.QueryRow(ctx, "SELECT relkind NOT IN ('r', 'p'), coalesce(starts_with(obj_description(oid, 'pg_class'), $2), false) FROM pg_class WHERE oid = to_regclass($1)",
		pgx.QueryExecModeExec, a.table, replacedMark).Scan(&a.isView, &whole)
	if err != nil {
		return t.fault(ctx, a.what, err)
	}
	if whole {
		return asof.Errorf(asof.CodeInvalid, "%s: the table %s is a training set, which is replaced as a whole, and to which no rows are added", a.what, a.table)
	}
	return nil
}

// appendedAs returns the type in which values reach a column: its own, or text
// that the server reads, where ours would be less exact.
func appendedAs(c asof.SourceColumn) arrow.DataType {
	switch name := unmodified(c.Native); {
	case name == "date":
		return arrow.FixedWidthTypes.Date32
	case name == "smallint":
		return arrow.PrimitiveTypes.Int16
	case name == "numeric", name == "uuid", c.Type.Value == asof.TypeMap, c.Type.Value == asof.TypeStruct, c.Type.Value == asof.TypeInvalid:
		return arrow.BinaryTypes.String
	case c.Type.Value == asof.TypeMapList, c.Type.Value == asof.TypeStructList, c.Type.Value == asof.TypeUUIDList:
		return arrow.ListOf(arrow.BinaryTypes.String)
	}
	return c.Type.Arrow()
}

// write copies the rows into the table where its types are those in which they
// come, else by way of a table of those types.
func (a *appending) write(ctx context.Context, rows array.RecordReader) (int64, error) {
	copied, err := newCopyRows(a.what, rows)
	if err != nil {
		return 0, err
	}
	tx, err := a.o.db.pool.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	into, through := a.table, a.through(copied.kinds)
	if through != "" {
		into = "asof_appended"
		if _, err := tx.Exec(ctx, "CREATE TEMPORARY TABLE asof_appended ("+copied.columns()+") ON COMMIT DROP"); err != nil {
			return 0, err
		}
	}
	if err := a.copy(ctx, tx.Conn(), into, copied); err != nil {
		return 0, err
	}
	a.o.step("rows copied")
	if through != "" {
		if _, err := tx.Exec(ctx, through); err != nil {
			return 0, err
		}
	}
	a.o.step("rows inserted")
	if err := tx.Commit(ctx); err != nil {
		return 0, err
	}
	a.o.step("committed")
	return copied.count, nil
}

func (a *appending) copy(ctx context.Context, conn *pgx.Conn, into string, rows *copyRows) error {
	_, err := conn.PgConn().CopyFrom(ctx, rows, "COPY "+into+" ("+a.columns()+") FROM STDIN (FORMAT binary)")
	if rows.err != nil {
		return rows.err // what the server says of it is less
	}
	return err
}

func (a *appending) columns() string {
	names := make([]string, a.schema.NumFields())
	for i, f := range a.schema.Fields() {
		names[i] = sqltext.Name(f.Name)
	}
	return strings.Join(names, ", ")
}

// through returns the statement that moves the rows on from a table of the
// kinds in which they come; "" where the table's own types are those.
func (a *appending) through(kinds []kind) string {
	casts, same := make([]string, len(kinds)), !a.isView
	for i, k := range kinds {
		casts[i] = sqltext.Name(a.schema.Field(i).Name)
		if !slices.Contains(alike[k.sql], a.natives[i]) && k.sql != a.natives[i] {
			casts[i] += "::" + a.natives[i]
			same = false
		}
	}
	if same {
		return ""
	}
	return "INSERT INTO " + a.table + " (" + a.columns() + ") SELECT " + strings.Join(casts, ", ") + " FROM asof_appended"
}

// alike are the types whose values have the same bytes as those of a type that
// rows come in.
var alike = map[string][]string{"timestamptz": {"timestamp with time zone"}, "text": {"character varying", "character"}}
