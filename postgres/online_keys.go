package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
)

var _ asof.KeyLister = (*Online)(nil)

// keysPerPage is how many keys one statement lists: no transaction stays open
// for as long as a big view takes.
const keysPerPage = 10_000

// KeyVersion is the version of the entity keys.
func (o *Online) KeyVersion() int { return o.keyVersion }

// Keys lists the keys of a view.
func (o *Online) Keys(ctx context.Context, project string, view *asof.FeatureView, each func(keys [][]byte) error) error {
	var last []byte
	for {
		keys, err := o.page(ctx, project, view.Name, last)
		if err != nil {
			return o.db.fault("listing the keys of "+view.Name, err)
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
func (o *Online) page(ctx context.Context, project, view string, after []byte) (keys [][]byte, err error) {
	err = pgx.BeginTxFunc(ctx, o.db.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		table, err := o.find(ctx, tx, project, view, "")
		if err != nil {
			return err
		}
		if table == nil {
			return o.unknown(project, view)
		}
		if after == nil {
			after = []byte{}
		}
		rows, _ := tx.Query(ctx, "SELECT entity_key FROM "+table.name+" WHERE entity_key > $1 ORDER BY entity_key LIMIT $2", after, keysPerPage)
		keys, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
		return err
	})
	return keys, err
}
