package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// Quarantines lists the pipeline's quarantines by their tables.
func (p *Pipeline) Quarantines() map[string]Quarantine {
	list := map[string]Quarantine{}
	for _, s := range p.Steps {
		if s.Check != nil && s.Check.Quarantine != nil {
			list[s.Check.Table] = *s.Check.Quarantine
		}
	}
	return list
}

// QuarantineCount says how many rows of a month are in a quarantine.
type QuarantineCount struct {
	Month string // as 2024-01-31
	Run   string // that put them aside
	Rows  int64
}

// CountQuarantine counts what of a pipeline is in a quarantine, newest month
// first.
func CountQuarantine(ctx context.Context, stage asof.Stage, p *Pipeline, q Quarantine) ([]QuarantineCount, error) {
	name, there, err := stage.Published(ctx, q.Table)
	if err != nil || !there {
		return nil, err
	}
	rows, err := stage.Query(ctx, fmt.Sprintf("SELECT asof_month, asof_run, count(*) FROM %s WHERE asof_pipeline = %s GROUP BY asof_month, asof_run ORDER BY asof_month DESC, asof_run DESC",
		name, literal(p.Name)))
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var counts []QuarantineCount
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			counts = append(counts, QuarantineCount{Month: strings.Clone(batch.Column(0).ValueStr(i)), Run: strings.Clone(batch.Column(1).ValueStr(i)),
				Rows: batch.Column(2).(*array.Int64).Value(i)})
		}
	}
	return counts, rows.Err()
}

// Quarantined are rows of a quarantine: the columns of QuarantineColumns but the
// pipeline, then the loaded table's. nil is null.
type Quarantined struct {
	Columns []string
	Rows    [][]*string
}

// ReadQuarantine returns what a run put aside, or where run is "" all that is
// there of a month, or of all months where that is "" too.
func ReadQuarantine(ctx context.Context, stage asof.Stage, p *Pipeline, table, month, run string) (Quarantined, error) {
	q := p.quarantineOf(table)
	found := Quarantined{Columns: slices.Clone(QuarantineColumns[1:])}
	for _, s := range p.Steps {
		if s.Load != nil && s.Load.Table.Name == table {
			found.Columns = append(found.Columns, columnNames(s.Load.Table)...)
		}
	}
	name, there, err := stage.Published(ctx, q.Table)
	if err != nil || !there {
		return found, err
	}
	known, err := columnsOf(ctx, stage, name)
	if err != nil {
		return found, err
	}
	list := make([]string, len(found.Columns))
	for i, c := range found.Columns {
		list[i] = "CAST(NULL AS text)"
		if slices.Contains(known, c) {
			list[i] = "CAST(" + quote(c) + " AS text)"
		}
	}
	where := "asof_pipeline = " + literal(p.Name) + " AND starts_with(asof_month, " + literal(month) + ")"
	if run != "" {
		where += " AND asof_run = " + literal(run)
	}
	rows, err := stage.Query(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+name+" WHERE "+where+" ORDER BY asof_month, asof_line")
	if err != nil {
		return found, err
	}
	defer rows.Release()
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := make([]*string, len(list))
			for j, column := range batch.Columns() {
				if !column.IsNull(i) {
					value := strings.Clone(column.ValueStr(i))
					row[j] = &value
				}
			}
			found.Rows = append(found.Rows, row)
		}
	}
	return found, rows.Err()
}
