package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// Quarantine is where rows of a loaded table go that break rules. Its table
// holds, for each pipeline and month, what the newest run put aside: the columns
// of QuarantineColumns, then the table's own, as text.
type Quarantine struct {
	Table  string
	AtMost float64 // the share of the rows without which the month may go on, beside what rules allow by mostly
}

// QuarantineColumns are what a quarantine says of a row. asof_rules are the
// rules that it broke, a line each; asof_line is the row's in asof_file, or null.
var QuarantineColumns = []string{"asof_pipeline", "asof_month", "asof_run", "asof_rules", "asof_file", "asof_line"}

// contentColumn says from which content the rows were put aside.
const contentColumn = "asof_content"

// quarantineOf returns the quarantine of a loaded table, nil where no step asks
// for one.
func (p *Pipeline) quarantineOf(table string) *Quarantine {
	for _, s := range p.Steps {
		if s.Check != nil && s.Check.Table == table && s.Check.Quarantine != nil {
			return s.Check.Quarantine
		}
	}
	return nil
}

// putAside writes the rows that break rules into the quarantine. Where they are
// few enough, the stage goes on without them, and the rules are put to what is
// left.
func (r *run) putAside(ctx context.Context, q *Quarantine, s check.Subject, rules []check.Rule, found check.Outcome, report *StepReport) (check.Outcome, error) {
	broken := found.Broken()
	aside, err := check.Aside(ctx, r.stage, s, broken)
	if err != nil {
		return found, err
	}
	staged, err := r.stage.Staged(ctx)
	if err != nil {
		return found, err
	}
	content := staged[s.Table.Name].Content
	if err := r.quarantine(ctx, q.Table, s, content, aside); err != nil || len(aside) == 0 {
		return found, err
	}
	report.Aside, report.Quarantine = int64(len(aside)), q.Table
	few := float64(len(aside)) <= q.AtMost*float64(found.Rows)
	if !few && slices.ContainsFunc(broken, func(one check.Result) bool { return !one.Holds }) {
		return found, nil
	}
	if _, err := r.stage.Make(ctx, s.Table, check.Without(s.Table, broken), content); err != nil {
		return found, err
	}
	left, err := check.Run(ctx, r.stage, s, rules)
	for i, one := range found.Results {
		if i < len(left.Results) && left.Results[i].Holds && one.PutsAside() {
			one.Aside = true
			left.Results[i] = one
		}
	}
	report.Warnings = append(report.Warnings, asof.Problem{Place: asof.Place{File: s.File, Line: max(aside[0].Line, 1)},
		Message: fmt.Sprintf("table %q: %d of %d rows break rules and are put aside in %s; the month goes on without them", s.Table.Name, len(aside), found.Rows, quote(q.Table))})
	return left, err
}

// quarantine makes rows those of this month in a quarantine. A step that is done
// again, after its rows were taken out of the stage, leaves them there.
func (r *run) quarantine(ctx context.Context, table string, s check.Subject, content string, aside []check.AsideRow) error {
	// A stage of its own sees what is there now.
	look, err := r.Warehouse.Stage(ctx, r.id+"-"+table)
	if err != nil {
		return err
	}
	defer look.Discard(context.WithoutCancel(ctx))
	name, there, err := look.Published(ctx, table)
	if err != nil || !there && len(aside) == 0 {
		return err
	}
	columns := append(slices.Clone(QuarantineColumns), contentColumn)
	columns = append(columns, columnNames(s.Table)...)
	month := fmt.Sprintf("asof_pipeline = %s AND asof_month = '%s'", literal(r.Pipeline.Name), r.asOf.Format(time.DateOnly))
	kept := ""
	if there {
		known, err := columnsOf(ctx, look, name)
		if err != nil {
			return err
		}
		had, ours, err := r.counted(ctx, look, name, month, content)
		if err != nil || len(aside) == 0 && (had == 0 || ours == had) {
			return err
		}
		for _, c := range known {
			if !slices.Contains(columns, c) {
				columns = append(columns, c)
			}
		}
		kept = "SELECT " + castAll(columns, known) + " FROM " + name + " WHERE NOT (" + month + ")"
	}
	return r.replace(ctx, look, table, kept, r.asideBatch(s, columns, content, aside))
}

// counted returns how many rows of the month a quarantine has, and how many of
// them this run put aside from the same content.
func (r *run) counted(ctx context.Context, look asof.Stage, name, month, content string) (had, ours int64, err error) {
	rows, err := look.Query(ctx, fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE asof_run = %s AND %s = %s) FROM %s WHERE %s",
		literal(r.id), contentColumn, literal(content), name, month))
	if err != nil {
		return 0, 0, err
	}
	defer rows.Release()
	for rows.Next() {
		had, ours = rows.RecordBatch().Column(0).(*array.Int64).Value(0), rows.RecordBatch().Column(1).(*array.Int64).Value(0)
	}
	return had, ours, rows.Err()
}

// replace writes a quarantine as a whole: the rows that are kept, then new ones.
func (r *run) replace(ctx context.Context, look asof.Stage, table, kept string, batch arrow.RecordBatch) error {
	defer batch.Release()
	replacement, err := r.Warehouse.Replace(ctx, table)
	if err != nil {
		return err
	}
	defer replacement.Discard(context.WithoutCancel(ctx))
	if err := writeBehind(ctx, replacement, look, kept, batch); err != nil {
		return err
	}
	return replacement.Commit(ctx, "quarantine of pipeline "+r.Pipeline.Name)
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

// asideBatch returns rows in the columns of a quarantine; what they don't have
// is null.
func (r *run) asideBatch(s check.Subject, columns []string, content string, aside []check.AsideRow) arrow.RecordBatch {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c, Type: arrow.BinaryTypes.String, Nullable: true}
		if c == "asof_line" {
			fields[i].Type = arrow.PrimitiveTypes.Int64
		}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	own := columnNames(s.Table)
	for _, row := range aside {
		said := map[string]string{"asof_pipeline": r.Pipeline.Name, "asof_month": r.asOf.Format(time.DateOnly), "asof_run": r.id,
			"asof_rules": strings.Join(row.Rules, "\n"), "asof_file": cmp.Or(row.File, s.File), contentColumn: content}
		for i, c := range columns {
			text, isText := b.Field(i).(*array.StringBuilder)
			value, known := said[c]
			place := slices.Index(own, c)
			switch {
			case !isText && row.Line > 0:
				b.Field(i).(*array.Int64Builder).Append(int64(row.Line))
			case isText && known:
				text.Append(value)
			case isText && place >= 0 && row.Cells[place] != nil:
				text.Append(*row.Cells[place])
			default:
				b.Field(i).AppendNull()
			}
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
			value = quote(c)
		}
		if c == "asof_line" {
			typ = "bigint"
		}
		list[i] = "CAST(" + value + " AS " + typ + ") AS " + quote(c)
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
