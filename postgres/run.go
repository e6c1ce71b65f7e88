package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof"
	"github.com/asof-dev/asof/runsql"
)

// Runs is an asof.RunStore in tables of the database's schema. Its clock is the
// server's.
type Runs struct{ *runsql.Store }

var _ asof.RunStore = Runs{}

// Runs returns the run store in the database. Closing it leaves the database
// open.
func (db *DB) Runs() Runs { return Runs{runsql.New(runDatabase{db, "runs", runsql.Layouts()})} }

// Close does nothing: the pool is the database's.
func (Runs) Close() error { return nil }

// Statistics is an asof.StatisticsStore in tables of the database's schema,
// beside the runs.
type Statistics struct{ *runsql.StatisticsStore }

var _ asof.StatisticsStore = Statistics{}

// Statistics returns the statistics in the database. Closing them leaves the
// database open.
func (db *DB) Statistics() Statistics {
	return Statistics{runsql.NewStatistics(runDatabase{db, "statistics", runsql.StatisticsLayouts()})}
}

// Close does nothing: the pool is the database's.
func (Statistics) Close() error { return nil }

// Definitions is an asof.DefinitionLog in tables of the database's schema,
// beside the runs.
type Definitions struct{ *runsql.DefinitionLog }

var _ asof.DefinitionLog = Definitions{}

// Definitions returns the log in the database. Closing it leaves the database
// open.
func (db *DB) Definitions() Definitions {
	return Definitions{runsql.NewDefinitions(runDatabase{db, "log of definitions", runsql.DefinitionLayouts()})}
}

// Close does nothing: the pool is the database's.
func (Definitions) Close() error { return nil }

// runDatabase is a database with tables of package runsql.
type runDatabase struct {
	db      *DB
	what    string // is in them: for messages, and for the lock of those who write alone
	layouts []runsql.Layout
}

// Table returns the name of a table in the database's schema.
func (d runDatabase) Table(name string) string { return d.db.qualified(name) }

// Read runs do in a transaction that sees one state.
func (d runDatabase) Read(ctx context.Context, do func(runsql.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, d.db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
		func(tx pgx.Tx) error { return do(runTx{statements{tx}}) })
	if missing(err) {
		return nil
	}
	return d.db.fault("reading the "+d.what, err)
}

// Write makes the tables that are missing and runs do. Those who wait for a
// lock see, with their next statement, what its last holder committed.
func (d runDatabase) Write(ctx context.Context, alone bool, do func(runsql.Tx) error) error {
	doing := "writing the " + d.what
	write := func() error {
		return pgx.BeginTxFunc(ctx, d.db.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
			if alone {
				if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "asof "+d.what+" "+d.db.schema); err != nil {
					return err
				}
			}
			return do(runTx{statements{tx}})
		})
	}
	err := write()
	if missing(err) {
		if err = d.db.layOut(ctx, doing, d.makeTables(ctx)); err == nil {
			err = write()
		}
	}
	return d.db.fault(doing, err)
}

func (d runDatabase) makeTables(ctx context.Context) func(pgx.Tx) error {
	return func(tx pgx.Tx) error {
		for _, l := range d.layouts {
			layout := "CREATE TABLE %s " + strings.NewReplacer("%[1]s", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "%[3]s", `COLLATE "C"`).Replace(l.Columns)
			if l.Index != "" {
				index := strings.ReplaceAll(l.Index, "%[2]s_", l.Name+"_")
				layout += ";" + strings.ReplaceAll(index, "%[2]s", "%[1]s")
			}
			if err := makeTable(ctx, tx, d.Table(l.Name), layout); err != nil {
				return err
			}
		}
		return nil
	}
}

// runTx is a transaction of the run store.
type runTx struct{ statements }

// Now is the server's time.
func (t runTx) Now(ctx context.Context) (now time.Time, err error) {
	err = t.tx.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now)
	return now.UTC(), err
}

// Keep locks the rows that a query gives.
func (t runTx) Keep() string { return " FOR UPDATE" }
