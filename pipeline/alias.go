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
	kinds []check.Kind
	names map[string]string // our argument → theirs
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
	"accepted_values":               {[]check.Kind{check.AcceptedValues}, map[string]string{"value": "values", "columns": "column"}},
	"relationships":                 {[]check.Kind{check.References}, map[string]string{"value": "to", "key": "field", "columns": "column"}},
	"accepted_range":                {[]check.Kind{check.Minimum, check.Maximum}, measured},
	"not_null_proportion":           {[]check.Kind{check.NotNull}, map[string]string{"columns": "column", "mostly": "at_least"}},
	"unique_combination_of_columns": {[]check.Kind{check.Unique}, map[string]string{"columns": "combination_of_columns"}},

	"expect_column_values_to_not_be_null":                       {[]check.Kind{check.NotNull}, oneColumn},
	"expect_column_values_to_be_unique":                         {[]check.Kind{check.Unique}, map[string]string{"columns": "column"}},
	"expect_compound_columns_to_be_unique":                      {[]check.Kind{check.Unique}, map[string]string{"columns": "column_list"}},
	"expect_column_values_to_be_in_set":                         {[]check.Kind{check.AcceptedValues}, with("value", "value_set")},
	"expect_column_values_to_not_be_in_set":                     {[]check.Kind{check.RejectedValues}, with("value", "value_set")},
	"expect_column_values_to_be_between":                        {[]check.Kind{check.Minimum, check.Maximum}, between},
	"expect_column_values_to_match_regex":                       {[]check.Kind{check.Matches}, with("value", "regex")},
	"expect_column_values_to_not_match_regex":                   {[]check.Kind{check.NotMatches}, with("value", "regex")},
	"expect_column_value_lengths_to_be_between":                 {[]check.Kind{check.Length}, between},
	"expect_table_row_count_to_be_between":                      {[]check.Kind{check.Rows}, map[string]string{"min": "min_value", "max": "max_value"}},
	"expect_table_row_count_to_equal":                           {[]check.Kind{check.Rows}, map[string]string{"min": "value", "max": "value"}},
	"expect_column_unique_value_count_to_be_between":            {[]check.Kind{check.Distinct}, measured},
	"expect_column_mean_to_be_between":                          {[]check.Kind{check.Mean}, measured},
	"expect_column_median_to_be_between":                        {[]check.Kind{check.Median}, measured},
	"expect_column_stdev_to_be_between":                         {[]check.Kind{check.Stddev}, measured},
	"expect_column_sum_to_be_between":                           {[]check.Kind{check.Sum}, measured},
	"expect_column_distinct_values_to_be_in_set":                {[]check.Kind{check.AcceptedValues}, map[string]string{"columns": "column", "value": "value_set"}},
	"expect_column_proportion_of_non_null_values_to_be_between": {[]check.Kind{check.NotNull}, map[string]string{"columns": "column", "mostly": "min_value"}},
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
