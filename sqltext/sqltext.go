// Package sqltext writes names and strings into statements, as DuckDB, PostgreSQL
// and SQLite all read them. Values that a driver can bind are bound instead.
package sqltext

import "strings"

// Name returns a name of a table or a column in double quotes. A byte 0, which
// no name can have and at which a statement would end, is left out.
func Name(name string) string { return quoted(name, `"`) }

// Names returns each of the names as Name does.
func Names(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = Name(name)
	}
	return all
}

// Text returns a string in single quotes. A byte 0, which PostgreSQL's text
// cannot have and at which a statement would end, is left out.
func Text(text string) string { return quoted(text, `'`) }

func quoted(s, quote string) string {
	return quote + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), quote, quote+quote) + quote
}
