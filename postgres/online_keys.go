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
	return pages(func(after []byte) (keys [][]byte, err error) {
		err = pgx.BeginTxFunc(ctx, o.db.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			table, err := o.find(ctx, tx, project, view.Name, "")
			if err != nil {
				return err
			}
			if table == nil {
				return o.unknown(project, view.Name)
			}
			rows, _ := tx.Query(ctx, keyPage("entity_key", table.name), after, keysPerPage)
			keys, err = pgx.CollectRows(rows, pgx.RowTo[[]byte])
			return err
		})
		return keys, o.db.fault("listing the keys of "+view.Name, err)
	}, each)
}

// Holds reports whether any view of the project has rows.
func (o *Online) Holds(ctx context.Context, project string) (bool, error) {
	const doing = "looking for rows"
	rows, _ := o.db.pool.Query(ctx, "SELECT id FROM "+o.db.qualified("asof_online_view")+" WHERE project = $1", project)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if missing(err) {
		return false, nil
	}
	for _, id := range ids {
		var some bool
		err := o.db.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+o.tableName(id)+")").Scan(&some)
		if err != nil && !missing(err) || some {
			return some, o.db.fault(doing, err)
		}
	}
	return false, o.db.fault(doing, err)
}

// pages hands keys on, a page after the other. The first follows no bytes.
func pages(page func(after []byte) ([][]byte, error), each func(keys [][]byte) error) error {
	last := []byte{}
	for {
		keys, err := page(last)
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := each(keys); err != nil {
			return err
		}
		last = keys[len(keys)-1]
	}
}

func keyPage(what, table string) string {
	return "SELECT " + what + " FROM " + table + " WHERE entity_key > $1 ORDER BY entity_key LIMIT $2"
}
