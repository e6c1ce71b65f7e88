package check

import (
	"strconv"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/sqltext"
)

// Profile says what a column of a table holds. What cannot be said of its type,
// or of a column without values, is nil or "".
type Profile struct {
	Column   string   `json:"column"`
	Type     string   `json:"type"`
	Nulls    int64    `json:"nulls"`
	Distinct int64    `json:"distinct"`
	Mean     *float64 `json:"mean"` // of a boolean, the share of true
	Stddev   *float64 `json:"stddev"`
	Least    string   `json:"least"` // of numbers and times, as text
	Greatest string   `json:"greatest"`
}

// profiled is how many values of a query say a column's profile.
const profiled = 6

// profile returns SQL for a column's profile.
func profile(c asof.TableColumn) []string {
	column := "s." + sqltext.Name(c.Name)
	mean, stddev, least, greatest := "NULL", "NULL", "NULL", "NULL"
	switch family(c.Type) {
	case "number":
		double := "CAST(" + column + " AS double precision)"
		mean, stddev, least, greatest = "avg("+double+")", "stddev_samp("+double+")", "min("+column+")", "max("+column+")"
	case "boolean":
		mean = "avg(CASE WHEN " + column + " THEN 1.0 WHEN NOT " + column + " THEN 0.0 END)"
	case "time":
		least, greatest = "min("+column+")", "max("+column+")"
	}
	return []string{"count(*) - count(" + column + ")", "count(DISTINCT " + column + ")", mean, stddev, least, greatest}
}

// readProfile returns the profile that the values say.
func readProfile(c asof.TableColumn, values []string) Profile {
	p := Profile{Column: c.Name, Type: c.Type, Least: plain(values[4], c.Type), Greatest: plain(values[5], c.Type)}
	p.Nulls, _ = strconv.ParseInt(values[0], 10, 64)
	p.Distinct, _ = strconv.ParseInt(values[1], 10, 64)
	for i, to := range map[int]**float64{2: &p.Mean, 3: &p.Stddev} {
		if number, err := strconv.ParseFloat(values[i], 64); err == nil {
			*to = &number
		}
	}
	return p
}
