package tablefile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/asof-dev/asof"
)

// fileNames returns the name that the file has for each column of the table, ""
// where the value is given.
func (r *rows) fileNames() []string {
	names := make([]string, len(r.table.Columns))
	for i, c := range r.table.Columns {
		if _, ok := r.in.given[c.Name]; ok {
			continue
		}
		names[i] = c.Name
		for theirs, ours := range r.in.form.Rename {
			if ours == c.Name {
				names[i] = theirs
			}
		}
	}
	return names
}

// header reads the first record, where it names the columns.
func (r *rows) header() error {
	d := r.in.form.CSV
	if err := r.first(); err != nil {
		return err
	}
	if d.NoHeader {
		names := d.Names
		if names == nil {
			names = slices.DeleteFunc(r.fileNames(), func(name string) bool { return name == "" })
		}
		return r.place(names, 1)
	}
	s := newScanner(d)
	s.reset(r.body)
	fields, err := s.record()
	if errors.Is(err, io.EOF) {
		return r.problem(1, "the file is empty: it has no header").Err()
	}
	if err != nil {
		return r.fault(err)
	}
	r.body = s.left()
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = string(f.value)
	}
	return r.place(names, s.line())
}

// everyOther stands for the columns of a file that the table has not.
const everyOther = "*"

// place finds the table's columns among those of the file, which are named in a
// line.
func (r *rows) place(names []string, line int) error {
	known := r.fileNames()
	if i := strings.IndexAny(names[0], ",;\t|"); len(names) == 1 && len(known) > 1 && i >= 0 {
		return r.problem(line, "the cells are separated by %q, and have to be by %q; set `csv: {delimiter: %q}`", names[0][i], r.in.form.CSV.delimiter(), names[0][i:i+1]).Err()
	}
	where := "the header"
	if r.in.format() == Parquet {
		where = "the file"
	}
	var found, extra []string
	for _, name := range names {
		place := slices.Index(known, name)
		if name == "" {
			place = -1
		}
		switch {
		case place >= 0 && slices.Contains(found, name):
			r.problem(line, "%s has the column %q twice", where, name)
		case place < 0 && !slices.Contains(r.in.form.Ignore, name) && !slices.Contains(r.in.form.Ignore, everyOther):
			extra = append(extra, name)
		}
		found = append(found, name)
		r.places = append(r.places, place)
	}
	for i, name := range known {
		if name != "" && !slices.Contains(found, name) {
			r.problem(line, "the column %q%s of table %q is missing in %s%s", name, r.renamed(i, name), r.table.Name, where, near(name, extra))
		}
	}
	for _, name := range extra {
		r.problem(line, "table %q has no column %q, which %s has%s", r.table.Name, name, where, near(name, known))
	}
	return r.problems.Err()
}

// renamed says what a column of the file is called in the table.
func (r *rows) renamed(i int, name string) string {
	if own := r.table.Columns[i].Name; own != name {
		return " (" + own + ")"
	}
	return ""
}

// near ends a sentence with the names that are near.
func near(name string, names []string) string {
	if nearest := asof.Nearest(name, names); len(nearest) > 0 {
		return fmt.Sprintf("; %q is near", nearest[0])
	}
	return ""
}
