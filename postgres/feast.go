package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// FeastOnline is an asof.OnlineStore in Feast's own layout: a table for each
// view, named PROJECT_VIEW and cut to 63 bytes, with a row for each key and
// feature. Feast's SDK and this store read what the other writes; a newer row
// that Feast writes over has no say, as Feast does not ask.
type FeastOnline struct {
	db         *DB
	keyVersion int
}

var (
	_ asof.OnlineStore = (*FeastOnline)(nil)
	_ asof.KeyLister   = (*FeastOnline)(nil)
	_ asof.FeastLayout = (*FeastOnline)(nil)
)

// FeastOnline returns the online store in Feast's layout, with entity keys of
// the repository's version (2 or 3). Closing it leaves the database open.
func (db *DB) FeastOnline(keyVersion int) (*FeastOnline, error) {
	if keyVersion != 2 && keyVersion != 3 {
		return nil, asof.Errorf(asof.CodeInvalid, "entity_key_serialization_version %d is not supported: set 3 (or 2, for a store written with 2)", keyVersion)
	}
	return &FeastOnline{db, keyVersion}, nil
}

// FeastKeyVersion is the version of the entity keys.
func (o *FeastOnline) FeastKeyVersion() int { return o.keyVersion }

// Close does nothing: the pool is the database's.
func (o *FeastOnline) Close() error { return nil }

const feastLayout = `CREATE TABLE %s (
	entity_key   bytea,
	feature_name text,
	value        bytea,
	value_text   text,
	vector_value bytea,
	event_ts     timestamptz,
	created_ts   timestamptz,
	PRIMARY KEY (entity_key, feature_name)
)`

// feastSchemas remembers the types that features had when Update last saw them,
// which Feast's tables do not tell.
const feastSchemas = `CREATE TABLE %s (
	project text NOT NULL,
	view    text NOT NULL,
	schema  text NOT NULL,
	PRIMARY KEY (project, view)
)`

func (o *FeastOnline) schemas() string { return o.db.qualified("asof_feast_view") }

func (o *FeastOnline) table(project, view string) string {
	return o.db.qualified(feastName(project, view))
}

// feastName is a table's name as PostgreSQL keeps it.
func feastName(project, view string) string {
	name := project + "_" + view
	return strings.ToValidUTF8(name[:min(len(name), 63)], "") // no half of a letter
}

// Update makes Feast's tables for the views of keep and drops those of drop.
func (o *FeastOnline) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	tables := map[string]string{}
	for _, v := range keep {
		name := feastName(project, v.Name)
		if other, twice := tables[name]; twice {
			return asof.Errorf(asof.CodeInvalid, "feature views %q and %q of project %q would have one table in Feast's layout, as PostgreSQL keeps 63 bytes of a name; rename one, or set `asof.layout: asof`", other, v.Name, project)
		}
		tables[name] = v.Name
	}
	return o.db.layOut(ctx, "making the online tables", func(tx pgx.Tx) error {
		if err := makeTable(ctx, tx, o.schemas(), feastSchemas); err != nil {
			return err
		}
		for _, v := range keep {
			if err := o.keep(ctx, tx, project, v); err != nil {
				return err
			}
		}
		for _, view := range drop {
			if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+o.table(project, view)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "DELETE FROM "+o.schemas()+" WHERE project = $1 AND view = $2", project, view); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep makes a view's table. It removes what features held that are gone, makes
// null what those held that have another type, and removes all where the view
// has other join keys.
func (o *FeastOnline) keep(ctx context.Context, tx pgx.Tx, project string, v *asof.FeatureView) error {
	table := o.table(project, v.Name)
	if err := makeTable(ctx, tx, table, feastLayout); err != nil {
		return err
	}
	schema, _, err := o.schema(ctx, tx, project, v.Name, " FOR UPDATE")
	if err != nil {
		return err
	}
	worthless := schema.EvolveFeast(v)
	if !worthless.Changed {
		return nil
	}
	if worthless.All {
		if _, err := tx.Exec(ctx, "TRUNCATE "+table); err != nil {
			return err
		}
	}
	for change, features := range map[string][]string{"DELETE FROM " + table: worthless.Gone,
		"UPDATE " + table + " SET value = '', value_text = NULL, vector_value = NULL": worthless.Retyped} {
		if len(features) == 0 {
			continue // it would read the whole table
		}
		if _, err := tx.Exec(ctx, change+" WHERE feature_name = ANY ($1)", features); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "INSERT INTO "+o.schemas()+" (project, view, schema) VALUES ($1, $2, $3) ON CONFLICT (project, view) DO UPDATE SET schema = excluded.schema",
		project, v.Name, schema.Marshal())
	return err
}

// schema returns the types of a view's features as Update last saw them, and
// whether it ever did. The lock keeps them until the transaction ends.
func (o *FeastOnline) schema(ctx context.Context, tx pgx.Tx, project, view, lock string) (*value.Schema, bool, error) {
	var text string
	err := tx.QueryRow(ctx, "SELECT schema FROM "+o.schemas()+" WHERE project = $1 AND view = $2"+lock, project, view).Scan(&text)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, false, err
	}
	schema, parsed := value.ParseSchema(text)
	return schema, err == nil, parsed
}

// Teardown drops the tables of the views. Views that have none are no error.
func (o *FeastOnline) Teardown(ctx context.Context, project string, views []string) error {
	return o.Update(ctx, project, nil, views)
}

// fault gives a table that is not there its sentence.
func (o *FeastOnline) fault(doing, project, view string, err error) error {
	if !missing(err) {
		return o.db.fault(doing, err)
	}
	return asof.Errorf(asof.CodeNotFound, "the online store in PostgreSQL at %s, schema %q, has no table %q for feature view %q; run `asof apply`", o.db.where, o.db.schema, feastName(project, view), view)
}
