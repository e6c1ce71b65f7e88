package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Read asks one statement for everything: one round trip, one moment. The
// statement also gives the revisions of the views' tables; where one is not
// what we thought, all is read again with what is true now.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	if len(readings) == 0 {
		return nil
	}
	for try := 0; ; try++ {
		tables, err := o.known(ctx, project, readings)
		if err != nil {
			return o.db.fault("reading online features", err)
		}
		current, err := o.read(ctx, readings, tables)
		switch {
		case err != nil && !missing(err):
			return o.db.fault("reading online features", err)
		case err == nil && current:
			return nil
		case try == 2:
			return asof.Errorf(asof.CodeUnavailable, "the online tables in PostgreSQL at %s are being changed; try again", o.db.where)
		}
		o.forget(project, readings)
	}
}

// known returns the tables of the readings' views, from memory where it can.
func (o *Online) known(ctx context.Context, project string, readings []*asof.Reading) ([]*viewTable, error) {
	tables := make([]*viewTable, len(readings))
	loaded := false
	for i := 0; i < len(readings); i++ {
		name := viewName{project, readings[i].View.Name}
		o.mu.Lock()
		tables[i] = o.tables[name]
		o.mu.Unlock()
		switch {
		case tables[i] != nil:
		case loaded:
			return nil, o.unknown(project, name.view)
		default:
			if err := o.load(ctx, project); err != nil {
				return nil, err
			}
			loaded = true
			i--
		}
	}
	return tables, nil
}

func (o *Online) forget(project string, readings []*asof.Reading) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range readings {
		delete(o.tables, viewName{project, r.View.Name})
	}
}

// load reads where the views of a project are.
func (o *Online) load(ctx context.Context, project string) error {
	rows, _ := o.db.pool.Query(ctx, "SELECT id, revision, view, schema FROM "+o.db.qualified("asof_online_view")+" WHERE project = $1", project)
	var table viewTable
	var view, text string
	_, err := pgx.ForEachRow(rows, []any{&table.id, &table.revision, &view, &text}, func() error {
		schema, err := value.ParseSchema(text)
		if err != nil {
			return err
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.tables[viewName{project, view}] = &viewTable{id: table.id, revision: table.revision, schema: schema, name: o.tableName(table.id)}
		return nil
	})
	if missing(err) {
		return nil
	}
	return err
}

// read fills the readings, and reports whether the tables are what they were
// taken for.
func (o *Online) read(ctx context.Context, readings []*asof.Reading, tables []*viewTable) (bool, error) {
	q := onlineQueries.Get().(*onlineQuery)
	defer q.release()
	q.write(o.db.qualified("asof_online_view"), readings, tables)
	conn, err := o.db.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	statement, err := prepare(ctx, conn.Conn(), q.text)
	if err != nil {
		return false, err
	}
	for _, r := range readings {
		r.Reset()
	}
	// Not through the pool's Query, which leaves garbage of every key.
	rows := conn.Conn().PgConn().ExecStatement(ctx, statement, q.parameters, binaryFormat, binaryFormat)
	err = q.take(rows, readings, tables)
	if _, closed := rows.Close(); err == nil {
		err = closed
	}
	return err == nil && q.current(tables), err
}

var binaryFormat = []int16{pgx.BinaryFormatCode}

// maxStatements is how many statements a connection keeps prepared: a caller may
// ask for any set of views.
const maxStatements = 256

// prepare prepares a statement of reading on the connection, once.
func prepare(ctx context.Context, conn *pgx.Conn, text []byte) (*pgconn.StatementDescription, error) {
	kept, _ := conn.PgConn().CustomData()["asof reads"].(map[string]*pgconn.StatementDescription)
	if statement := kept[string(text)]; statement != nil {
		return statement, nil
	}
	if kept == nil || len(kept) == maxStatements {
		if kept != nil {
			if err := conn.DeallocateAll(ctx); err != nil {
				return nil, err
			}
		}
		kept = map[string]*pgconn.StatementDescription{}
		conn.PgConn().CustomData()["asof reads"] = kept
	}
	statement, err := conn.Prepare(ctx, string(text), string(text))
	if err == nil {
		kept[string(text)] = statement
	}
	return statement, err
}
