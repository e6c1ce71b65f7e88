package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// Write writes the batch in one transaction, in key order. A row counts as a
// whole: where any feature of its key is newer, none of it is written.
func (o *FeastOnline) Write(ctx context.Context, project string, view *asof.FeatureView, rows arrow.RecordBatch) (written int64, err error) {
	err = o.change(ctx, "writing "+view.Name, func(tx *sql.Tx) error {
		w, err := o.rowWriter(ctx, tx, project, view)
		if err != nil {
			return err
		}
		defer w.close()
		written, err = w.write(ctx, rows, true)
		return err
	})
	if err != nil {
		return 0, err
	}
	return written, nil
}

// Restore puts and removes rows in one transaction.
func (o *FeastOnline) Restore(ctx context.Context, project string, view *asof.FeatureView, set, remove arrow.RecordBatch) error {
	return o.change(ctx, "restoring "+view.Name, func(tx *sql.Tx) error {
		w, err := o.rowWriter(ctx, tx, project, view)
		if err != nil {
			return err
		}
		defer w.close()
		if remove != nil {
			keys, err := value.EncodeKeys(view, o.keyVersion, remove)
			if err != nil {
				return err
			}
			for _, key := range keys {
				if _, err := w.remove.ExecContext(ctx, key); err != nil {
					return err
				}
			}
		}
		if set == nil {
			return nil
		}
		_, err = w.write(ctx, set, false)
		return err
	})
}

// feastWriter writes rows of one view in one transaction.
type feastWriter struct {
	view                  *asof.FeatureView
	keyVersion            int
	newer, remove, insert *sql.Stmt
}

func (w *feastWriter) close() {
	for _, s := range []*sql.Stmt{w.newer, w.remove, w.insert} {
		if s != nil {
			s.Close()
		}
	}
}

func (o *FeastOnline) rowWriter(ctx context.Context, tx *sql.Tx, project string, view *asof.FeatureView) (*feastWriter, error) {
	var text string
	err := tx.QueryRowContext(ctx, "SELECT schema FROM asof_feast_view WHERE project = ? AND view = ?", project, view.Name).Scan(&text)
	switch {
	case errors.Is(err, sql.ErrNoRows), err != nil && strings.Contains(err.Error(), "no such table: asof_feast_view"):
		// It was Feast that made the tables: there are no types to go by.
	case err != nil:
		return nil, err
	default:
		schema, err := value.ParseSchema(text)
		if err != nil {
			return nil, err
		}
		if _, err := value.NewEncoder(view, o.keyVersion, schema); err != nil { // it knows each feature, with its type
			return nil, err
		}
	}
	table := feastTable(project, view.Name)
	w := &feastWriter{view: view, keyVersion: o.keyVersion}
	values := strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?),", len(view.Features)), ",")
	for into, text := range map[**sql.Stmt]string{
		&w.newer:  "SELECT EXISTS (SELECT 1 FROM " + table + " WHERE entity_key = ?1 AND (event_ts > ?2 OR event_ts = ?2 AND coalesce(created_ts, ?4) > ?3))",
		&w.remove: "DELETE FROM " + table + " WHERE entity_key = ?",
		&w.insert: "INSERT INTO " + table + " (entity_key, feature_name, value, value_text, event_ts, created_ts) VALUES " + values +
			" ON CONFLICT (entity_key, feature_name) DO UPDATE SET value = excluded.value, value_text = excluded.value_text, vector_value = NULL," +
			" event_ts = excluded.event_ts, created_ts = excluded.created_ts",
	} {
		if *into, err = tx.PrepareContext(ctx, text); err != nil {
			w.close()
			return nil, o.unknown(project, view.Name, err)
		}
	}
	return w, nil
}

// write writes the rows, with newest those alone that nothing newer is there
// of, and returns of how many keys it wrote.
func (w *feastWriter) write(ctx context.Context, rows arrow.RecordBatch, newest bool) (written int64, err error) {
	cells, err := value.EncodeCells(w.view, w.keyVersion, rows)
	if err != nil {
		return 0, err
	}
	args := make([]any, 0, 6*len(w.view.Features))
	for i, row := range cells.Rows {
		event, created := seconds(row.Event), seconds(row.Created)
		if newest {
			var newer bool
			if err := w.newer.QueryRowContext(ctx, row.Key, event, created, seconds(value.NoCreated)).Scan(&newer); err != nil {
				return 0, err
			}
			if newer {
				continue
			}
		} else if _, err := w.remove.ExecContext(ctx, row.Key); err != nil {
			return 0, err
		}
		args = args[:0]
		for f, feature := range w.view.Features {
			message := cells.Value(f, i)
			text, ok := value.FeastText(message)
			args = append(args, row.Key, feature.Name, notNull(message), sql.NullString{String: string(text), Valid: ok}, event,
				sql.NullInt64{Int64: created, Valid: row.Created != value.NoCreated})
		}
		if _, err := w.insert.ExecContext(ctx, args...); err != nil {
			return 0, err
		}
		written++
	}
	return written, nil
}

// seconds rounds microseconds down to the seconds that Feast keeps.
func seconds(us int64) int64 {
	if us == value.NoCreated {
		return math.MinInt64
	}
	return time.UnixMicro(us).Unix()
}
