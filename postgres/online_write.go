package postgres

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

const (
	// rowsPerInsert is how many rows go into one statement, as arrays, where
	// some keys are there. It is as fast as COPY into a temporary table, and
	// leaves the catalog alone.
	rowsPerInsert = 20_000
	// manyRows is from where on a write is looked at for being all new, and the
	// table is analysed after it: a plan that was made while it was small must
	// not read all of it for one key.
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
		if written, err = write(ctx, tx, table, encoded); err != nil {
			return err
		}
		return analyze(ctx, tx, table, written)
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
		changed, err := insert(ctx, tx, table, encoded, replace)
		if err != nil {
			return err
		}
		return analyze(ctx, tx, table, changed)
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

// write writes rows newest-wins and returns how many took effect.
func write(ctx context.Context, tx pgx.Tx, table *viewTable, rows []value.Row) (int64, error) {
	done, err := fresh(ctx, tx, table, rows)
	if err != nil {
		return 0, err
	}
	if done {
		return int64(len(rows)), nil
	}
	return insert(ctx, tx, table, rows, newestWins)
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
			keys, packed = append(keys, row.Key), append(packed, notNull(row.Packed))
			events, created = append(events, row.Event), append(created, row.Created)
		}
		tag, err := tx.Exec(ctx, text, keys, events, created, packed)
		if err != nil {
			return 0, err
		}
		changed += tag.RowsAffected()
	}
	return changed, nil
}

// fresh copies rows, in key order, into the table where it has no key between
// their first and their last, and reports whether it did: COPY takes less than
// half of what ON CONFLICT does. A view that is filled in key order is all of
// that kind. Another writer of such a key may have been faster; then nothing is
// copied.
func fresh(ctx context.Context, tx pgx.Tx, table *viewTable, rows []value.Row) (bool, error) {
	if len(rows) < manyRows {
		return false, nil
	}
	var there bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+table.name+" WHERE entity_key BETWEEN $1 AND $2)", rows[0].Key, rows[len(rows)-1].Key).Scan(&there)
	if err != nil || there {
		return false, err
	}
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { // a savepoint
		_, err := tx.CopyFrom(ctx, table.path, []string{"entity_key", "event_us", "created_us", "row"}, &copied{rows: rows})
		return err
	})
	var fault *pgconn.PgError
	if errors.As(err, &fault) && fault.Code == "23505" { // unique_violation
		return false, nil
	}
	return err == nil, err
}

// copied hands rows to COPY.
type copied struct {
	rows   []value.Row // those that are left
	values [4]any
}

func (c *copied) Next() bool { return len(c.rows) > 0 }
func (c *copied) Err() error { return nil }

func (c *copied) Values() ([]any, error) {
	row := c.rows[0]
	c.rows = c.rows[1:]
	c.values = [4]any{row.Key, row.Event, row.Created, notNull(row.Packed)}
	return c.values[:], nil
}

// notNull is for a row of nulls alone, which has no bytes: nil would be NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// analyze has the server look at a table in which many rows have changed.
func analyze(ctx context.Context, tx pgx.Tx, table *viewTable, changed int64) error {
	if changed < manyRows {
		return nil
	}
	_, err := tx.Exec(ctx, "ANALYZE "+table.name)
	return err
}
