package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// quarantine is what a pipeline has in a quarantine of a month.
type quarantine struct {
	Quarantine
	name string // the pipeline's
	day  string // as 2024-01-31
}

// month returns SQL that holds for these rows.
func (q quarantine) month() string {
	return "asof_pipeline = " + literal(q.name) + " AND asof_month = " + literal(q.day)
}

// quarantined is a row of a quarantine by its columns; null is nil, or not
// there.
type quarantined map[string]*string

// key returns the row's key in the loaded table.
func (q quarantined) key(t asof.Table) string {
	key := make([]string, len(t.Key))
	for i, k := range t.Key {
		if q[k] != nil {
			key[i] = *q[k]
		}
	}
	return strings.Join(key, "\x00")
}

// readQuarantined returns rows of a quarantine, limit at most, 0 for all.
func readQuarantined(ctx context.Context, stage asof.Stage, name, where string, limit int) ([]quarantined, error) {
	columns, err := columnsOf(ctx, stage, name)
	if err != nil {
		return nil, err
	}
	sql := "SELECT " + castAll(columns, columns) + " FROM " + name + " WHERE " + where + " ORDER BY asof_month, asof_line"
	if limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", limit)
	}
	rows, err := stage.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var found []quarantined
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := quarantined{}
			for j, column := range batch.Columns() {
				if !column.IsNull(i) {
					row[columns[j]] = text(strings.Clone(column.ValueStr(i)))
				}
			}
			found = append(found, row)
		}
	}
	return found, rows.Err()
}

// replaceMonth writes a quarantine as a whole: what it has of other months and
// pipelines, and rows of this month, in place of all that it had of it.
func (q quarantine) replaceMonth(ctx context.Context, w asof.Warehouse, look asof.Stage, own []string, month []quarantined) error {
	name, there, err := look.Published(ctx, q.Table)
	if err != nil || !there && len(month) == 0 {
		return err
	}
	columns := append(append(slices.Clone(QuarantineColumns), contentColumn), own...)
	kept := ""
	if there {
		known, err := columnsOf(ctx, look, name)
		if err != nil {
			return err
		}
		had, err := readQuarantined(ctx, look, name, q.month(), 0)
		if err != nil || len(had)+len(month) == 0 {
			return err
		}
		for _, c := range known {
			if !slices.Contains(columns, c) {
				columns = append(columns, c)
			}
		}
		kept = "SELECT " + castAll(columns, known) + " FROM " + name + " WHERE NOT (" + q.month() + ")"
	}
	batch := quarantinedBatch(columns, month)
	defer batch.Release()
	replacement, err := w.Replace(ctx, q.Table)
	if err != nil {
		return err
	}
	defer replacement.Discard(context.WithoutCancel(ctx))
	if err := writeBehind(ctx, replacement, look, kept, batch); err != nil {
		return err
	}
	return replacement.Commit(ctx, "quarantine of pipeline "+q.name)
}

// writeBehind writes what a query returns, where there is one, and then a batch.
// It lets go of the query's rows.
func writeBehind(ctx context.Context, to asof.Replacement, look asof.Stage, kept string, batch arrow.RecordBatch) error {
	rows := &behind{schema: batch.Schema(), last: batch}
	defer rows.drop()
	if kept != "" {
		first, err := look.Query(ctx, kept)
		if err != nil {
			return err
		}
		defer first.Release()
		rows.first = first
	}
	_, err := to.Write(ctx, rows)
	return err
}

// quarantinedBatch returns rows in the columns of a quarantine.
func quarantinedBatch(columns []string, rows []quarantined) arrow.RecordBatch {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c, Type: arrow.BinaryTypes.String, Nullable: true}
		if c == "asof_line" {
			fields[i].Type = arrow.PrimitiveTypes.Int64
		}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, row := range rows {
		for i, c := range columns {
			value := row[c]
			switch to := b.Field(i).(type) {
			case *array.StringBuilder:
				if value != nil {
					to.Append(*value)
					continue
				}
			case *array.Int64Builder:
				if value != nil {
					line, _ := strconv.ParseInt(*value, 10, 64)
					to.Append(line)
					continue
				}
			}
			b.Field(i).AppendNull()
		}
	}
	return b.NewRecordBatch()
}

// castAll returns SQL for the columns of a quarantine, null for those that it
// does not have.
func castAll(columns, known []string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		value, typ := "NULL", "text"
		if slices.Contains(known, c) {
			value = sqltext.Name(c)
		}
		if c == "asof_line" {
			typ = "bigint"
		}
		list[i] = "CAST(" + value + " AS " + typ + ") AS " + sqltext.Name(c)
	}
	return strings.Join(list, ", ")
}

// columnsOf names the columns of a relation.
func columnsOf(ctx context.Context, stage asof.Stage, name string) ([]string, error) {
	rows, err := stage.Query(ctx, "SELECT * FROM "+name+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var columns []string
	for _, f := range rows.Schema().Fields() {
		columns = append(columns, f.Name)
	}
	return columns, nil
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// behind reads the rows of a reader, if there is one, and then a batch.
type behind struct {
	schema *arrow.Schema
	first  array.RecordReader
	last   arrow.RecordBatch // nil once it was read
	batch  arrow.RecordBatch
}

func (b *behind) Schema() *arrow.Schema          { return b.schema }
func (b *behind) RecordBatch() arrow.RecordBatch { return b.batch }
func (b *behind) Record() arrow.RecordBatch      { return b.batch }
func (b *behind) Retain()                        {}
func (b *behind) Release()                       {}

func (b *behind) Err() error {
	if b.first == nil {
		return nil
	}
	return b.first.Err()
}

func (b *behind) Next() bool {
	b.drop()
	next := b.last
	switch {
	case b.first != nil && b.first.Next():
		next = b.first.RecordBatch()
	case b.Err() != nil || b.last == nil:
		return false
	default:
		b.last = nil
	}
	b.batch = array.NewRecordBatch(b.schema, next.Columns(), next.NumRows()) // an engine's schema says more
	return true
}

func (b *behind) drop() {
	if b.batch != nil {
		b.batch.Release()
		b.batch = nil
	}
}
