package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
)

// merge writes the rows of one relation into a table by its key, and what they
// replace into the history. With asOf it is the rows of that day alone that
// count.
type merge struct {
	*publishing
	table      asof.Table
	rows, live string
	asOf       string // "" for a live table
}

// write changes the rows that differ and adds the new ones, and counts.
// Readers go on; other writers wait for the end of the transaction.
func (m merge) write(ctx context.Context, change *asof.TableChange) error {
	if err := m.exec(ctx, "LOCK TABLE "+m.live+" IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return err
	}
	if err := m.row(ctx, "SELECT count(*) FROM "+m.rows).Scan(&change.Rows); err != nil {
		return err
	}
	var err error
	if change.Changed, err = m.update(ctx); err != nil {
		return err
	}
	change.Added, err = m.insert(ctx)
	change.Equal = change.Rows - change.Added - change.Changed
	return err
}

// update writes the rows that are there already and differ.
func (m merge) update(ctx context.Context) (int64, error) {
	var set, old, fresh, kept []string
	for _, c := range names(m.table.Columns) {
		kept = append(kept, "l."+quoteName(c))
		if !slices.Contains(m.table.Key, c) {
			set = append(set, quoteName(c)+" = n."+quoteName(c))
			old, fresh = append(old, "l."+quoteName(c)), append(fresh, "n."+quoteName(c))
		}
	}
	if len(set) == 0 {
		return 0, nil
	}
	differ := fmt.Sprintf("%s AND (%s) IS DISTINCT FROM (%s)", m.match(), strings.Join(old, ", "), strings.Join(fresh, ", "))
	if m.asOf != "" {
		kept = append(kept, "l."+asof.AsOfColumn)
	}
	n, err := m.changed(ctx, fmt.Sprintf("INSERT INTO %s SELECT $1, $2, 'changed', (SELECT to_jsonb(p) FROM (SELECT %s) p) FROM %s l JOIN %s n ON %s",
		m.history(), strings.Join(kept, ", "), m.live, m.rows, differ), m.id, m.table.Name)
	if err != nil || n == 0 {
		return n, err
	}
	return m.changed(ctx, fmt.Sprintf("UPDATE %s l SET %s FROM %s n WHERE %s", m.live, strings.Join(set, ", "), m.rows, differ))
}

// insert writes the rows whose key is not there.
func (m merge) insert(ctx context.Context) (int64, error) {
	columns := strings.Join(quoteNames(names(m.table.Columns)), ", ")
	values := "n." + strings.Join(quoteNames(names(m.table.Columns)), ", n.")
	if m.asOf != "" {
		columns += ", " + asof.AsOfColumn
		values += ", '" + m.asOf + "'::date"
	}
	return m.changed(ctx, fmt.Sprintf(`WITH added AS (INSERT INTO %s (%s) SELECT %s FROM %s n WHERE NOT EXISTS (SELECT FROM %s l WHERE %s) RETURNING *)
 INSERT INTO %s SELECT $1, $2, 'added', %s FROM added l`, m.live, columns, values, m.rows, m.live, m.match(), m.history(), m.key("l", true)),
		m.id, m.table.Name)
}

// remove deletes the day's rows whose key is not among the new ones, and
// remembers which keys the day has lost.
func (m merge) remove(ctx context.Context) (int64, error) {
	dropped := m.w.db.qualified("asof_dropped")
	if err := m.exec(ctx, fmt.Sprintf(`WITH back AS (DELETE FROM %s d USING %s n WHERE d.table_name = $1 AND d.as_of = $2::date AND d.key = %s RETURNING d.as_of, d.key)
 INSERT INTO %s SELECT $3, $1, 'back', to_jsonb(back) FROM back`,
		dropped, m.rows, m.key("n", false), m.history()), m.table.Name, m.asOf, m.id); err != nil {
		return 0, err
	}
	gone := fmt.Sprintf("FROM %s l WHERE l.%s = '%s'::date AND NOT EXISTS (SELECT FROM %s n WHERE %s)", m.live, asof.AsOfColumn, m.asOf, m.rows, m.match())
	n, err := m.changed(ctx, fmt.Sprintf("INSERT INTO %s SELECT $1, $2, 'removed', to_jsonb(l) %s", m.history(), gone), m.id, m.table.Name)
	if err != nil || n == 0 {
		return n, err
	}
	if err := m.exec(ctx, fmt.Sprintf(`WITH dropped AS (INSERT INTO %s SELECT $1, $2::date, %s %s ON CONFLICT DO NOTHING RETURNING as_of, key)
 INSERT INTO %s SELECT $3, $1, 'dropped', to_jsonb(dropped) FROM dropped`, dropped, m.key("l", false), gone, m.history()),
		m.table.Name, m.asOf, m.id); err != nil {
		return 0, err
	}
	return n, m.exec(ctx, "DELETE "+gone)
}

// match compares the keys of l, the table's rows, and n, the new ones.
func (m merge) match() string {
	var equal []string
	for _, k := range quoteNames(m.table.Key) {
		equal = append(equal, "l."+k+" = n."+k)
	}
	if m.asOf != "" {
		equal = append(equal, "l."+asof.AsOfColumn+" = '"+m.asOf+"'::date")
	}
	return strings.Join(equal, " AND ")
}

// key returns the key of a relation's row as jsonb.
func (m merge) key(relation string, withDay bool) string {
	var pairs []string
	for _, k := range m.table.Key {
		pairs = append(pairs, quoteText(k), relation+"."+quoteName(k))
	}
	if withDay && m.asOf != "" {
		pairs = append(pairs, quoteText(asof.AsOfColumn), relation+"."+asof.AsOfColumn)
	}
	return "jsonb_build_object(" + strings.Join(pairs, ", ") + ")"
}

func (m merge) history() string { return m.w.db.qualified("asof_history") }

// allRows returns what is left of an answer as one batch, nil for no rows.
func allRows(rows array.RecordReader) (arrow.RecordBatch, error) {
	var batches []arrow.RecordBatch
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	var n int64
	for rows.Next() {
		batch := rows.RecordBatch()
		batch.Retain()
		batches = append(batches, batch)
		n += batch.NumRows()
	}
	if err := rows.Err(); err != nil || n == 0 {
		return nil, err
	}
	columns := make([]arrow.Array, rows.Schema().NumFields())
	for i := range columns {
		chunks := make([]arrow.Array, len(batches))
		for j, b := range batches {
			chunks[j] = b.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(chunks, memory.DefaultAllocator); err != nil {
			return nil, err
		}
		defer columns[i].Release()
	}
	return array.NewRecordBatch(rows.Schema(), columns, n), nil
}
