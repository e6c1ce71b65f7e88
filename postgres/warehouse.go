package postgres

import (
	"context"
	"errors"
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
// asof_history, the rows that the last three publications replaced;
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
	{"asof_history", `CREATE TABLE %s (
 publication bigint NOT NULL, table_name text NOT NULL, change text NOT NULL, previous jsonb NOT NULL,
 id bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (publication, id))`},
	{"asof_dropped", `CREATE TABLE %s (
 table_name text, as_of date, key jsonb, PRIMARY KEY (table_name, as_of, key))`},
}

// Publications lists what was published, newest first.
func (w *Warehouse) Publications(ctx context.Context) ([]asof.Publication, error) {
	const doing = "the publications cannot be listed"
	rows, err := w.db.pool.Query(ctx, "SELECT run, pipeline, as_of, published_at FROM "+w.db.qualified("asof_publications")+" ORDER BY id DESC")
	var list []asof.Publication
	if err == nil {
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (asof.Publication, error) {
			var p asof.Publication
			err := row.Scan(&p.ID, &p.Name, &p.AsOf, &p.At)
			p.At = p.At.UTC()
			return p, err
		})
	}
	if missing(err) {
		return nil, nil // nothing was ever published
	}
	return list, w.db.fault(doing, err)
}

// Close does nothing: the pool is the database's.
func (w *Warehouse) Close() error { return nil }

// qualified returns the SQL name of a table in the schema.
func (db *DB) qualified(table string) string { return pgx.Identifier{db.schema, table}.Sanitize() }

// missing reports whether a statement failed because a table is not there.
func missing(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "42P01"
}

func quoteName(name string) string { return pgx.Identifier{name}.Sanitize() }

var runName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// lockName names the advisory lock at which the schema's runs wait.
func (db *DB) lockName() string { return "asof warehouse " + db.schema }
