package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Online is an asof.OnlineStore in the database's schema. Each view has a table
// of its own, one packed row for each key; asof_online_view says which is
// whose, so that projects and views may have names of any letters and length.
type Online struct {
	db         *DB
	keyVersion int

	mu     sync.Mutex
	tables map[viewName]*viewTable // as they were when last read
}

type viewName struct{ project, view string }

// viewTable is where the rows of a view are. The revision grows with every
// change of the schema, so a read can see that what is kept here is old.
type viewTable struct {
	id, revision int64
	schema       *value.Schema
	path         pgx.Identifier
	name         string // in SQL
}

var _ asof.OnlineStore = (*Online)(nil)

// Online returns the online store in the database, with entity keys of that
// version (2 or 3). Closing it leaves the database open.
func (db *DB) Online(keyVersion int) (*Online, error) {
	if keyVersion != 2 && keyVersion != 3 {
		return nil, asof.Errorf(asof.CodeInvalid, "entity_key_serialization_version %d is not supported: set 3 (or 2, for a store written with 2)", keyVersion)
	}
	return &Online{db: db, keyVersion: keyVersion, tables: map[viewName]*viewTable{}}, nil
}

// Close does nothing: the pool is the database's.
func (o *Online) Close() error { return nil }

const onlineLayout = `CREATE TABLE %s (
	id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project  text NOT NULL,
	view     text NOT NULL,
	revision bigint NOT NULL DEFAULT 1,
	schema   text NOT NULL,
	UNIQUE (project, view)
)`

// Rows of 2 to 8 kB stay in the table, as they are: PostgreSQL would compress
// them and put them into another table in parts, which takes twice the time to
// read and longer to write.
const onlineViewLayout = `CREATE TABLE %s (
	entity_key bytea PRIMARY KEY,
	event_us   bigint NOT NULL,
	created_us bigint NOT NULL,
	row        bytea NOT NULL
) WITH (toast_tuple_target = 8160)`

// Update makes tables for the views of keep and drops those of drop.
func (o *Online) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	return o.db.layOut(ctx, "making the online tables", func(tx pgx.Tx) error {
		if err := makeTable(ctx, tx, o.db.qualified("asof_online_view"), onlineLayout); err != nil {
			return err
		}
		for _, v := range keep {
			if err := o.keep(ctx, tx, project, v); err != nil {
				return err
			}
		}
		return o.drop(ctx, tx, project, drop)
	})
}

// Teardown drops the tables of the views. Views that have none are no error.
func (o *Online) Teardown(ctx context.Context, project string, views []string) error {
	return o.Update(ctx, project, nil, views)
}

// layOut runs do in a transaction that no other one of its kind runs beside:
// CREATE TABLE IF NOT EXISTS alone fails when two run at once.
func (db *DB) layOut(ctx context.Context, doing string, do func(tx pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('asof layout ' || $1, 0))", db.schema); err != nil {
			return err
		}
		return do(tx)
	})
	return db.fault(doing, err)
}

// makeTable makes a table that is not there. CREATE TABLE IF NOT EXISTS would
// need the privilege to create where there is nothing to do.
func makeTable(ctx context.Context, tx pgx.Tx, name, layout string) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || there {
		return err
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(layout, name))
	return err
}

func (o *Online) keep(ctx context.Context, tx pgx.Tx, project string, v *asof.FeatureView) error {
	table, err := o.find(ctx, tx, project, v.Name, " FOR UPDATE")
	if err != nil {
		return err
	}
	views := o.db.qualified("asof_online_view")
	if table == nil {
		schema, _ := value.ParseSchema("") // a new one
		schema.Evolve(v)
		var id int64
		err := tx.QueryRow(ctx, "INSERT INTO "+views+" (project, view, schema) VALUES ($1, $2, $3) RETURNING id", project, v.Name, schema.Marshal()).Scan(&id)
		if err != nil {
			return err
		}
		return makeTable(ctx, tx, o.tableName(id), onlineViewLayout)
	}
	if err := makeTable(ctx, tx, table.name, onlineViewLayout); err != nil { // somebody may have dropped it
		return err
	}
	changed, rekeyed := table.schema.Evolve(v)
	if !changed {
		return nil
	}
	if rekeyed {
		if _, err := tx.Exec(ctx, "TRUNCATE "+table.name); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "UPDATE "+views+" SET schema = $1, revision = revision + 1 WHERE id = $2", table.schema.Marshal(), table.id)
	return err
}

func (o *Online) drop(ctx context.Context, tx pgx.Tx, project string, views []string) error {
	for _, view := range views {
		table, err := o.find(ctx, tx, project, view, " FOR UPDATE")
		if err != nil {
			return err
		}
		if table == nil {
			continue
		}
		if _, err := tx.Exec(ctx, "DROP TABLE "+table.name); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+o.db.qualified("asof_online_view")+" WHERE id = $1", table.id); err != nil {
			return err
		}
	}
	return nil
}

// find returns the table of a view, nil where Update never saw it. The lock
// keeps it as it is until the transaction ends.
func (o *Online) find(ctx context.Context, tx pgx.Tx, project, view, lock string) (*viewTable, error) {
	var table viewTable
	var text string
	err := tx.QueryRow(ctx, "SELECT id, revision, schema FROM "+o.db.qualified("asof_online_view")+" WHERE project = $1 AND view = $2"+lock, project, view).
		Scan(&table.id, &table.revision, &text)
	switch {
	case errors.Is(err, pgx.ErrNoRows), missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	table.path, table.name = o.tablePath(table.id), o.tableName(table.id)
	table.schema, err = value.ParseSchema(text)
	return &table, err
}

func (o *Online) tableName(id int64) string { return o.tablePath(id).Sanitize() }

func (o *Online) tablePath(id int64) pgx.Identifier {
	return pgx.Identifier{o.db.schema, fmt.Sprintf("asof_online_%d", id)}
}

func (o *Online) unknown(project, view string) error {
	return asof.Errorf(asof.CodeNotFound, "the online store in PostgreSQL at %s, schema %q, has no table for feature view %q of project %q; run `asof apply`", o.db.where, o.db.schema, view, project)
}
