package pipeline

import (
	"context"
	"fmt"
	"io"
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

// ReadQuarantine returns what of a pipeline is in a loaded table's quarantine:
// of a run, where run is not "", and of days that begin with month; limit rows
// at most, 0 for all.
func ReadQuarantine(ctx context.Context, stage asof.Stage, p *Pipeline, table, month, run string, limit int) (Quarantined, error) {
	found := Quarantined{Columns: append(slices.Clone(QuarantineColumns[1:]), p.loadOf(table).Table.ColumnNames()...)}
	name, there, err := stage.Published(ctx, p.quarantineOf(table).Table)
	if err != nil || !there {
		return found, err
	}
	where := "asof_pipeline = " + literal(p.Name) + " AND starts_with(asof_month, " + literal(month) + ")"
	if run != "" {
		where += " AND asof_run = " + literal(run)
	}
	rows, err := readQuarantined(ctx, stage, name, where, limit)
	for _, row := range rows {
		cells := make([]*string, len(found.Columns))
		for i, c := range found.Columns {
			cells[i] = row[c]
		}
		found.Rows = append(found.Rows, cells)
	}
	return found, err
}

// WriteCSV writes the values of rows that nobody has corrected as a load step
// reads them: null is an empty cell, and an empty text a quoted one.
func (q Quarantined) WriteCSV(w io.Writer) error {
	own := slices.IndexFunc(q.Columns, func(c string) bool { return !strings.HasPrefix(c, asof.ReservedTables) })
	state := slices.Index(q.Columns, "asof_state")
	if _, err := fmt.Fprintln(w, strings.Join(q.Columns[own:], ",")); err != nil {
		return err
	}
	for _, row := range q.Rows {
		if *row[state] != aside {
			continue
		}
		texts := make([]string, len(row)-own)
		for i, cell := range row[own:] {
			switch {
			case cell == nil:
			case *cell == "" || strings.ContainsAny(*cell, "\",\r\n"):
				texts[i] = `"` + strings.ReplaceAll(*cell, `"`, `""`) + `"`
			default:
				texts[i] = *cell
			}
		}
		if _, err := fmt.Fprintln(w, strings.Join(texts, ",")); err != nil {
			return err
		}
	}
	return nil
}

// loadOf returns the step that loads a table.
func (p *Pipeline) loadOf(table string) *LoadStep {
	for _, s := range p.Steps {
		if s.Load != nil && s.Load.Table.Name == table {
			return s.Load
		}
	}
	return nil
}
