// Command load measures the loading of a CSV file: our pipeline, from the file
// to published rows, beside bare engines that are given the same columns:
// DuckDB's reader into a table and into a Parquet file, and COPY into
// PostgreSQL. All of it runs in one go and in turns, because ratios within a
// run say something and seconds on a shared machine do not. Before that it
// measures a month of StreamFlow with both set-ups.
//
//	make bench-load
//	make bench-load ARGS='-rows 1000000 -runs 5'
//	make bench-load ARGS='-memory 1200' # the load fails where it takes more
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// options are what is measured, and with what.
type options struct {
	rows, runs int
	asof       string // our binary
	postgres   bool
	memory     int64 // MiB that our process may have; 0: as much as there is
}

func main() {
	var o options
	flag.IntVar(&o.rows, "rows", 10_000_000, "rows of the file")
	flag.IntVar(&o.runs, "runs", 3, "turns; medians are printed")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.BoolVar(&o.postgres, "postgres", true, "measure PostgreSQL, a server of our own")
	flag.Int64Var(&o.memory, "memory", 0, "MiB of data that our process may have, which the kernel keeps (prlimit); 0: no limit")
	flag.Parse()
	var err error
	if flag.NArg() > 0 {
		err = chore(context.Background(), flag.Args())
	} else {
		err = run(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "asof-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, err := filepath.Abs(o.asof)
	if err != nil {
		return err
	}
	months := filepath.Join(dir, "streamflow")
	if err := makeMonths(ctx, program, months); err != nil {
		return err
	}
	if err := runMonth(ctx, o.runs, embeddedMonth(program, months)); err != nil {
		return err
	}
	if err := child(ctx, "data", dir, fmt.Sprint(o.rows)); err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	if err := runDuckDB(ctx, o, program, dir); err != nil || !o.postgres {
		return err
	}
	return runPostgres(ctx, o, program, dir)
}

// turns measures every contender so many times, one after the other.
func turns(ctx context.Context, runs int, contenders ...*contender) error {
	for range runs {
		for _, c := range contenders {
			if err := c.measure(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// chore is work of a process of its own, started by child.
func chore(ctx context.Context, args []string) error {
	switch args[0] {
	case "data":
		return makeData(ctx, args[1], args[2])
	case "duckdb":
		return readDuckDB(ctx, args[1], args[2])
	case "copy":
		return copyPostgres(ctx, args[1], args[2])
	}
	return fmt.Errorf("there is nothing called %s to do", args[0])
}
