package pipeline

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/asof-dev/asof/check"
)

// alias is a rule under another tool's name: its arguments stand in a mapping
// behind the name.
type alias struct {
	kinds    []check.Kind
	names    map[string]string // our argument → theirs
	operator string            // of a comparison of two columns, a and b
}

var (
	oneColumn = map[string]string{"columns": "column", "mostly": "mostly"}
	between   = map[string]string{"columns": "column", "mostly": "mostly", "min": "min_value", "max": "max_value"}
	measured  = map[string]string{"columns": "column", "min": "min_value", "max": "max_value"}
)

// with returns one column's arguments and one more.
func with(ours, theirs string) map[string]string {
	return map[string]string{"columns": "column", "mostly": "mostly", ours: theirs}
}

// aliases are the names of dbt's tests, those of dbt_utils, and Great
// Expectations'.
var aliases = map[string]alias{
	"accepted_values":               {kinds: []check.Kind{check.AcceptedValues}, names: map[string]string{"value": "values", "columns": "column"}},
	"not_accepted_values":           {kinds: []check.Kind{check.RejectedValues}, names: map[string]string{"value": "values", "columns": "column"}},
	"expression_is_true":            {kinds: []check.Kind{check.Expression}, names: map[string]string{"value": "expression"}},
	"relationships":                 {kinds: []check.Kind{check.References}, names: map[string]string{"value": "to", "key": "field", "columns": "column"}},
	"accepted_range":                {kinds: []check.Kind{check.Minimum, check.Maximum}, names: measured},
	"not_null_proportion":           {kinds: []check.Kind{check.NotNull}, names: map[string]string{"columns": "column", "mostly": "at_least"}},
	"unique_combination_of_columns": {kinds: []check.Kind{check.Unique}, names: map[string]string{"columns": "combination_of_columns"}},

	"expect_column_values_to_not_be_null":                       {kinds: []check.Kind{check.NotNull}, names: oneColumn},
	"expect_column_values_to_be_unique":                         {kinds: []check.Kind{check.Unique}, names: map[string]string{"columns": "column"}},
	"expect_compound_columns_to_be_unique":                      {kinds: []check.Kind{check.Unique}, names: map[string]string{"columns": "column_list"}},
	"expect_column_values_to_be_in_set":                         {kinds: []check.Kind{check.AcceptedValues}, names: with("value", "value_set")},
	"expect_column_values_to_not_be_in_set":                     {kinds: []check.Kind{check.RejectedValues}, names: with("value", "value_set")},
	"expect_column_values_to_be_between":                        {kinds: []check.Kind{check.Minimum, check.Maximum}, names: between},
	"expect_column_values_to_match_regex":                       {kinds: []check.Kind{check.Matches}, names: with("value", "regex")},
	"expect_column_values_to_not_match_regex":                   {kinds: []check.Kind{check.NotMatches}, names: with("value", "regex")},
	"expect_column_value_lengths_to_be_between":                 {kinds: []check.Kind{check.Length}, names: between},
	"expect_column_value_lengths_to_equal":                      {kinds: []check.Kind{check.Length}, names: map[string]string{"columns": "column", "mostly": "mostly", "min": "value", "max": "value"}},
	"expect_column_values_to_match_strftime_format":             {kinds: []check.Kind{check.DateFormat}, names: with("value", "strftime_format")},
	"expect_column_pair_values_a_to_be_greater_than_b":          {names: map[string]string{"a": "column_A", "b": "column_B", "or_equal": "or_equal", "mostly": "mostly"}, operator: ">"},
	"expect_column_pair_values_to_be_equal":                     {names: map[string]string{"a": "column_A", "b": "column_B", "mostly": "mostly"}, operator: "="},
	"expect_table_columns_to_match_set":                         {kinds: []check.Kind{check.Schema}, names: map[string]string{"value": "column_set"}},
	"expect_table_row_count_to_be_between":                      {kinds: []check.Kind{check.Rows}, names: map[string]string{"min": "min_value", "max": "max_value"}},
	"expect_table_row_count_to_equal":                           {kinds: []check.Kind{check.Rows}, names: map[string]string{"min": "value", "max": "value"}},
	"expect_column_unique_value_count_to_be_between":            {kinds: []check.Kind{check.Distinct}, names: measured},
	"expect_column_min_to_be_between":                           {kinds: []check.Kind{check.Lowest}, names: measured},
	"expect_column_max_to_be_between":                           {kinds: []check.Kind{check.Highest}, names: measured},
	"expect_column_mean_to_be_between":                          {kinds: []check.Kind{check.Mean}, names: measured},
	"expect_column_median_to_be_between":                        {kinds: []check.Kind{check.Median}, names: measured},
	"expect_column_stdev_to_be_between":                         {kinds: []check.Kind{check.Stddev}, names: measured},
	"expect_column_sum_to_be_between":                           {kinds: []check.Kind{check.Sum}, names: measured},
	"expect_column_distinct_values_to_be_in_set":                {kinds: []check.Kind{check.AcceptedValues}, names: map[string]string{"columns": "column", "value": "value_set"}},
	"expect_column_proportion_of_non_null_values_to_be_between": {kinds: []check.Kind{check.NotNull}, names: map[string]string{"columns": "column", "mostly": "min_value"}},
}

// packages are what dbt writes before the names of its packages' tests.
var packages = regexp.MustCompile(`^(dbt_utils|dbt_expectations)\.`)

// dbtReference is how dbt names a model.
var dbtReference = regexp.MustCompile(`^ref\(['"]([^'"]+)['"]\)$`)

// aliasOf returns the alias of a name that stands before a mapping.
func aliasOf(name string, value ast.Node) (alias, bool) {
	known, ok := aliases[packages.ReplaceAllString(name, "")]
	_, mapping := value.(ast.MapNode)
	return known, ok && mapping
}

// arguments returns what stands behind an alias, by our names.
func (f *fileReader) arguments(name string, known alias, value ast.Node) map[string]ast.Node {
	theirs := slices.Sorted(maps.Values(known.names))
	given := f.known(value, name, slices.Compact(theirs))
	args := map[string]ast.Node{}
	for ours, their := range known.names {
		if given[their] != nil {
			args[ours] = given[their]
		}
	}
	return args
}

// referred returns the name of a table that may be written as dbt does,
// ref('users').
func referred(table string) string {
	if m := dbtReference.FindStringSubmatch(strings.TrimSpace(table)); m != nil {
		return m[1]
	}
	return table
}
