// Command offline measures training data: ours, Feast's, and the floor, which
// is the bare engine running the shortest correct SQL from file to file. All of
// it runs in one go and in turns, because ratios within a run say something and
// seconds on a shared machine do not.
//
//	make bench-offline
//	make bench-remote
//	go run ./bench/offline -entities 10000000 -feast "" -postgres=false
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
)

// options are what is measured, and with what.
type options struct {
	entities, users, months int
	runs                    int
	asof                    string // our binary
	feast                   string // a Python that has Feast; "" leaves Feast out
	files, postgres, remote bool   // what is measured
}

func main() {
	var o options
	flag.IntVar(&o.entities, "entities", 0, "entity rows, of one set of data alone; 0 for all sets")
	flag.IntVar(&o.users, "users", 100_000, "users, each with a row a month in every view")
	flag.IntVar(&o.months, "months", 24, "months")
	flag.IntVar(&o.runs, "runs", 5, "turns; medians are printed. Feast and ten million rows have fewer")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.StringVar(&o.feast, "feast", ".cache/feast-venv/bin/python", "a Python that has Feast; empty leaves Feast out")
	flag.BoolVar(&o.files, "files", true, "measure DuckDB over Parquet files")
	flag.BoolVar(&o.postgres, "postgres", true, "measure PostgreSQL, a server of our own")
	flag.BoolVar(&o.remote, "remote", false, "measure Feast's SDK as a client of our server")
	flag.Parse()
	var err error
	if flag.NArg() > 0 {
		err = chore(context.Background(), flag.Args())
	} else {
		err = run(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-offline:", err)
		os.Exit(1)
	}
}

// run measures DuckDB over files, then PostgreSQL, then our server.
func run(ctx context.Context, o options) (err error) {
	if o.files {
		err = runFiles(ctx, o)
	}
	if err == nil && o.postgres {
		err = runPostgres(ctx, o)
	}
	if err == nil && o.remote {
		err = runRemote(ctx, o)
	}
	return err
}

// runFiles measures all trials, one after the other in each turn.
func runFiles(ctx context.Context, o options) (err error) {
	list := trials(o)
	for _, t := range list {
		if t.dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(t.dir)) }()
		if err := t.prepare(ctx, o); err != nil {
			return err
		}
	}
	for turn := range o.runs {
		for _, t := range list {
			if err := t.turn(ctx, turn); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	for _, t := range list {
		t.report(os.Stdout)
	}
	compareTrials(os.Stdout, list)
	return nil
}
