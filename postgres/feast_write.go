package postgres

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Write writes the batch in one transaction, in key order. A row counts as a
// whole: where any feature of its key is newer, none of it is written.
func (o *FeastOnline) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (written int64, err error) {
	err = o.change(ctx, project, view, func(tx pgx.Tx) error {
		cells, err := value.EncodeCells(view, o.keyVersion, rows)
		if err != nil {
			return err
		}
		written, err = o.insert(ctx, tx, project, view, cells, true)
		return err
	})
	if err != nil {
		return 0, err
	}
	return written, nil
}

// Restore puts and removes rows in one transaction.
func (o *FeastOnline) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	return o.change(ctx, project, view, func(tx pgx.Tx) error {
		if remove != nil {
			keys, err := value.EncodeKeys(view, o.keyVersion, remove)
			if err != nil {
				return err
			}
			if err := o.remove(ctx, tx, project, view, keys); err != nil {
				return err
			}
		}
		if set == nil {
			return nil
		}
		cells, err := value.EncodeCells(view, o.keyVersion, set)
		if err != nil {
			return err
		}
		keys := make([][]byte, len(cells.Rows))
		for i, row := range cells.Rows {
			keys[i] = row.Key
		}
		if err := o.remove(ctx, tx, project, view, keys); err != nil {
			return err
		}
		_, err = o.insert(ctx, tx, project, view, cells, false)
		return err
	})
}

func (o *FeastOnline) remove(ctx context.Context, tx pgx.Tx, project string, view *asof.FeatureView, keys [][]byte) error {
	_, err := tx.Exec(ctx, "DELETE FROM "+o.table(project, view.Name)+" WHERE entity_key = ANY ($1::bytea[])", keys)
	return err
}

// change runs do in a transaction that an Update waits for, and that our other
// writers of the view wait for: whether a row is the newest is asked before it
// is written, for all of its features.
func (o *FeastOnline) change(ctx context.Context, project string, view *asof.FeatureView, do func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, o.db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('asof writes ' || $1, 0))", o.table(project, view.Name)); err != nil {
			return err
		}
		var applied bool // where it was Feast that made the tables, there are no types to go by
		if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", o.schemas()).Scan(&applied); err != nil {
			return err
		}
		if applied {
			schema, known, err := o.schema(ctx, tx, project, view.Name, " FOR UPDATE")
			if err == nil && known {
				_, err = value.NewEncoder(view, o.keyVersion, schema) // it knows each feature, with its type
			}
			if err != nil {
				return err
			}
		}
		return do(tx)
	})
	return o.fault("writing features of "+view.Name, project, view.Name, err)
}

const feastUpsert = ` ON CONFLICT (entity_key, feature_name) DO UPDATE SET value = excluded.value, value_text = excluded.value_text,
	vector_value = NULL, event_ts = excluded.event_ts, created_ts = excluded.created_ts`

// insert writes the rows, with newest those alone that nothing newer is there
// of, and returns of how many keys it wrote.
func (o *FeastOnline) insert(ctx context.Context, tx pgx.Tx, project string, view *asof.FeatureView, cells *value.Cells, newest bool) (int64, error) {
	table := o.table(project, view.Name)
	text := "INSERT INTO " + table + " (entity_key, feature_name, value, value_text, event_ts, created_ts)" +
		" SELECT key, name, v, text, event, created FROM unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::bytea[], $6::text[]) AS n (key, event, created, name, v, text)"
	if newest {
		text += " WHERE NOT EXISTS (SELECT FROM " + table + " AS t WHERE t.entity_key = key AND (t.event_ts > event" +
			" OR t.event_ts = event AND coalesce(t.created_ts, '-infinity') > coalesce(created, '-infinity')))"
	}
	text += feastUpsert
	features := len(view.Features)
	var changed int64
	step := max(1, rowsPerInsert/max(features, 1))
	for from := 0; from < len(cells.Rows); from += step {
		var keys, values [][]byte
		var names []string
		var texts []*string
		var events, created []*time.Time
		for i := from; i < min(from+step, len(cells.Rows)); i++ {
			event, made := instant(cells.Rows[i].Event), instant(cells.Rows[i].Created)
			for f, feature := range view.Features {
				message := cells.Value(f, i)
				var text *string
				if t, ok := value.FeastText(message); ok {
					text = new(string(t))
				}
				if message == nil {
					message = []byte{} // nil would be NULL
				}
				keys, values, names, texts = append(keys, cells.Rows[i].Key), append(values, message), append(names, feature.Name), append(texts, text)
				events, created = append(events, event), append(created, made)
			}
		}
		tag, err := tx.Exec(ctx, text, keys, events, created, names, values, texts)
		if err != nil {
			return 0, err
		}
		changed += tag.RowsAffected()
	}
	if changed >= manyRows {
		if _, err := tx.Exec(ctx, "ANALYZE "+table); err != nil {
			return 0, err
		}
	}
	return changed / int64(max(features, 1)), nil
}

func instant(us int64) *time.Time {
	if us == value.NoCreated {
		return nil
	}
	return new(time.UnixMicro(us).UTC())
}
