package check

import "slices"

// Kind says what a rule is about.
type Kind string

// The rules.
const (
	NotNull        Kind = "not_null"
	Minimum        Kind = "min"
	Maximum        Kind = "max"
	AcceptedValues Kind = "accepted_values"
	RejectedValues Kind = "rejected_values"
	Matches        Kind = "matches"     // a regular expression, somewhere in the text
	NotMatches     Kind = "not_matches" // nowhere in it
	Length         Kind = "length"      // of a text, in characters
	InMonth        Kind = "in_month"    // of the day that the files are of
	Compare        Kind = "compare"     // two columns of a row
	DateFormat     Kind = "date_format" // a text that is a day, or a time, in a format of strftime
	Increasing     Kind = "increasing"  // never falls, in the order of another column
	Decreasing     Kind = "decreasing"  // never rises
	NoOverlap      Kind = "no_overlap"  // later than all of the month before
	References     Kind = "references"  // in the key of a table, staged or published
	Expression     Kind = "expression"  // a condition in SQL over the columns of a row

	Unique       Kind = "unique"        // its columns together, where none is null
	NotConstant  Kind = "not_constant"  // more than one value, where there is more than one row
	MonthPresent Kind = "month_present" // some value is of the month that the files are of
	Covers       Kind = "covers"        // each key of another file of the run is there
	SQL          Kind = "sql"           // returns no rows
	Schema       Kind = "schema"        // exactly these columns, of these types
	OnTime       Kind = "on_time"       // the month has come by a calendar

	Rows      Kind = "rows"
	NullShare Kind = "null_share" // 0 to 1
	Lowest    Kind = "lowest"
	Highest   Kind = "highest"
	Distinct  Kind = "distinct" // how many values
	Mean      Kind = "mean"
	Median    Kind = "median"
	Quantile  Kind = "quantile"
	Stddev    Kind = "stddev" // of a sample
	Sum       Kind = "sum"
	DaysOld   Kind = "days_old" // the newest value, on the day that the files are of

	// Against the newest month before.
	MonthGap  Kind = "month_gap"  // how many months were left out since
	DayGap    Kind = "day_gap"    // the most days in a row that no row is of, counted from the last one before
	RowChange Kind = "row_change" // the number of rows: 0.1 is a tenth more
	PSI       Kind = "psi"        // the population stability index
	KS        Kind = "ks"         // the statistic of Kolmogorov and Smirnov
)

// Form says what stands behind a rule's name.
type Form int

// The forms.
const (
	Columns    Form = iota // its columns
	Each                   // one text; the columns stand under `columns`
	List                   // a list of texts; the columns stand under `columns`
	Bounds                 // min and max; the columns stand under `columns`
	TableBound             // min and max of the whole table
	Table                  // a table that the run loads
	Comparison             // a column, an operator, a column
	Reference              // a table, and its column; the columns stand under `columns`
	Query                  // SQL
	Shape                  // names of columns, or names with types
	Calendar               // as asof.ParseFreshness reads it
)

// KindForm is a rule that a file may ask for, and how.
type KindForm struct {
	Kind Kind
	Form Form
}

// Forms lists the rules that a file may ask for, in the order in which they
// are told.
var Forms = []KindForm{
	{NotNull, Columns}, {Minimum, Each}, {Maximum, Each}, {AcceptedValues, List}, {RejectedValues, List},
	{Matches, Each}, {NotMatches, Each}, {Length, Bounds}, {DateFormat, Each}, {InMonth, Columns}, {NoOverlap, Columns},
	{Compare, Comparison}, {Expression, Query}, {Increasing, Columns}, {Decreasing, Columns}, {References, Reference},
	{Unique, Columns}, {NotConstant, Columns}, {MonthPresent, Columns}, {Covers, Table}, {SQL, Query}, {Schema, Shape}, {OnTime, Calendar},
	{Rows, TableBound}, {NullShare, Bounds}, {Distinct, Bounds}, {Lowest, Bounds}, {Highest, Bounds}, {Mean, Bounds},
	{Median, Bounds}, {Quantile, Bounds}, {Stddev, Bounds}, {Sum, Bounds}, {DaysOld, Bounds},
	{MonthGap, TableBound}, {DayGap, Bounds}, {RowChange, TableBound}, {PSI, Bounds}, {KS, Bounds},
}

// byRow are the kinds that single rows pass or fail: Mostly may be said of
// them.
var byRow = []Kind{NotNull, Minimum, Maximum, AcceptedValues, RejectedValues, Matches, NotMatches, Length, DateFormat, InMonth, NoOverlap,
	Compare, Expression, Increasing, Decreasing, References}

// ByRow reports whether single rows pass or fail the rule.
func (k Kind) ByRow() bool { return slices.Contains(byRow, k) }

// Compares reports whether the rule is about the month before.
func (k Kind) Compares() bool {
	return slices.Contains([]Kind{RowChange, PSI, KS, MonthGap, DayGap, NoOverlap}, k)
}

// measures reports whether the rule bounds what is measured of the table.
func (k Kind) measures() bool {
	form := KindForm{k, Bounds}
	return k != Length && slices.Contains(Forms, form) || slices.Contains(Forms, KindForm{k, TableBound})
}
