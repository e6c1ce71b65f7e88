//go:build duckdb_arrow

package duckdb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// session is one connection, for one question: what it creates is temporary
// and its own. It holds a pin of the warehouse, whose tables its SQL sees.
type session struct {
	conn   driver.Conn
	arrow  *duckdb.Arrow
	pin    *Pin
	tables []string // all of the warehouse's
	views  []string // the statements that make those that its SQL may mean
	own    []string // tables that others see too, and that go with it
}

// session opens a session whose SQL is among the texts: the tables that they
// cannot mean are left out. The caller closes it.
func (o *Offline) session(ctx context.Context, texts ...string) (*session, error) {
	s := &session{pin: new(Pin)}
	err := o.start(ctx, s, strings.ToLower(strings.Join(texts, "\n")))
	if err != nil {
		return nil, errors.Join(fault("DuckDB cannot start", err), s.close())
	}
	return s, nil
}

func (o *Offline) start(ctx context.Context, s *session, text string) (err error) {
	if o.warehouse != nil {
		if s.pin, err = o.warehouse.Pin(ctx); err != nil {
			return err
		}
	}
	for _, t := range s.pin.Tables() {
		s.tables = append(s.tables, t.Name)
		if strings.Contains(text, strings.ToLower(t.Name)) {
			s.views = append(s.views, "CREATE TEMP VIEW "+sqltext.Name(t.Name)+" AS FROM "+t.Relation)
		}
	}
	return o.connect(ctx, s)
}

func (o *Offline) connect(ctx context.Context, s *session) error {
	connector, err := o.engine.open(ctx)
	if err != nil {
		return err
	}
	if s.conn, err = connector.Connect(ctx); err != nil {
		return err
	}
	if s.arrow, err = duckdb.NewArrowFromConn(s.conn); err != nil {
		return err
	}
	return execute(ctx, s.conn, append([]string{"SET TimeZone = 'UTC'"}, s.views...)...)
}

// beside opens another connection that sees the same tables; s, whose pin
// holds them, is closed after it.
func (o *Offline) beside(ctx context.Context, s *session) (*session, error) {
	other := &session{pin: new(Pin), tables: s.tables, views: s.views}
	if err := o.connect(ctx, other); err != nil {
		return nil, errors.Join(fault("DuckDB cannot start", err), other.close())
	}
	return other, nil
}

func (s *session) close() error {
	s.pin.Release()
	if s.conn == nil {
		return nil
	}
	for _, table := range s.own {
		_ = execute(context.Background(), s.conn, "DROP TABLE IF EXISTS "+table) // it is in memory
	}
	s.own = nil
	return s.conn.Close()
}

func execute(ctx context.Context, conn driver.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, sql, nil); err != nil {
			return err
		}
	}
	return nil
}

// single checks that a text is one SELECT. It says what the text is in
// messages.
func (s *session) single(what, sql string) error {
	stmt, err := s.conn.Prepare(sql)
	if err != nil {
		if strings.Contains(err.Error(), "multi-statement") {
			return asof.Errorf(asof.CodeInvalid, "%s holds more than one statement; it has to be one SELECT", what)
		}
		return s.fault(what, err)
	}
	defer stmt.Close()
	kind, err := stmt.(*duckdb.Stmt).StatementType()
	if err == nil && kind != duckdb.STATEMENT_TYPE_SELECT {
		return asof.Errorf(asof.CodeInvalid, "%s is not a SELECT", what)
	}
	return err
}

// csvError is what DuckDB says of a bad line, behind which it has much advice:
// the line's number, the reason, the file.
var csvError = regexp.MustCompile(`(?s)CSV Error on Line: (\d+)\n(?:Original Line: [^\n]*\n)?([^\n]*).*?\n\s*file = ([^\n]*)`)

// fault gives an error its code and, for a missing table, the nearest names.
func (s *session) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	if m := csvError.FindStringSubmatch(err.Error()); m != nil {
		return asof.Errorf(asof.CodeInvalid, "%s: %s, line %s: %s", doing, m[3], m[1], strings.TrimSpace(m[2]))
	}
	err = fault(doing, err)
	if _, rest, ok := strings.Cut(err.Error(), "Table with name "); ok && asof.ErrorCode(err) == asof.CodeInvalid {
		name, _, _ := strings.Cut(rest, " does not exist")
		out := asof.DidYouMean(name, s.tables)
		if len(asof.Nearest(name, s.tables)) == 0 {
			out += "; if another database has it, name that under asof.connections in feature_store.yaml"
		}
		if len(s.tables) == 0 {
			return asof.Errorf(asof.CodeInvalid, "%s: the warehouse has no table %q, nor any other yet; run the pipeline that writes it first%s", doing, name, out)
		}
		return asof.Errorf(asof.CodeInvalid, "%s: the warehouse has no table %q%s", doing, name, out)
	}
	return err
}

// load makes a temporary table of the batches of a reader. A table, not a view
// of them: DuckDB could read those once only, and a query may need them more
// often. DuckDB is given batch by batch, and never calls the reader: what
// stands behind it may not run on a thread of DuckDB's.
func (s *session) load(ctx context.Context, table string, reader array.RecordReader) error {
	return s.create(ctx, "CREATE TEMP TABLE", table, reader)
}

// create is load for a table of another kind.
func (s *session) create(ctx context.Context, kind, table string, reader array.RecordReader) error {
	// Every connection sees a registered view, so its name is this one's own.
	view := fmt.Sprintf("asof_%p", s)
	insert := func(how string, batches ...arrow.RecordBatch) error {
		one, err := array.NewRecordReader(reader.Schema(), batches)
		if err != nil {
			return err
		}
		defer one.Release()
		release, err := s.arrow.RegisterView(one, view)
		if err != nil {
			return err
		}
		defer release()
		return execute(ctx, s.conn, how+" FROM "+view, "DROP VIEW "+view)
	}
	if err := insert(kind + " " + table + " AS"); err != nil {
		return err
	}
	for reader.Next() {
		if err := insert("INSERT INTO "+table, reader.RecordBatch()); err != nil {
			return err
		}
	}
	return reader.Err()
}

// query runs SQL and hands the session over to the reader.
func (s *session) query(ctx context.Context, sql string) (array.RecordReader, error) {
	rows, err := s.arrow.QueryContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	return &sessionReader{RecordReader: rows, session: s}, nil
}

// sessionReader closes its session when it is released. It has one owner.
type sessionReader struct {
	array.RecordReader
	session *session
	once    sync.Once
}

func (r *sessionReader) Release() {
	r.once.Do(func() {
		r.RecordReader.Release()
		_ = r.session.close() // nothing but a second close can fail here
	})
}

// columns describes a relation.
func (s *session) columns(ctx context.Context, relation string) ([]asof.SourceColumn, error) {
	rows, err := s.arrow.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+relation+")")
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var list []asof.SourceColumn
	for rows.Next() {
		batch := rows.RecordBatch()
		names, types := batch.Column(0).(*array.String), batch.Column(1).(*array.String)
		for i := range names.Len() {
			native := strings.Clone(types.Value(i))
			typ := typeOf(native)
			list = append(list, asof.SourceColumn{Name: strings.Clone(names.Value(i)), Native: native, Type: typ,
				IsTime: typ.Value == asof.TypeUnixTimestamp})
		}
	}
	return list, rows.Err()
}

func columnNames(columns []asof.SourceColumn) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
	}
	return slices.Clip(list)
}
