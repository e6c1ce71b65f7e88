package postgres

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

const (
	// rowsPerInsert is how many rows go into one statement, as arrays. It is
	// as fast as COPY into a temporary table, and leaves the catalog alone.
	rowsPerInsert = 20_000
	// manyRows is from where on a table is analysed after a write: a plan that
	// was made while it was small must not read all of it for one key.
	manyRows = 5_000
)

const newestWins = ` ON CONFLICT (entity_key) DO UPDATE
	SET event_us = excluded.event_us, created_us = excluded.created_us, row = excluded.row
	WHERE excluded.event_us > t.event_us OR excluded.event_us = t.event_us AND excluded.created_us >= t.created_us`

const replace = ` ON CONFLICT (entity_key) DO UPDATE
	SET event_us = excluded.event_us, created_us = excluded.created_us, row = excluded.row`

// Write writes the batch in one transaction, in key order, so that two writers
// of the same keys wait for one another and never both.
func (o *Online) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (written int64, err error) {
	err = o.change(ctx, project, view, func(tx pgx.Tx, table *viewTable, encoder *value.Encoder) error {
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
	return o.change(ctx, project, view, func(tx pgx.Tx, table *viewTable, encoder *value.Encoder) error {
		if remove != nil {
			keys, err := encoder.EncodeKeys(remove)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "DELETE FROM "+table.name+" WHERE entity_key = ANY ($1::bytea[])", keys); err != nil {
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

// change runs do in a transaction that has found the view's table, and which an
// Update waits for.
func (o *Online) change(ctx context.Context, project string, view *asof.FeatureView, do func(pgx.Tx, *viewTable, *value.Encoder) error) error {
	err := pgx.BeginFunc(ctx, o.db.pool, func(tx pgx.Tx) error {
		table, err := o.find(ctx, tx, project, view.Name, " FOR SHARE")
		if err != nil {
			return err
		}
		if table == nil {
			return o.unknown(project, view.Name)
		}
		encoder, err := value.NewEncoder(view, o.keyVersion, table.schema)
		if err != nil {
			return err
		}
		return do(tx, table, encoder)
	})
	return o.db.fault("writing features of "+view.Name, err)
}

// insert inserts rows many at a time and returns how many took effect.
func insert(ctx context.Context, tx pgx.Tx, table *viewTable, rows []value.Row, onConflict string) (int64, error) {
	text := "INSERT INTO " + table.name + " AS t (entity_key, event_us, created_us, row)" +
		" SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[])" + onConflict
	size := min(len(rows), rowsPerInsert)
	keys, packed := make([][]byte, 0, size), make([][]byte, 0, size)
	events, created := make([]int64, 0, size), make([]int64, 0, size)
	var changed int64
	for from := 0; from < len(rows); from += rowsPerInsert {
		keys, packed, events, created = keys[:0], packed[:0], events[:0], created[:0]
		for _, row := range rows[from:min(from+rowsPerInsert, len(rows))] {
			if row.Packed == nil {
				row.Packed = []byte{} // nil would be NULL
			}
			keys, packed = append(keys, row.Key), append(packed, row.Packed)
			events, created = append(events, row.Event), append(created, row.Created)
		}
		tag, err := tx.Exec(ctx, text, keys, events, created, packed)
		if err != nil {
			return 0, err
		}
		changed += tag.RowsAffected()
	}
	if changed < manyRows {
		return changed, nil
	}
	_, err := tx.Exec(ctx, "ANALYZE "+table.name)
	return changed, err
}
