// Package tablefile reads the rows of tables from files: CSV of any dialect and
// encoding, JSON lines and Parquet, also compressed, one file or a folder of
// them. Rows come as Arrow batches in the table's types. What is wrong with a
// file is told as asof.Problems, each with its file and line.
package tablefile

import "github.com/asof-dev/asof"

// Form says how files are read as the rows of a table.
type Form struct {
	Table    asof.Table
	Format   Format // "": what a name's end says, CSV where it says nothing
	CSV      Dialect
	Rename   map[string]string // the files' name of a column → the table's
	Ignore   []string          // columns of the files; "*": all that the table has not
	FromPath map[string]string // column → a regular expression that finds its value in a file's name: its group, or the whole match
}

// Files are the files of a table, read one after the other. The zero value is
// none.
type Files struct {
	form   *Form
	inputs []input
}
