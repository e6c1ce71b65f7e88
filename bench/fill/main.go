// Command fill measures how fast online stores are filled: ours, which reads
// the newest rows of three Parquet files and writes them; bare loaders, which
// write the same bytes from memory, with and without the rule that a newer row
// stays; and Feast. All of them are processes, run in one go and in turns, and
// what they wrote is compared before their times are: ratios within a run say
// something, seconds on a shared machine do not.
//
//	make bench-fill
//	make bench-fill ARGS="-stores sqlite -feast '' -many 0"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

// options are what is measured, and with what.
type options struct {
	stores        string
	users, months int
	turns, many   int
	asof          string // our binary
	feast         string // a Python that has Feast; "" leaves Feast out
	dir           string
}

func main() {
	var o options
	flag.StringVar(&o.stores, "stores", "sqlite,postgres,redis", "the stores, with commas")
	flag.IntVar(&o.users, "users", 100_000, "users, each with a row a month in each of the three views")
	flag.IntVar(&o.months, "months", 24, "months")
	flag.IntVar(&o.turns, "turns", 5, "turns; medians are printed. Feast has one")
	flag.IntVar(&o.many, "many", 10_000_000, "keys of a view that is filled once into SQLite, for its memory; 0 leaves it out")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.StringVar(&o.feast, "feast", ".cache/feast-venv/bin/python", "a Python that has Feast; empty leaves Feast out")
	flag.Parse()
	var err error
	if flag.NArg() > 0 {
		err = chore(context.Background(), flag.Args())
	} else {
		err = run(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-fill:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
		return err
	}
	if err := os.Chmod(o.dir, 0o755); err != nil { // a database server has an account of its own
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	if err := makeSources(ctx, o); err != nil {
		return fmt.Errorf("making the data: %w", err)
	}
	fmt.Printf("%d entity rows of three views, 11 features, out of %d source rows; medians of %d turns\n", 3*o.users, 3*o.users*o.months, o.turns)
	for name := range strings.SplitSeq(o.stores, ",") {
		if err := measureStore(ctx, o, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.many > 0 {
		return measureMany(ctx, o)
	}
	return nil
}

// chore is work in a process of its own: what a process takes of memory at most
// is at least what its parent took, so this one stays small.
func chore(ctx context.Context, args []string) error {
	switch {
	case args[0] == "query" && len(args) == 2:
		return query(ctx, args[1])
	case args[0] == "keep" && len(args) == 4:
		return keep(ctx, args[1], args[2], args[3])
	case args[0] == "load" && len(args) == 5:
		return load(ctx, args[1], args[2], args[3], args[4] == "newest")
	}
	return fmt.Errorf("there is nothing called %s to do", strings.Join(args, " "))
}
