package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/runsql"
)

// Runs is an asof.RunStore in one SQLite file. Its clock is that of the host,
// which all processes with the file share.
type Runs struct {
	*runsql.Store
	db *runFile
}

var _ asof.RunStore = (*Runs)(nil)

// OpenRuns returns the run store in the file of that path. The file is made by
// the first run.
func OpenRuns(path string) *Runs {
	db := &runFile{newFile(path, "run store"), runsql.Layouts()}
	return &Runs{runsql.New(db), db}
}

// Close closes the file.
func (r *Runs) Close() error { return r.db.Close() }

// Statistics is an asof.StatisticsStore in one SQLite file, beside the runs.
type Statistics struct {
	*runsql.StatisticsStore
	db *runFile
}

var _ asof.StatisticsStore = (*Statistics)(nil)

// OpenStatistics returns the statistics in the file of that path. The file is
// made by the first of them.
func OpenStatistics(path string) *Statistics {
	db := &runFile{newFile(path, "statistics"), runsql.StatisticsLayouts()}
	return &Statistics{runsql.NewStatistics(db), db}
}

// Close closes the file.
func (s *Statistics) Close() error { return s.db.Close() }

// Definitions is an asof.DefinitionLog in one SQLite file, beside the runs.
type Definitions struct {
	*runsql.DefinitionLog
	db *runFile
}

var _ asof.DefinitionLog = (*Definitions)(nil)

// OpenDefinitions returns the log in the file of that path. The file is made by
// the first state that is noted.
func OpenDefinitions(path string) *Definitions {
	db := &runFile{newFile(path, "log of definitions"), runsql.DefinitionLayouts()}
	return &Definitions{runsql.NewDefinitions(db), db}
}

// Close closes the file.
func (d *Definitions) Close() error { return d.db.Close() }

// runFile is a file with tables of package runsql.
type runFile struct {
	file
	layouts []runsql.Layout
}

// Table returns the name of a table.
func (f *runFile) Table(name string) string { return name }

// Read runs do on the last commit, where there is one with the tables.
func (f *runFile) Read(ctx context.Context, do func(runsql.Tx) error) error {
	const doing = "reading it"
	db, err := f.reader()
	if err != nil {
		return err
	}
	if db == nil {
		return do(runTx{})
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return f.fault(doing, err)
	}
	defer tx.Rollback()
	err = do(runTx{statements{tx}})
	if err != nil && strings.Contains(err.Error(), "no such table: asof_") {
		return do(runTx{})
	}
	return f.fault(doing, err)
}

// Write runs do in a write transaction, of which there is one at a time.
func (f *runFile) Write(ctx context.Context, _ bool, do func(runsql.Tx) error) error {
	return f.change(ctx, "writing it", func(tx *sql.Tx) error {
		for _, l := range f.layouts {
			layout := "CREATE TABLE IF NOT EXISTS %[2]s " + l.Columns + ";" + strings.ReplaceAll(l.Index, "CREATE INDEX", "CREATE INDEX IF NOT EXISTS")
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(layout, "INTEGER PRIMARY KEY AUTOINCREMENT", l.Name, "COLLATE BINARY")); err != nil {
				return err
			}
		}
		return do(runTx{statements{tx}})
	})
}

// runTx is a transaction, or one that sees nothing.
type runTx struct{ statements }

// Now is the host's time.
func (t runTx) Now(context.Context) (time.Time, error) {
	return time.Now().UTC().Truncate(time.Microsecond), nil
}

// Keep is nothing: there is one writer.
func (t runTx) Keep() string { return "" }
