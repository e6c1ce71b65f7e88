package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
	"github.com/asof-dev/asof/value"
)

// feastKeys are how many keys one statement asks for at most.
const feastKeys = 500

// Read answers from one read transaction: all readings are of one moment.
func (o *FeastOnline) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
	}
	if len(readings) == 0 {
		return nil
	}
	db, err := o.reader()
	if err != nil {
		return err
	}
	if db == nil {
		return o.unknown(project, readings[0].View.Name, nil)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return o.fault("reading", err)
	}
	defer tx.Rollback()
	for _, r := range readings {
		for from := 0; ; from += feastKeys {
			if err := o.read(ctx, tx, project, r, from, min(from+feastKeys, len(r.Keys))); err != nil {
				return o.fault("reading "+r.View.Name, o.unknown(project, r.View.Name, err))
			}
			if from+feastKeys >= len(r.Keys) {
				break
			}
		}
	}
	return nil
}

// read reads the keys from one place to another. A value of another type than
// the feature has is none. The cast keeps the driver from reading a time.
func (o *FeastOnline) read(ctx context.Context, tx *sql.Tx, project string, r *asof.Reading, from, to int) error {
	var text strings.Builder
	text.WriteString("WITH k (i, key) AS (VALUES (-1, NULL)")
	args := make([]any, 0, 2*(to-from))
	for i, key := range r.Keys[from:to] {
		text.WriteString(",(?,?)")
		args = append(args, from+i, key)
	}
	text.WriteString(") SELECT i, feature_name, value, CAST(event_ts AS INTEGER) FROM k CROSS JOIN " + feastTable(project, r.View.Name) + " ON entity_key = key")
	rows, err := tx.QueryContext(ctx, text.String(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var event int64
		var name, message sql.RawBytes
		if err := rows.Scan(&i, &name, &message, &event); err != nil {
			return err
		}
		if event *= 1e6; !r.Found[i] || event > r.Events[i] {
			r.Found[i], r.Events[i] = true, event
		}
		if c := slices.Index(r.Features, string(name)); c >= 0 && value.Holds(r.View.Feature(r.Features[c]).Type, message) {
			r.Set(c, i, message)
		}
	}
	return rows.Err()
}

// Keys lists the keys of a view.
func (o *FeastOnline) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	return pages(o.file.fault, view, func(after []byte) ([][]byte, error) {
		db, err := o.reader()
		if err != nil {
			return nil, err
		}
		if db == nil {
			return nil, o.unknown(project, view.Name, nil)
		}
		keys, err := keyPage(ctx, db, feastTable(project, view.Name), after)
		if err != nil {
			return nil, o.unknown(project, view.Name, err)
		}
		return keys, nil
	}, each)
}

// FeastTables returns the names of the tables that hold rows of the project in
// Feast's layout.
func (o *FeastOnline) FeastTables(ctx context.Context, project string) ([]string, error) {
	const doing = "looking for Feast's online tables"
	db, err := o.reader()
	if err != nil || db == nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1
		AND (SELECT count(*) FROM pragma_table_info(sqlite_schema.name) AS c WHERE c.name IN ('entity_key', 'feature_name', 'value', 'event_ts', 'created_ts')) = 5
		ORDER BY name`, project+"_")
	if err != nil {
		return nil, o.fault(doing, err)
	}
	defer rows.Close()
	var all, filled []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, o.fault(doing, err)
		}
		all = append(all, name)
	}
	for _, name := range all {
		var some bool
		if err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+sqltext.Name(name)+")").Scan(&some); err != nil {
			return nil, o.fault(doing, err)
		}
		if some {
			filled = append(filled, name)
		}
	}
	return filled, o.fault(doing, rows.Err())
}
