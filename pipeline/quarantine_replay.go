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

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/tablefile"
)

// Correction is what somebody has corrected of a quarantine.
type Correction struct {
	Table string // the loaded one
	Month string // what its days begin with: as 2024-01, or a day
	File  string // CSV, with the columns that the table is loaded with
	Name  string // what messages call the file; "": its path
}

// Corrected says what became of a correction.
type Corrected struct {
	Run  string // that put the rows aside
	Rows int
}

// Correct takes rows into a quarantine in the place of those that were put
// aside: every later run of the month, with the file that they are of, has them
// instead of that file's. A row that was not put aside is CodeInvalid.
func (p *Pipeline) Correct(ctx context.Context, w asof.Warehouse, c Correction) (Corrected, error) {
	q := quarantine{Quarantine: *p.quarantineOf(c.Table), name: p.Name}
	look, err := w.Stage(ctx, "look-"+asof.NewRunID(time.Now()))
	if err != nil {
		return Corrected{}, err
	}
	defer look.Discard(context.WithoutCancel(ctx))
	held, err := q.held(ctx, look, c)
	if err != nil {
		return Corrected{}, err
	}
	q.day = *held[0]["asof_month"]
	done := Corrected{Run: *held[0]["asof_run"]}
	if c.File == "" {
		return done, nil
	}
	if done.Rows, err = correctHeld(held, p.loadOf(c.Table), c.File, cmp.Or(c.Name, c.File)); err != nil {
		return done, err
	}
	return done, q.replaceMonth(ctx, w, look, p.loadOf(c.Table).Table.ColumnNames(), held)
}

// held returns what a quarantine has of one month.
func (q quarantine) held(ctx context.Context, look asof.Stage, c Correction) ([]quarantined, error) {
	name, there, err := look.Published(ctx, q.Table)
	if err != nil {
		return nil, err
	}
	var held []quarantined
	if there {
		held, err = readQuarantined(ctx, look, name, "asof_pipeline = "+literal(q.name)+" AND starts_with(asof_month, "+literal(c.Month)+")", 0)
	}
	if err != nil {
		return nil, err
	}
	var days []string
	for _, row := range held {
		if !slices.Contains(days, *row["asof_month"]) {
			days = append(days, *row["asof_month"])
		}
	}
	switch len(days) {
	case 0:
		return nil, asof.Errorf(asof.CodeNotFound, "no row of table %q is in the quarantine %s for %s", c.Table, q.Table, cmp.Or(c.Month, "any month"))
	case 1:
		return held, nil
	}
	return nil, asof.Errorf(asof.CodeInvalid, "the quarantine %s has rows of table %q of %s: say which month", q.Table, c.Table, strings.Join(days, ", "))
}

// correctHeld puts the rows of a file in the place of held ones.
func correctHeld(held []quarantined, load *LoadStep, path, name string) (int, error) {
	t := load.Table
	byKey := map[string]quarantined{}
	for _, row := range held {
		key := keyText(t, func(i int) string { return tablefile.Spelled(t.Columns[i], *row[t.Columns[i].Name]) })
		byKey[key] = row
	}
	file, err := tablefile.Find(tablefile.Form{Table: t, Format: tablefile.CSV}, path, name, nil) // however the table's own files are written
	if err != nil {
		return 0, err
	}
	rows, err := file.Open(func(int64, int64) {})
	if err != nil {
		return 0, err
	}
	defer rows.Release()
	var problems asof.Problems
	seen := map[string]bool{}
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			key := keyText(t, func(column int) string { return batch.Column(column).ValueStr(i) })
			row := byKey[key]
			if row == nil || seen[key] {
				why := "was not put aside"
				if seen[key] {
					why = "is there twice"
				}
				at := append(file.Lines([][]string{strings.Split(key, "\x00")})[key], asof.Place{File: name, Line: 1})
				problems = append(problems, asof.Problem{Place: at[0],
					Message: fmt.Sprintf("the row %s=%s %s", strings.Join(t.Key, ", "), strings.ReplaceAll(key, "\x00", ", "), why)})
				continue
			}
			seen[key] = true
			row["asof_state"] = text(corrected)
			for j, c := range t.Columns {
				row[c.Name] = cellText(batch.Column(j), i)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	return len(seen), problems.Err()
}

// keyText joins the texts of a row's key by zero bytes.
func keyText(t asof.Table, of func(column int) string) string {
	key := make([]string, len(t.Key))
	for i, k := range t.Key {
		key[i] = of(slices.IndexFunc(t.Columns, func(c asof.TableColumn) bool { return c.Name == k }))
	}
	return strings.Join(key, "\x00")
}

// cellText returns a value as a quarantine has it, nil for null.
func cellText(column arrow.Array, i int) *string {
	if column.IsNull(i) {
		return nil
	}
	value := strings.Clone(column.ValueStr(i))
	if _, decimal := column.(*array.Decimal128); decimal && strings.Contains(value, ".") {
		value = strings.TrimSuffix(strings.TrimRight(value, "0"), ".")
	}
	return &value
}
