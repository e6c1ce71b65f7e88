package sqlite

import (
	"context"
	"database/sql"

	"github.com/asof-dev/asof"
)

var _ asof.KeyLister = (*Online)(nil)

// keysPerPage is how many keys are read at a time: a reader that stays long
// would keep the write-ahead log from being cut.
const keysPerPage = 10_000

// KeyVersion is the version of the entity keys.
func (o *Online) KeyVersion() int { return o.keyVersion }

// Keys lists the keys of a view.
func (o *Online) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	return pages(o.file.fault, view, func(after []byte) (keys [][]byte, err error) {
		err = o.look(ctx, project, func(tx *sql.Tx) error {
			table, err := o.table(ctx, tx, project, view.Name)
			if err == nil {
				keys, err = keyPage(ctx, tx, table.name(), after)
			}
			return err
		}, view.Name)
		return keys, err
	}, each)
}

// look runs do in a transaction that reads.
func (o *Online) look(ctx context.Context, project string, do func(*sql.Tx) error, view string) error {
	db, err := o.reader()
	if err != nil {
		return err
	}
	if db == nil {
		return o.unknown(project, view)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return do(tx)
}

// Holds reports whether any view of the project has rows.
func (o *Online) Holds(ctx context.Context, project string) (bool, error) {
	const doing = "looking for rows"
	db, err := o.reader()
	if err != nil || db == nil {
		return false, o.fault(doing, err)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return false, o.fault(doing, err)
	}
	defer tx.Rollback()
	var ids []int64
	var none int
	if err := tx.QueryRowContext(ctx, "SELECT 1 FROM sqlite_schema WHERE name = 'asof_online_view'").Scan(&none); err == sql.ErrNoRows {
		return false, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT id FROM asof_online_view WHERE project = ?", project)
	if err != nil {
		return false, o.fault(doing, err)
	}
	for rows.Next() {
		var id int64
		if err = rows.Scan(&id); err != nil {
			break
		}
		ids = append(ids, id)
	}
	rows.Close()
	for _, id := range ids {
		var some bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+viewTable{id: id}.name()+")").Scan(&some); err != nil || some {
			return some, o.fault(doing, err)
		}
	}
	return false, o.fault(doing, err)
}

// pages hands keys on, a page after the other.
func pages(fault func(string, error) error, view *asof.FeatureView, page func(after []byte) ([][]byte, error), each func(keys [][]byte) error) error {
	var last []byte
	for {
		keys, err := page(last)
		if err != nil {
			return fault("listing the keys of "+view.Name, err)
		}
		if len(keys) == 0 {
			return nil
		}
		if err := each(keys); err != nil {
			return err
		}
		last = keys[len(keys)-1]
	}
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// keyPage returns the keys that follow after; nil is before all.
func keyPage(ctx context.Context, db querier, table string, after []byte) ([][]byte, error) {
	rows, err := db.QueryContext(ctx, "SELECT DISTINCT entity_key FROM "+table+" WHERE entity_key > ? ORDER BY entity_key LIMIT ?", notNull(after), keysPerPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys [][]byte
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
