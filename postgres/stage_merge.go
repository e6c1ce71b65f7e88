package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
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

// refuseChanges refuses rows whose key is there with other values.
func (m merge) refuseChanges(ctx context.Context) error {
	texts := make([]string, len(m.table.Key))
	for i, k := range sqltext.Names(m.table.Key) {
		texts[i] = "n." + k + "::text"
	}
	taken := &asof.KeyTaken{Table: m.table.Name, Key: m.table.Key}
	err := m.row(ctx, fmt.Sprintf("SELECT ARRAY[%[1]s] FROM %[2]s l JOIN %[3]s n ON %[4]s ORDER BY %[1]s LIMIT 1",
		strings.Join(texts, ", "), m.live, m.rows, m.differ())).Scan(&taken.Values)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = asof.Errorf(asof.CodeInvalid, "%w", taken)
	}
	return err
}

// update writes the rows that are there already and differ.
func (m merge) update(ctx context.Context) (int64, error) {
	var set []string
	for _, c := range m.values() {
		set = append(set, c+" = n."+c)
	}
	if len(set) == 0 {
		return 0, nil
	}
	n, err := m.changed(ctx, m.note("changed", "(SELECT p FROM (SELECT "+m.written()+") p)",
		fmt.Sprintf("FROM %s l JOIN %s n ON %s", m.live, m.rows, m.differ())), m.id, m.table.Name)
	if err != nil || n == 0 {
		return 0, err
	}
	return m.changed(ctx, fmt.Sprintf("UPDATE %s l SET %s FROM %s n WHERE %s", m.live, strings.Join(set, ", "), m.rows, m.differ()))
}

// values returns the columns that are not of the key, quoted.
func (m merge) values() (list []string) {
	for _, c := range m.table.ColumnNames() {
		if !slices.Contains(m.table.Key, c) {
			list = append(list, sqltext.Name(c))
		}
	}
	return list
}

// written returns the columns of l that are written.
func (m merge) written() string {
	list := "l." + strings.Join(sqltext.Names(m.table.ColumnNames()), ", l.")
	if m.asOf != "" {
		list += ", l." + asof.AsOfColumn
	}
	return list
}

// differ holds where l and n have the same key and other values.
func (m merge) differ() string {
	values := m.values()
	if len(values) == 0 {
		return "false"
	}
	return fmt.Sprintf("%s AND (l.%s) IS DISTINCT FROM (n.%s)", m.match(), strings.Join(values, ", l."), strings.Join(values, ", n."))
}

// insert writes the rows whose key is not there.
func (m merge) insert(ctx context.Context) (int64, error) {
	return m.add(ctx, fmt.Sprintf(" WHERE NOT EXISTS (SELECT FROM %s l WHERE %s)", m.live, m.match()))
}

// add inserts the rows under a condition, notes their keys, and counts them.
func (m merge) add(ctx context.Context, condition string) (n int64, err error) {
	columns := strings.Join(sqltext.Names(m.table.ColumnNames()), ", ")
	values := "n." + strings.Join(sqltext.Names(m.table.ColumnNames()), ", n.")
	if m.asOf != "" {
		columns += ", " + asof.AsOfColumn
		values += ", '" + m.asOf + "'::date"
	}
	err = m.row(ctx, fmt.Sprintf("WITH added AS (INSERT INTO %s (%s) SELECT %s FROM %s n%s RETURNING *), noted AS (%s) SELECT count(*) FROM added",
		m.live, columns, values, m.rows, condition, m.added("added")), m.id, m.table.Name).Scan(&n)
	return n, err
}

// note returns SQL that enters rows into the history: $1 is the publication, $2
// the table. An entry is a list of rows, of about 64 kB: entries of one row each
// would take several times as long as the rows themselves.
func (m merge) note(change, row, from string) string {
	return fmt.Sprintf(`INSERT INTO %s SELECT $1::bigint, $2::text, '%s', json_agg(r) FROM (
 SELECT r, sum(pg_column_size(r)) OVER (ROWS UNBOUNDED PRECEDING) / 65536 AS entry FROM (SELECT %s AS r %s OFFSET 0) once) sized GROUP BY entry`,
		m.history(), change, row, from)
}

// added returns SQL that enters the keys of a relation's rows as added ones.
func (m merge) added(relation string) string {
	keys := sqltext.Names(m.table.Key)
	if m.asOf != "" {
		keys = append(keys, asof.AsOfColumn)
	}
	return m.note("added", "(SELECT p FROM (SELECT l."+strings.Join(keys, ", l.")+") p)", "FROM "+relation+" l")
}

// gone is the rows, of the day where there is one, whose key is not among the
// new ones.
func (m merge) gone() string {
	return fmt.Sprintf("FROM %s l WHERE %s AND NOT EXISTS (SELECT FROM %s n WHERE %s)", m.live, m.ofDay(), m.rows, m.match())
}

func (m merge) ofDay() string {
	if m.asOf == "" {
		return "true"
	}
	return "l." + asof.AsOfColumn + " = '" + m.asOf + "'::date"
}

// remove deletes the rows whose key is not among the new ones.
func (m merge) remove(ctx context.Context) (int64, error) {
	n, err := m.changed(ctx, m.note("removed", "l", m.gone()), m.id, m.table.Name)
	if err != nil || n == 0 {
		return 0, err
	}
	m.differs = true
	return m.changed(ctx, "DELETE "+m.gone())
}

// drop removes rows of the day, and remembers which keys it has lost.
func (m merge) drop(ctx context.Context) (int64, error) {
	dropped := m.w.db.qualified("asof_dropped")
	if err := m.exec(ctx, fmt.Sprintf(`WITH back AS (DELETE FROM %s d USING %s n WHERE d.table_name = $1 AND d.as_of = $2::date AND d.key = %s RETURNING d.as_of, d.key)
 INSERT INTO %s SELECT $3, $1, 'back', to_json(back) FROM back`,
		dropped, m.rows, m.key("n"), m.history()), m.table.Name, m.asOf, m.id); err != nil {
		return 0, err
	}
	if err := m.exec(ctx, fmt.Sprintf(`WITH dropped AS (INSERT INTO %s SELECT $1, $2::date, %s %s ON CONFLICT DO NOTHING RETURNING as_of, key)
 INSERT INTO %s SELECT $3, $1, 'dropped', to_json(dropped) FROM dropped`, dropped, m.key("l"), m.gone(), m.history()),
		m.table.Name, m.asOf, m.id); err != nil {
		return 0, err
	}
	return m.remove(ctx)
}

// match compares the keys of l, the table's rows, and n, the new ones.
func (m merge) match() string {
	var equal []string
	for _, k := range sqltext.Names(m.table.Key) {
		equal = append(equal, "l."+k+" = n."+k)
	}
	if m.asOf != "" {
		equal = append(equal, m.ofDay())
	}
	return strings.Join(equal, " AND ")
}

// key returns the key of a relation's row as jsonb.
func (m merge) key(relation string) string {
	var pairs []string
	for _, k := range m.table.Key {
		pairs = append(pairs, sqltext.Text(k), relation+"."+sqltext.Name(k))
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
