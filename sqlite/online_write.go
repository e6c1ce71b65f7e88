package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// rowsPerInsert is how many rows one statement inserts. More do not help.
const rowsPerInsert = 64

const newestWins = ` ON CONFLICT (entity_key) DO UPDATE
	SET event_us = excluded.event_us, created_us = excluded.created_us, row = excluded.row
	WHERE excluded.event_us > event_us OR excluded.event_us = event_us AND excluded.created_us >= created_us`

const replace = ` ON CONFLICT (entity_key) DO UPDATE
	SET event_us = excluded.event_us, created_us = excluded.created_us, row = excluded.row`

// Write writes the batch in one transaction, in key order.
func (o *Online) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (written int64, err error) {
	err = o.change(ctx, "writing "+view.Name, func(tx *sql.Tx) error {
		encoder, table, err := o.encoder(ctx, tx, project, view)
		if err != nil {
			return err
		}
		encoded, err := encoder.Encode(rows)
		if err != nil {
			return err
		}
		written, err = insert(ctx, tx, table, encoded, newestWins)
		return err
	})
	if err != nil {
		return 0, err
	}
	return written, nil
}

// Restore puts and removes rows in one transaction.
func (o *Online) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	return o.change(ctx, "restoring "+view.Name, func(tx *sql.Tx) error {
		encoder, table, err := o.encoder(ctx, tx, project, view)
		if err != nil {
			return err
		}
		if remove != nil {
			keys, err := encoder.EncodeKeys(remove)
			if err != nil {
				return err
			}
			if err := deleteKeys(ctx, tx, table, keys); err != nil {
				return err
			}
		}
		if set == nil {
			return nil
		}
		encoded, err := encoder.Encode(set)
		if err != nil {
			return err
		}
		_, err = insert(ctx, tx, table, encoded, replace)
		return err
	})
}

func (o *Online) encoder(ctx context.Context, tx *sql.Tx, project string, view *asof.FeatureView) (*value.Encoder, *viewTable, error) {
	table, err := o.table(ctx, tx, project, view.Name)
	if err != nil {
		return nil, nil, err
	}
	encoder, err := value.NewEncoder(view, o.keyVersion, table.schema)
	return encoder, table, err
}

// insert inserts rows many at a time and returns how many took effect.
func insert(ctx context.Context, tx *sql.Tx, table *viewTable, rows []value.Row, onConflict string) (int64, error) {
	var changed int64
	args := make([]any, 0, 4*rowsPerInsert)
	for _, size := range []int{rowsPerInsert, 1} {
		if len(rows) < size {
			continue
		}
		stmt, err := tx.PrepareContext(ctx, "INSERT INTO "+table.name()+" (entity_key, event_us, created_us, row) VALUES "+
			strings.TrimSuffix(strings.Repeat("(?,?,?,?),", size), ",")+onConflict)
		if err != nil {
			return 0, err
		}
		defer stmt.Close()
		for ; len(rows) >= size; rows = rows[size:] {
			args = args[:0]
			for _, row := range rows[:size] {
				args = append(args, row.Key, row.Event, row.Created, notNull(row.Packed))
			}
			result, err := stmt.ExecContext(ctx, args...)
			if err != nil {
				return 0, err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return 0, err
			}
			changed += n
		}
	}
	return changed, nil
}

// notNull is for a row of nulls alone, which has no bytes: the driver would
// store a NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func deleteKeys(ctx context.Context, tx *sql.Tx, table *viewTable, keys [][]byte) error {
	stmt, err := tx.PrepareContext(ctx, "DELETE FROM "+table.name()+" WHERE entity_key = ?")
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, key := range keys {
		if _, err := stmt.ExecContext(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
