package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
)

// samples is how many rows a failed check shows.
const samples = 5

// checker puts rules to the staged tables of a run.
type checker struct {
	stage  asof.Stage
	loads  map[string]*LoadStep
	files  map[string]fileName // by table
	failed map[string]bool     // tables that could not be loaded
}

// fileName is a file's path, and its name in messages.
type fileName struct{ path, name string }

// implicit returns what is expected of a loaded table without being said.
func implicit(load *LoadStep, place asof.Place) []Rule {
	var rules []Rule
	if !load.AllowEmpty {
		rules = append(rules, Rule{Kind: Rows, Min: "1", Place: place})
	}
	for _, column := range slices.Sorted(maps.Keys(load.Table.References)) {
		rules = append(rules, Rule{Kind: References, Columns: []string{column}, Parent: load.Table.References[column], Place: place})
	}
	return rules
}

// check puts all rules to a table by one query, and looks at rows only where
// one fails.
func (c *checker) check(ctx context.Context, load *LoadStep, rules []Rule) (problems, warnings asof.Problems, err error) {
	counts := make([]string, len(rules))
	conditions := make([]string, len(rules))
	for i, r := range rules {
		if c.failed[r.Parent] {
			counts[i] = "CAST(0 AS bigint)" // what it refers to could not be loaded, which is said already
			continue
		}
		if conditions[i], err = c.condition(ctx, load, r); err != nil {
			return nil, nil, err
		}
		counts[i] = count(load.Table, r, conditions[i])
	}
	answer, err := c.texts(ctx, "SELECT CAST(count(*) AS text)"+prefixed(counts)+" FROM "+quote(load.Table.Name)+" s")
	if err != nil {
		return nil, nil, err
	}
	all, _ := strconv.ParseInt(answer[0][0], 10, 64)
	for i, r := range rules {
		n, _ := strconv.ParseInt(answer[0][i+1], 10, 64)
		if !r.broken(n) {
			continue
		}
		problem, err := c.tell(ctx, load, r, conditions[i], n, all)
		if err != nil {
			return nil, nil, err
		}
		if r.Warn {
			warnings = append(warnings, problem)
		} else {
			problems = append(problems, problem)
		}
	}
	return problems, warnings, nil
}

func prefixed(counts []string) string {
	text := ""
	for _, c := range counts {
		text += ", CAST(" + c + " AS text)"
	}
	return text
}

func (c *checker) condition(ctx context.Context, load *LoadStep, r Rule) (string, error) {
	if r.Kind == Covers {
		return uncovered(load.Table, c.loads[r.Parent].Table), nil
	}
	if r.Kind != References {
		if len(r.Columns) == 0 {
			return "", nil
		}
		return r.condition(typeOf(load.Table, r.Columns[0]), "", "", false), nil
	}
	published, there, err := c.stage.Published(ctx, r.Parent)
	if err != nil {
		return "", err
	}
	parent := c.loads[r.Parent]
	if !there {
		published = ""
	}
	if parent == nil && !there {
		return "", asof.Errorf(asof.CodeInvalid, "table %q refers to table %q, which is neither loaded nor in the warehouse", load.Table.Name, r.Parent)
	}
	key := r.Columns[0]
	if parent != nil {
		key = parent.Table.Key[0]
	}
	return r.condition("", published, key, parent != nil), nil
}

// count returns SQL for the number by which a rule is judged.
func count(t asof.Table, r Rule, condition string) string {
	switch r.Kind {
	case Rows:
		return "count(*)"
	case Unique:
		return "(SELECT count(*) FROM (" + repeated(t, r) + ") q)"
	case NotConstant:
		c := "CAST(s." + quote(r.Columns[0]) + " AS text)"
		return "CASE WHEN count(" + c + ") > 1 AND min(" + c + ") = max(" + c + ") THEN 1 ELSE 0 END"
	}
	if r.Kind == Covers {
		return "(SELECT count(*) FROM " + condition + ")"
	}
	// A query of its own, and no FILTER: one that looks into another table is
	// a join then, and not a search for every row.
	return "(SELECT count(*) FROM " + quote(t.Name) + " s WHERE " + condition + ")"
}

// uncovered returns what stands in FROM for the keys of another table that t
// has not.
func uncovered(t, other asof.Table) string {
	same := make([]string, len(t.Key))
	for i, k := range t.Key {
		same[i] = "s." + quote(k) + " = p." + quote(other.Key[i])
	}
	return quote(other.Name) + " p WHERE NOT EXISTS (SELECT 1 FROM " + quote(t.Name) + " s WHERE " + strings.Join(same, " AND ") + ")"
}

// repeated returns SQL for the values that a unique rule finds more than once.
func repeated(t asof.Table, r Rule) string {
	list := strings.Join(quoteAll(r.Columns), ", ")
	return "SELECT " + list + ", count(*) AS asof_count FROM " + quote(t.Name) +
		" WHERE " + strings.Join(quoteAll(r.Columns), " IS NOT NULL AND ") + " IS NOT NULL GROUP BY " + list + " HAVING count(*) > 1"
}

// broken reports whether the number shows that the rule does not hold.
func (r Rule) broken(n int64) bool {
	if r.Kind != Rows {
		return n > 0
	}
	least, err := strconv.ParseInt(r.Min, 10, 64)
	if err == nil && n < least {
		return true
	}
	most, err := strconv.ParseInt(r.Max, 10, 64)
	return err == nil && n > most
}

// tell says what is wrong: table, column, how many rows, some of them.
func (c *checker) tell(ctx context.Context, load *LoadStep, r Rule, condition string, n, all int64) (asof.Problem, error) {
	t := load.Table
	file := c.files[t.Name]
	problem := asof.Problem{Place: asof.Place{File: file.name, Line: 1}} // where no row has a line of its own
	about := fmt.Sprintf("table %q", t.Name)
	if len(r.Columns) > 0 {
		about += fmt.Sprintf(", column %q", strings.Join(r.Columns, `", "`))
	}
	switch r.Kind {
	case Rows:
		problem.Message = fmt.Sprintf("%s: the file has %d rows; expected are %s", about, all, bounds(r))
		return problem, nil
	case NotConstant:
		value, err := c.texts(ctx, "SELECT CAST(min(CAST("+quote(r.Columns[0])+" AS text)) AS text) FROM "+quote(t.Name))
		if err != nil {
			return problem, err
		}
		problem.Message = fmt.Sprintf("%s: every row has the value %s; a constant tells a model nothing", about, plain(value[0][0], typeOf(t, r.Columns[0])))
		return problem, nil
	case Unique:
		return c.tellRepeated(ctx, t, r, about, n, problem)
	case Covers:
		return c.tellUncovered(ctx, r, about, condition, n, problem)
	}
	keys := make([]string, len(t.Key))
	for i, k := range t.Key {
		keys[i] = "CAST(s." + quote(k) + " AS text)"
	}
	rows, err := c.texts(ctx, fmt.Sprintf("SELECT %s, CAST(s.%s AS text) FROM %s s WHERE %s ORDER BY %s LIMIT %d",
		strings.Join(keys, ", "), quote(r.Columns[0]), quote(t.Name), condition, "s."+strings.Join(quoteAll(t.Key), ", s."), samples))
	if err != nil {
		return problem, err
	}
	var wanted [][]string
	for _, row := range rows {
		wanted = append(wanted, row[:len(keys)])
	}
	lines := linesOf(file.path, t, wanted)
	shown := make([]string, len(rows))
	for i, row := range rows {
		at := lines[strings.Join(row[:len(keys)], "\x00")]
		if i == 0 && len(at) > 0 {
			problem.Place.Line = at[0]
		}
		row[len(keys)] = plain(row[len(keys)], typeOf(t, r.Columns[0]))
		shown[i] = sample(t.Key, row, r, at)
	}
	problem.Message = fmt.Sprintf("%s: %d of %d rows %s: %s", about, n, all, r.failed(), strings.Join(shown, "; "))
	if int64(len(rows)) < n {
		problem.Message += "; …"
	}
	return problem, nil
}

func (c *checker) tellRepeated(ctx context.Context, t asof.Table, r Rule, about string, n int64, problem asof.Problem) (asof.Problem, error) {
	var list []string
	for _, column := range quoteAll(r.Columns) {
		list = append(list, "CAST("+column+" AS text)")
	}
	rows, err := c.texts(ctx, fmt.Sprintf("SELECT %s, CAST(asof_count AS text) FROM (%s) q ORDER BY %s LIMIT %d",
		strings.Join(list, ", "), repeated(t, r), strings.Join(quoteAll(r.Columns), ", "), samples))
	if err != nil {
		return problem, err
	}
	shown := make([]string, len(rows))
	for i, row := range rows {
		shown[i] = strings.Join(row[:len(list)], ", ") + " in " + row[len(list)] + " rows"
	}
	problem.Message = fmt.Sprintf("%s: %d values are there more than once: %s", about, n, strings.Join(shown, "; "))
	if int64(len(rows)) < n {
		problem.Message += "; …"
	}
	return problem, nil
}

// tellUncovered names keys of the other table that this one has not.
func (c *checker) tellUncovered(ctx context.Context, r Rule, about, condition string, n int64, problem asof.Problem) (asof.Problem, error) {
	key := c.loads[r.Parent].Table.Key
	var list []string
	for _, column := range quoteAll(key) {
		list = append(list, "CAST(p."+column+" AS text)")
	}
	rows, err := c.texts(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s LIMIT %d", strings.Join(list, ", "), condition, strings.Join(list, ", "), samples))
	if err != nil {
		return problem, err
	}
	shown := make([]string, len(rows))
	for i, row := range rows {
		shown[i] = sample(key, row, r, nil)
	}
	problem.Message = fmt.Sprintf("%s: %d keys of table %q are not in the file; is it whole? %s", about, n, r.Parent, strings.Join(shown, "; "))
	if int64(len(rows)) < n {
		problem.Message += "; …"
	}
	return problem, nil
}

// sample writes one bad row: its key, its line, its value.
func sample(key, row []string, r Rule, lines []int) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = k + "=" + row[i]
	}
	text := strings.Join(parts, ", ")
	if at := atLines(lines); at != "" {
		text += " (" + at + ")"
	}
	if r.Kind != NotNull && r.Kind != Covers && !slices.Contains(key, r.Columns[0]) {
		text += " has " + row[len(key)]
	}
	return text
}

// plain takes away the zeros by which an engine fills up a numeric.
func plain(value, typ string) string {
	if strings.HasPrefix(typ, "numeric") && strings.Contains(value, ".") {
		return strings.TrimSuffix(strings.TrimRight(value, "0"), ".")
	}
	return value
}

func bounds(r Rule) string {
	switch {
	case r.Max == "":
		return r.Min + " or more"
	case r.Min == "":
		return r.Max + " or fewer"
	}
	return r.Min + " to " + r.Max
}

// texts returns all rows of a query whose columns are text; null is "".
func (c *checker) texts(ctx context.Context, sql string) ([][]string, error) {
	rows, err := c.stage.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Release()
	var all [][]string
	for rows.Next() {
		batch := rows.RecordBatch()
		for i := range int(batch.NumRows()) {
			row := make([]string, batch.NumCols())
			for j, column := range batch.Columns() {
				if text, ok := column.(*array.String); ok && !text.IsNull(i) {
					row[j] = strings.Clone(text.Value(i))
				}
			}
			all = append(all, row)
		}
	}
	return all, rows.Err()
}
