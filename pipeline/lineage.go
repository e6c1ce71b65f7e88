package pipeline

import (
	"path/filepath"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/check"
)

// Data is a file that a run reads or a table that it writes.
type Data struct {
	File    string // its path; "" of a table
	Table   string
	Columns []asof.TableColumn
	Rows    int64        // read, or added and changed; less than 0 where the report does not say it
	Checks  []check.Kept // put to the file's rows
}

// Lineage is what a run reads and writes.
type Lineage struct {
	Read, Written []Data
	Views         []string // that it brings online
	AllViews      bool     // it brings all views online
}

// Lineage returns what a run with those values reads and writes. The report may
// be of a run that goes on, or has failed.
func (p *Pipeline) Lineage(v Values, repo string, report KeptReport) (l Lineage) {
	kept := map[string]KeptStep{}
	checks := map[string][]check.Kept{} // by table
	changes := map[string]int64{}
	for _, s := range report.Steps {
		kept[s.Name] = s
		checks[s.Table] = append(checks[s.Table], s.Checks...)
		for _, c := range s.Changes {
			changes[c.Table] = c.Added + c.Changed
		}
	}
	table := func(name string, columns []asof.TableColumn) {
		rows, known := changes[name]
		if !known {
			rows = -1
		}
		l.Written = append(l.Written, Data{Table: name, Columns: columns, Rows: rows})
	}
	for _, s := range p.Steps {
		if !s.When.Holds(v) {
			continue
		}
		switch {
		case s.Load != nil:
			if s.Load.Query == "" {
				one := Data{File: v.fill(s.Load.File), Columns: s.Load.Table.Columns, Rows: -1, Checks: checks[s.Load.Table.Name]}
				if !filepath.IsAbs(one.File) {
					one.File = filepath.Join(repo, one.File)
				}
				if report, done := kept[s.Name]; done {
					one.Rows = report.Rows
				}
				l.Read = append(l.Read, one)
			}
			table(s.Load.Table.Name, s.Load.Table.Columns)
		case s.Snapshot != nil:
			table(s.Snapshot.Table.Name, s.Snapshot.Table.SnapshotColumns())
		case s.Materialize != nil:
			l.Views = append(l.Views, s.Materialize.Views...)
			l.AllViews = l.AllViews || s.Materialize.Views == nil
		}
	}
	return l
}
