package check

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// MostAside is how many rows of a table are put aside at most: a file that has
// more is wrong as a whole.
const MostAside = 100_000

// AsideRow is a row that breaks rules.
type AsideRow struct {
	Cells []*string // of the table's columns, as text; nil is null
	Rules []string  // that it breaks, as "min hours: 0"
	File  string    // which has the line; "" where it is not known
	Line  int       // in the file; 0 where it is not known
}

// PutsAside reports whether single rows break the rule, and may stop a run by
// it; also where they are so few that it holds.
func (r Result) PutsAside() bool {
	return r.Rule.Kind.ByRow() && !r.Rule.Warn && r.Measured > 0
}

// Broken returns the results of the rules for which rows are put aside.
func (o Outcome) Broken() (broken []Result) {
	for _, r := range o.Results {
		if r.PutsAside() {
			broken = append(broken, r)
		}
	}
	return broken
}

// Aside returns the rows that break rules, in the order of their keys. More than
// MostAside are CodeInvalid.
func Aside(ctx context.Context, stage asof.Stage, s Subject, broken []Result) ([]AsideRow, error) {
	if len(broken) == 0 {
		return nil, nil
	}
	list := "CAST(b.rule AS text)"
	for _, c := range s.Table.Columns {
		list += ", CAST(s." + sqltext.Name(c.Name) + " AS text)"
	}
	rows, err := stage.Query(ctx, fmt.Sprintf("SELECT %s FROM %s s JOIN (%s) b ON %s ORDER BY %s, b.rule", list, sqltext.Name(s.Table.Name),
		brokenKeys(s.Table, broken), sameKeys(s.Table), "s."+strings.Join(sqltext.Names(s.Table.Key), ", s.")))
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var aside []AsideRow
	var keys [][]string
	for rows.Next() {
		batch := rows.RecordBatch()
		columns := make([]*array.String, batch.NumCols())
		for i, column := range batch.Columns() {
			columns[i] = column.(*array.String)
		}
		for i := range int(batch.NumRows()) {
			which, _ := strconv.Atoi(columns[0].Value(i))
			row := AsideRow{Cells: make([]*string, len(columns)-1), Rules: []string{broken[which].Rule.text()}}
			for j, column := range columns[1:] {
				if !column.IsNull(i) {
					value := strings.Clone(column.Value(i))
					row.Cells[j] = &value
				}
			}
			key := keyOf(s.Table, row.Cells)
			if last := len(aside) - 1; last >= 0 && strings.Join(keys[last], "\x00") == strings.Join(key, "\x00") {
				aside[last].Rules = append(aside[last].Rules, row.Rules...)
				continue
			}
			if len(aside) == MostAside {
				return nil, asof.Errorf(asof.CodeInvalid, "table %q: more than %d rows break rules; the file is wrong as a whole", s.Table.Name, MostAside)
			}
			aside, keys = append(aside, row), append(keys, key)
		}
	}
	s.place(aside, keys)
	return aside, rows.Err()
}

// place finds the lines of rows, and takes the zeros off their numerics.
func (s Subject) place(aside []AsideRow, keys [][]string) {
	lines := s.Lines(keys)
	for i, row := range aside {
		if at := lines[strings.Join(keys[i], "\x00")]; len(at) > 0 {
			aside[i].File, aside[i].Line = at[0].File, at[0].Line
		}
		for j, c := range s.Table.Columns {
			if row.Cells[j] != nil {
				*row.Cells[j] = plain(*row.Cells[j], c.Type)
			}
		}
	}
}

// Without returns SQL for the rows of the table that break no rule.
func Without(t asof.Table, broken []Result) string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = "s." + sqltext.Name(c.Name)
	}
	return fmt.Sprintf("SELECT %s FROM %s s WHERE NOT EXISTS (SELECT 1 FROM (%s) b WHERE %s)", strings.Join(names, ", "), sqltext.Name(t.Name), brokenKeys(t, broken), sameKeys(t))
}

// brokenKeys returns SQL for the keys of the rows that break rules, as key0 and
// so on, with the place of the rule.
func brokenKeys(t asof.Table, broken []Result) string {
	parts := make([]string, len(broken))
	for i, r := range broken {
		list := strconv.Itoa(i) + " AS rule"
		for j, k := range t.Key {
			list += fmt.Sprintf(", s.%s AS key%d", sqltext.Name(k), j)
		}
		parts[i] = "SELECT " + list + " FROM " + r.ask.from + " WHERE " + r.ask.condition
	}
	return strings.Join(parts, " UNION ALL ")
}

// sameKeys returns SQL that holds where b is about the row s.
func sameKeys(t asof.Table) string {
	same := make([]string, len(t.Key))
	for i, k := range t.Key {
		same[i] = fmt.Sprintf("b.key%d = s.%s", i, sqltext.Name(k))
	}
	return strings.Join(same, " AND ")
}

// keyOf returns the key of a row.
func keyOf(t asof.Table, cells []*string) []string {
	key := make([]string, len(t.Key))
	for i, k := range t.Key {
		for j, c := range t.Columns {
			if c.Name == k && cells[j] != nil {
				key[i] = *cells[j]
			}
		}
	}
	return key
}

// text says the rule in a line.
func (r Rule) text() string {
	text := strings.TrimSpace(string(r.Kind) + " " + strings.Join(r.Columns, ", "))
	if expected := r.Expected(); expected != "" {
		text += ": " + expected
	}
	return text
}
