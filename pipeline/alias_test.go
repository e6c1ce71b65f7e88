package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/asof-dev/asof/check"
)

// readRules returns the rules of one item of `expect`.
func readRules(t *testing.T, item string) ([]check.Rule, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.yaml")
	text := "name: p\nparams: {as_of: {type: date}}\nsteps:\n" +
		"  - {load: users, file: u.csv, key: id, columns: {id: integer, name: text}}\n" +
		"  - {load: t, file: t.csv, key: id, columns: {id: integer, a: integer, b: integer, s: text}}\n" +
		"  - {check: t, expect: [" + item + "]}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Load(path)
	if err != nil {
		return nil, err
	}
	rules := p.Steps[2].Check.Rules
	for i := range rules {
		rules[i].Place.Line, rules[i].Place.File = 0, ""
	}
	return rules, nil
}

// TestOtherToolsNamesAreOurRules holds each name of another tool beside what
// stands for it.
func TestOtherToolsNamesAreOurRules(t *testing.T) {
	tested := map[string]bool{}
	for theirs, ours := range map[string]string{
		"{accepted_values: {values: [x, y]}, column: s, severity: warn}":                                 "{accepted_values: [x, y], column: s, severity: warn}",
		`{relationships: {to: "ref('users')", field: id}, column: a}`:                                    "{references: users, key: id, column: a}",
		"{dbt_utils.accepted_range: {min_value: 0, max_value: 5}, column: a}":                            "{min: 0, column: a}, {max: 5, column: a}",
		"{dbt_utils.not_null_proportion: {at_least: 0.9}, column: a}":                                    "{not_null: a, mostly: 0.9}",
		"{dbt_utils.unique_combination_of_columns: {combination_of_columns: [a, b]}}":                    "{unique: [a, b]}",
		"{expect_column_values_to_not_be_null: {column: a, mostly: 0.5}}":                                "{not_null: a, mostly: 0.5}",
		"{dbt_expectations.expect_column_values_to_be_unique: {column: a}}":                              "{unique: a}",
		"{expect_compound_columns_to_be_unique: {column_list: [a, b]}}":                                  "{unique: [a, b]}",
		"{expect_column_values_to_be_in_set: {column: a, value_set: [1, 2], mostly: 0.9}}":               "{accepted_values: [1, 2], column: a, mostly: 0.9}",
		"{expect_column_distinct_values_to_be_in_set: {column: a, value_set: [1, 2]}}":                   "{accepted_values: [1, 2], column: a}",
		"{expect_column_values_to_not_be_in_set: {column: s, value_set: [x]}}":                           "{rejected_values: [x], column: s}",
		"{expect_column_values_to_be_between: {column: a, max_value: 9, mostly: 0.9}}":                   "{max: 9, column: a, mostly: 0.9}",
		"{expect_column_values_to_match_regex: {column: s, regex: '^a'}}":                                "{matches: '^a', column: s}",
		"{expect_column_values_to_not_match_regex: {column: s, regex: '^a'}}":                            "{not_matches: '^a', column: s}",
		"{expect_column_value_lengths_to_be_between: {column: s, min_value: 1}}":                         "{length: {min: 1}, column: s}",
		"{expect_table_row_count_to_be_between: {min_value: 1, max_value: 9}}":                           "{rows: {min: 1, max: 9}}",
		"{expect_table_row_count_to_equal: {value: 9}, severity: warn}":                                  "{rows: {min: 9, max: 9}, severity: warn}",
		"{expect_column_unique_value_count_to_be_between: {column: a, min_value: 1}}":                    "{distinct: {min: 1}, column: a}",
		"{expect_column_mean_to_be_between: {column: a, min_value: 1, max_value: 2}}":                    "{mean: {min: 1, max: 2}, column: a}",
		"{expect_column_median_to_be_between: {column: a, min_value: 1}}":                                "{median: {min: 1}, column: a}",
		"{expect_column_stdev_to_be_between: {column: a, max_value: 1}}":                                 "{stddev: {max: 1}, column: a}",
		"{expect_column_sum_to_be_between: {column: a, max_value: 1}}":                                   "{sum: {max: 1}, column: a}",
		"{expect_column_proportion_of_non_null_values_to_be_between: {column: a, min_value: 0.5}}":       "{not_null: a, mostly: 0.5}",
		"{dbt_utils.not_accepted_values: {values: [x]}, column: s}":                                      "{rejected_values: [x], column: s}",
		"{dbt_utils.expression_is_true: {expression: a <= b}, severity: warn}":                           "{expression: a <= b, severity: warn}",
		"{expect_column_value_lengths_to_equal: {column: s, value: 3, mostly: 0.5}}":                     "{length: {min: 3, max: 3}, column: s, mostly: 0.5}",
		"{expect_column_values_to_match_strftime_format: {column: s, strftime_format: '%Y-%m-%d'}}":      "{date_format: '%Y-%m-%d', column: s}",
		"{expect_column_pair_values_a_to_be_greater_than_b: {column_A: a, column_B: b, mostly: 0.9}}":    "{compare: [a, '>', b], mostly: 0.9}",
		"{expect_column_pair_values_a_to_be_greater_than_b: {column_A: a, column_B: b, or_equal: true}}": "{compare: [a, '>=', b]}",
		"{expect_column_pair_values_to_be_equal: {column_A: a, column_B: b}}":                            "{compare: [a, '=', b]}",
		"{expect_table_columns_to_match_set: {column_set: [a, b]}}":                                      "{schema: [a, b]}",
		"{expect_column_min_to_be_between: {column: a, min_value: 1, max_value: 2}}":                     "{lowest: {min: 1, max: 2}, column: a}",
		"{expect_column_max_to_be_between: {column: a, max_value: 2}}":                                   "{highest: {max: 2}, column: a}",
	} {
		got, err := readRules(t, theirs)
		if err != nil {
			t.Errorf("%s: %v", theirs, err)
		}
		want, err := readRules(t, ours)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s is not %s:\n%s", theirs, ours, diff)
		}
		name, _, _ := strings.Cut(strings.Trim(theirs, "{"), ":")
		tested[packages.ReplaceAllString(name, "")] = true
	}
	page, err := os.ReadFile("../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range aliases {
		if !tested[name] || !strings.Contains(string(page), "`"+name) {
			t.Errorf("%s: tested %v, documented %v", name, tested[name], strings.Contains(string(page), "`"+name))
		}
	}
}

func TestArgumentsOfOtherToolsThatAreNotKnownAreTold(t *testing.T) {
	for item, want := range map[string]string{
		"{expect_column_values_to_be_between: {column: a, min_value: 0, strict_min: true}}": `unknown key "strict_min" in expect_column_values_to_be_between`,
		"{expect_column_values_to_be_between: {column: a}}":                                 "expect_column_values_to_be_between needs one bound",
		"{expect_column_values_to_not_be_null: a}":                                          "write its arguments as it does",
		"{expect_column_values_to_not_be_nul: {column: a}}":                                 `did you mean "expect_column_values_to_not_be_null"`,
		"{expect_column_pair_values_to_be_equal: {column_A: a}}":                            "the comparison needs `column_B`",
		"{expect_column_pair_values_to_be_equal: {column_A: a, column_B: s}}":               "an integer can't be compared with a text",
		"{date_format: '%Y-%q', column: s}":                                                 "%q; known: %Y %m %d %H %M %S",
		"{date_format: '%Y%Y', column: s}":                                                  "%Y twice",
		"{date_format: 'day', column: s}":                                                   `"day" is no format`,
		"{date_format: '%Y', column: a}":                                                    "an integer has no format",
		"{min: 1, column: a, strictly: true}":                                               "`strictly` belongs to increasing",
		"{decreasing: a}":                                                                   "decreasing needs `by`",
		"{sql: SELECT 1, mostly: 0.5}":                                                      "mostly is a share of rows",
		"{schema: {a: nonsense}}":                                                           `the type "nonsense" is not known`,
		"{relationships: {to: users, field: nme}, column: a}":                               `table users has no column "nme"; did you mean "name"?`,
	} {
		if _, err := readRules(t, item); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", item, err, want)
		}
	}
}
