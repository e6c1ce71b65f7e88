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
	doing := "listing the keys of " + view.Name
	var last []byte
	for {
		keys, err := o.page(ctx, project, view.Name, last)
		if err != nil {
			return o.fault(doing, err)
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

// page returns the keys that follow after; nil is before all.
func (o *Online) page(ctx context.Context, project, view string, after []byte) ([][]byte, error) {
	db, err := o.reader()
	if err != nil {
		return nil, err
	}
	if db == nil {
		return nil, o.unknown(project, view)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	table, err := o.table(ctx, tx, project, view)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT entity_key FROM "+table.name()+" WHERE entity_key > ? ORDER BY entity_key LIMIT ?", notNull(after), keysPerPage)
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
