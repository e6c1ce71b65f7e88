package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
	"github.com/asof-dev/asof/value"
)

// FeastOnline is an asof.OnlineStore in Feast's own layout: a table for each
// view, named PROJECT_VIEW, with a row for each key and feature. Feast's SDK and
// this store read what the other writes.
//
// The layout has limits of its own: event and created times are whole seconds;
// two names of project and view that come to the same table cannot both be
// there; a newer row that Feast writes over has no say, as Feast does not ask.
type FeastOnline struct {
	file
	keyVersion int
}

var (
	_ asof.OnlineStore = (*FeastOnline)(nil)
	_ asof.KeyLister   = (*FeastOnline)(nil)
	_ asof.FeastLayout = (*FeastOnline)(nil)
)

// OpenFeastOnline returns the store in the file of that path, with entity keys
// of the repository's version (2 or 3).
func OpenFeastOnline(path string, keyVersion int) (*FeastOnline, error) {
	if keyVersion != 2 && keyVersion != 3 {
		return nil, asof.Errorf(asof.CodeInvalid, "entity_key_serialization_version %d is not supported: set 3 (or 2, for a store written with 2)", keyVersion)
	}
	return &FeastOnline{newFile(path, "online store"), keyVersion}, nil
}

// FeastKeyVersion is the version of the entity keys.
func (o *FeastOnline) FeastKeyVersion() int { return o.keyVersion }

// EventUnit is the second: Feast keeps no parts of one.
func (o *FeastOnline) EventUnit() time.Duration { return time.Second }

const feastLayout = ` (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, vector_value BLOB, event_ts timestamp, created_ts timestamp,
	PRIMARY KEY (entity_key, feature_name))`

// feastSchemas remembers the types that features had when Update last saw them,
// which Feast's tables do not tell.
const feastSchemas = `CREATE TABLE IF NOT EXISTS asof_feast_view (
	project TEXT NOT NULL,
	view    TEXT NOT NULL,
	schema  TEXT NOT NULL,
	PRIMARY KEY (project, view)
)`

func feastTable(project, view string) string { return sqltext.Name(project + "_" + view) }

// Update makes Feast's tables for the views of keep and drops those of drop.
func (o *FeastOnline) Update(ctx context.Context, project string, keep []*asof.FeatureView, drop []string) error {
	tables := map[string]string{} // SQLite's names do not tell letter cases apart
	for _, v := range keep {
		name := strings.ToLower(v.Name)
		if other, twice := tables[name]; twice {
			return asof.Errorf(asof.CodeInvalid, "feature views %q and %q of project %q would have one table in Feast's layout; rename one, or set `asof.layout: asof`", other, v.Name, project)
		}
		tables[name] = v.Name
	}
	return o.change(ctx, "making its tables", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, feastSchemas); err != nil {
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

func (o *FeastOnline) keep(ctx context.Context, tx *sql.Tx, project string, v *asof.FeatureView) error {
	table := feastTable(project, v.Name)
	for _, statement := range []string{"CREATE TABLE IF NOT EXISTS " + table + feastLayout,
		"CREATE INDEX IF NOT EXISTS " + sqltext.Name(project+"_"+v.Name+"_ek") + " ON " + table + " (entity_key)"} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	var texts int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info(?) WHERE name = 'value_text'", project+"_"+v.Name).Scan(&texts)
	if err == nil && texts == 0 { // a table of an older Feast
		_, err = tx.ExecContext(ctx, "ALTER TABLE "+table+" ADD COLUMN value_text TEXT")
	}
	if err != nil {
		return err
	}
	return o.evolve(ctx, tx, project, v)
}

// evolve removes what features held that are gone, makes null what those held
// that have another type, and removes all where the view has other join keys.
func (o *FeastOnline) evolve(ctx context.Context, tx *sql.Tx, project string, v *asof.FeatureView) error {
	var text string
	err := tx.QueryRowContext(ctx, "SELECT schema FROM asof_feast_view WHERE project = ? AND view = ?", project, v.Name).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	schema, err := value.ParseSchema(text)
	if err != nil {
		return err
	}
	worthless := schema.EvolveFeast(v)
	if !worthless.Changed {
		return nil
	}
	table := feastTable(project, v.Name)
	if worthless.All {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	for _, feature := range worthless.Gone {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE feature_name = ?", feature); err != nil {
			return err
		}
	}
	for _, feature := range worthless.Retyped {
		if _, err := tx.ExecContext(ctx, "UPDATE "+table+" SET value = x'', value_text = NULL, vector_value = NULL WHERE feature_name = ?", feature); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO asof_feast_view (project, view, schema) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET schema = excluded.schema",
		project, v.Name, schema.Marshal())
	return err
}

func (o *FeastOnline) drop(ctx context.Context, tx *sql.Tx, project string, views []string) error {
	for _, view := range views {
		if _, err := tx.ExecContext(ctx, "DROP TABLE IF EXISTS "+feastTable(project, view)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM asof_feast_view WHERE project = ? AND view = ?", project, view); err != nil {
			return err
		}
	}
	return nil
}

// Teardown drops the tables of the views. Views that have none are no error.
func (o *FeastOnline) Teardown(ctx context.Context, project string, views []string) error {
	if db, err := o.reader(); err != nil || db == nil {
		return err
	}
	return o.Update(ctx, project, nil, views)
}

// unknown gives a missing table its sentence.
func (o *FeastOnline) unknown(project, view string, err error) error {
	if err != nil && !strings.Contains(err.Error(), "no such table: "+project+"_"+view) {
		return err
	}
	return asof.Errorf(asof.CodeNotFound, "the online store %s has no table %q for feature view %q; run `asof apply`", o.path, project+"_"+view, view)
}
