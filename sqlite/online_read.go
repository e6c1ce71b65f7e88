package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/value"
)

// readSizes are how many keys one statement asks for: few sizes, so that few
// statements have to be made for any number of keys.
var readSizes = [...]int{256, 32, 4, 1}

var readTexts = func() (texts [len(readSizes)]string) {
	for i, size := range readSizes {
		var b strings.Builder
		b.WriteString("WITH k (i, key) AS (VALUES ")
		for n := range size {
			if n > 0 {
				b.WriteByte(',')
			}
			b.WriteString("(" + strconv.Itoa(n) + ",?)")
		}
		// CROSS JOIN is SQLite's way to say: look the keys up, one by one.
		b.WriteString(") SELECT i, event_us, row FROM k CROSS JOIN ")
		texts[i] = b.String()
	}
	return texts
}()

// Read answers from one read transaction: all readings are of one moment.
func (o *Online) Read(ctx context.Context, project string, readings []*asof.Reading) error {
	for _, r := range readings {
		r.Reset()
	}
	db, err := o.reader()
	if err != nil {
		return err
	}
	if db == nil {
		if len(readings) == 0 {
			return nil
		}
		return o.unknown(project, readings[0].View.Name)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return o.fault("reading", err)
	}
	defer tx.Rollback()
	for _, r := range readings {
		if err := o.read(ctx, tx, project, r); err != nil {
			return o.fault("reading "+r.View.Name, err)
		}
	}
	return nil
}

func (o *Online) read(ctx context.Context, tx *sql.Tx, project string, r *asof.Reading) error {
	table, err := o.table(ctx, tx, project, r.View.Name)
	if err != nil {
		return err
	}
	numbers := table.schema.Numbers(r.Features)
	from := " " + table.name() + " ON entity_key = key"
	args := make([]any, 0, min(len(r.Keys), readSizes[0]))
	for at, s := 0, 0; at < len(r.Keys); {
		size := readSizes[s]
		if len(r.Keys)-at < size {
			s++
			continue
		}
		args = args[:0]
		for _, key := range r.Keys[at : at+size] {
			args = append(args, key)
		}
		if err := readKeys(ctx, tx, readTexts[s]+from, args, r, numbers, at); err != nil {
			return err
		}
		at += size
	}
	return nil
}

// readKeys runs one statement; the rows it gives are numbered from first.
func readKeys(ctx context.Context, tx *sql.Tx, text string, keys []any, r *asof.Reading, numbers []int32, first int) error {
	rows, err := tx.QueryContext(ctx, text, keys...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var event int64
		var packed sql.RawBytes
		if err := rows.Scan(&i, &event, &packed); err != nil {
			return err
		}
		if err := value.Unpack(r, numbers, first+i, event, packed); err != nil {
			return err
		}
	}
	return rows.Err()
}
