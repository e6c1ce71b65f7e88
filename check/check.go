// Package check holds what is expected of the rows that a pipeline has staged.
// All rules about a table are put to it by one query, that passes over it once;
// rows are looked at only where a rule fails.
package check

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// samples is how many rows a failed rule shows.
const samples = 5

// Subject is a staged table, and what its rules need to know beside it.
type Subject struct {
	Table     asof.Table
	AsOf      time.Time             // the day that its file is of
	File      string                // its name, for messages
	Before    string                // what stands in FROM for the newest month before; "" where there is none
	BeforeDay time.Time             // the day that it is of
	Came      time.Time             // when the run was asked for
	Profile   bool                  // what each column holds is asked for too
	Loaded    map[string]asof.Table // the run's tables, by name
	Failed    map[string]bool       // those of them that could not be staged, which is told already

	// Lines finds the lines of rows in the file by their keys, as text, joined
	// by zero bytes.
	Lines func(keys [][]string) map[string][]asof.Place
}

// Implicit returns what is expected of a loaded table without being said: rows,
// unless it may be empty, and that its references are kept.
func Implicit(t asof.Table, allowEmpty bool, place asof.Place) []Rule {
	var rules []Rule
	if !allowEmpty {
		rules = append(rules, Rule{Kind: Rows, Min: "1", Place: place})
	}
	for _, c := range t.Columns {
		if parent := t.References[c.Name]; parent != "" {
			rules = append(rules, Rule{Kind: References, Columns: []string{c.Name}, Parent: parent, Place: place})
		}
	}
	return rules
}

// checker puts rules to one table of a stage.
type checker struct {
	Subject
	ctx   context.Context
	stage asof.Stage
}

// Outcome is what became of all rules about a table.
type Outcome struct {
	Rows    int64
	Results []Result  // one for each rule
	Profile []Profile // of each column, where the subject asks for it
}

// Run puts rules to a staged table. A rule that cannot be put is CodeInvalid;
// SQL that the warehouse does not understand is a result, and the others are
// put all the same.
func Run(ctx context.Context, stage asof.Stage, s Subject, rules []Rule) (Outcome, error) {
	c := &checker{Subject: s, ctx: ctx, stage: stage}
	for _, r := range rules {
		if reason := r.Unfit(s.Table); reason != "" {
			return Outcome{}, asof.Problems{{Place: r.Place, Message: reason}}.Err()
		}
	}
	done, err := c.put(rules)
	if asof.ErrorCode(err) != asof.CodeInvalid {
		return done, err
	}
	broken, others := c.misunderstood(rules)
	if len(broken) == 0 {
		return done, err
	}
	if done, err = c.put(others); err != nil {
		return done, err
	}
	for i := range rules {
		if result, ok := broken[i]; ok {
			done.Results = slices.Insert(done.Results, i, result)
		}
	}
	return done, nil
}

// put puts rules to the table by one query, and looks at rows only where one
// fails.
func (c *checker) put(rules []Rule) (Outcome, error) {
	asks := make([]ask, len(rules))
	var values []string
	for i, r := range rules {
		asks[i] = ask{found: "0"} // what it refers to could not be loaded
		switch {
		case r.Kind.Compares() && r.Kind != DayGap && c.Before == "":
			asks[i].found = "NULL"
		case r.writesSQL() && len(c.Failed) > 0: // its tables may not be there
		case !c.Failed[r.Parent]:
			var err error
			if asks[i], err = c.ask(r); err != nil {
				return Outcome{}, err
			}
		}
		values = append(values, asks[i].found, cmp.Or(asks[i].of, "0"))
	}
	if c.Profile {
		for _, column := range c.Table.Columns {
			values = append(values, profile(column)...)
		}
	}
	answer, err := c.values(append([]string{"count(*)"}, values...))
	if err != nil {
		return Outcome{}, err
	}
	return c.judged(rules, asks, answer)
}

// judged holds the answer against the rules.
func (c *checker) judged(rules []Rule, asks []ask, answer []string) (done Outcome, err error) {
	done.Rows, _ = strconv.ParseInt(answer[0], 10, 64)
	answer = answer[1:]
	for i, r := range rules {
		found := answer[2*i]
		if (r.Kind == PSI || r.Kind == KS) && c.Before != "" {
			if found, err = c.compare(r); err != nil {
				return done, err
			}
		}
		result := judge(r, found, answer[2*i+1])
		result.ask = asks[i]
		if !result.Holds {
			if result.Problem, err = c.tell(result, asks[i], done.Rows); err != nil {
				return done, err
			}
		}
		done.Results = append(done.Results, result)
	}
	if c.Profile {
		for i, column := range c.Table.Columns {
			done.Profile = append(done.Profile, readProfile(column, answer[2*len(rules)+i*profiled:]))
		}
	}
	return done, nil
}

// together is how many values a query of a checker asks for at most: a
// PostgreSQL answer has 1664 columns.
const together = 1600

// values returns what SQL says of the table, as text: by one query, as long as
// they fit into its answer.
func (c *checker) values(asked []string) (answer []string, err error) {
	for part := range slices.Chunk(asked, together) {
		list := "CAST(" + strings.Join(part, " AS text), CAST(") + " AS text)"
		rows, err := c.texts("SELECT " + list + " FROM " + sqltext.Name(c.Table.Name) + " s")
		if err != nil {
			return nil, err
		}
		answer = append(answer, rows[0]...)
	}
	return answer, nil
}

// misunderstood finds the rules whose own SQL fails, by their places in rules:
// whatever their severity, they stop the run. It returns the others too.
func (c *checker) misunderstood(rules []Rule) (broken map[int]Result, others []Rule) {
	broken = map[int]Result{}
	for i, r := range rules {
		if r.writesSQL() {
			a, err := c.ask(r)
			if err == nil {
				_, err = c.texts("SELECT CAST(" + a.found + " AS text) FROM " + sqltext.Name(c.Table.Name) + " s")
			}
			if asof.ErrorCode(err) == asof.CodeInvalid {
				r.Warn = false
				broken[i] = Result{Rule: r, Measured: math.NaN(), Problem: asof.Problem{Place: r.Place, Message: fmt.Sprintf("table %q, %s: %v", c.Table.Name, r.Kind, err)}}
				continue
			}
		}
		others = append(others, r)
	}
	return broken, others
}

// judge holds what was found against the rule.
func judge(r Rule, found, of string) Result {
	result := Result{Rule: r, Measured: math.NaN()}
	if measured, err := strconv.ParseFloat(found, 64); err == nil {
		result.Measured = measured
	}
	result.Of, _ = strconv.ParseInt(of, 10, 64)
	switch {
	case r.Kind.measures():
		result.Holds = !r.outside(result.Measured)
	case r.Kind == MonthPresent:
		result.Holds = result.Measured > 0
	case r.Kind == OnTime:
		result.Holds = result.Measured <= float64(r.calendar().GraceDays)
	default:
		enough := float64(result.Of)
		if r.Mostly > 0 {
			enough = math.Ceil(r.Mostly*enough - 1e-9) // 0.95 of 20 is 19, whatever the binary fraction
		}
		result.Holds = !(result.Measured > float64(result.Of)-enough)
	}
	return result
}

// texts returns all rows of a query as text; null is "".
func (c *checker) texts(sql string) ([][]string, error) {
	rows, err := c.stage.Query(c.ctx, sql)
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
				switch text, ok := column.(*array.String); {
				case column.IsNull(i):
				case ok:
					row[j] = strings.Clone(text.Value(i))
				default:
					row[j] = column.ValueStr(i)
				}
			}
			all = append(all, row)
		}
	}
	return all, rows.Err()
}
