package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
)

// Warehouse is a schema with the team's own tables, taken as they are: their
// types, their foreign keys, columns that no file fills. A table that is
// missing is created from what the pipeline declares.
//
// A run stages in tables of the schema whose names begin with asof_stage_, and
// publishes in one transaction; publications wait for one another at an
// advisory lock. Beside the team's tables there are six of ours:
// asof_publications; asof_loaded, the newest as_of of each live table;
// asof_history, the rows that the last three publications replaced, and
// which were rolled back;
// asof_dropped, the keys that a snapshot had and has no more; asof_stages, who
// works on a run's stage; and asof_staged, what is in it.
type Warehouse struct {
	db *DB

	// step is told where a publication has got to. Tests stop the process
	// there.
	step func(name string)
}

var _ asof.Warehouse = (*Warehouse)(nil)

// keptPublications is how many publications can be rolled back.
const keptPublications = 3

// Warehouse returns the database's schema as a warehouse.
func (db *DB) Warehouse() *Warehouse { return &Warehouse{db: db, step: func(string) {}} }

// bookkeeping is what we keep beside the team's tables, by name. In
// each layout %s is the name.
var bookkeeping = []struct{ name, layout string }{
	{"asof_publications", `CREATE TABLE %s (
 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL, pipeline text NOT NULL,
 as_of date NOT NULL, published_at timestamptz NOT NULL)`},
	{"asof_loaded", `CREATE TABLE %s (table_name text PRIMARY KEY, as_of date NOT NULL)`},
	{"asof_history", `CREATE TABLE %[1]s (
 publication bigint NOT NULL, table_name text NOT NULL, change text NOT NULL, previous json NOT NULL,
 id bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (publication, id));
ALTER TABLE %[1]s ALTER previous SET STORAGE EXTERNAL`}, // to pack them takes longer than to write them
	{"asof_dropped", `CREATE TABLE %s (
 table_name text, as_of date, key jsonb, PRIMARY KEY (table_name, as_of, key))`},
}

// Publications lists what was published, newest first.
func (w *Warehouse) Publications(ctx context.Context) ([]asof.Publication, error) {
	list, _, err := w.published(ctx, w.db.pool)
	return list, w.db.fault("the publications cannot be listed", err)
}

// published lists the publications, newest first, and their ids.
func (w *Warehouse) published(ctx context.Context, conn querier) (list []asof.Publication, ids []int64, err error) {
	there, err := conn.Query(ctx, "SELECT to_regclass($1) IS NOT NULL", w.db.qualified("asof_publications"))
	if err == nil {
		var made bool
		made, err = pgx.CollectExactlyOneRow(there, pgx.RowTo[bool])
		if err == nil && !made {
			return nil, nil, nil // nothing was ever published
		}
	}
	if err != nil {
		return nil, nil, err
	}
	rows, err := conn.Query(ctx, fmt.Sprintf(`SELECT p.id, run, pipeline, as_of, published_at, h.previous FROM %s p
 LEFT JOIN %s h ON h.publication = p.id AND h.change = 'undone' ORDER BY p.id DESC`, w.db.qualified("asof_publications"), w.db.qualified("asof_history")))
	if err != nil {
		return nil, nil, err
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (asof.Publication, error) {
		var p asof.Publication
		var id int64
		var u *undone
		err := row.Scan(&id, &p.ID, &p.Name, &p.AsOf, &p.At, &u)
		p.At = p.At.UTC()
		if u != nil {
			p.Undone = u.At
		}
		ids = append(ids, id)
		return p, err
	})
	return list, ids, err
}

// Close does nothing: the pool is the database's.
func (w *Warehouse) Close() error { return nil }

// qualified returns the SQL name of a table in the schema.
func (db *DB) qualified(table string) string { return pgx.Identifier{db.schema, table}.Sanitize() }

// missing reports whether a statement failed because a table is not there.
func missing(err error) bool { return serverCode(err) == "42P01" }

// serverCode returns PostgreSQL's code of an error that is its own, or "".
func serverCode(err error) string {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return ""
	}
	return server.Code
}

var runName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// lockName names the advisory lock at which the schema's runs wait.
func (db *DB) lockName() string { return "asof warehouse " + db.schema }
