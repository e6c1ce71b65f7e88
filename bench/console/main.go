// Command console measures how long the pages of the console take over a
// project of 1,000 views with 10,000 features, whose store of runs has 10,000
// runs: a server of ours is asked for every kind of page in both languages. It
// fails where fewer than 95 of 100 pages are there within 100 ms, or one is
// larger than 300 KB.
//
//	make bench-console
//	make bench-console ARGS='-views 5000 -pages 100'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/asof-dev/asof/bench/server"
)

// options are what is measured, and with what.
type options struct {
	views, runs, pages int
	asof               string // our binary
	keep               string // a folder for the repository, which is made there once; "" for one that goes
}

// What a page may take.
const (
	within    = 100 * time.Millisecond
	share     = 95 // of 100 pages
	pageBytes = 300 << 10
)

func main() {
	var o options
	flag.IntVar(&o.views, "views", 1000, "views, of ten features each")
	flag.IntVar(&o.runs, "runs", 10_000, "runs of pipelines")
	flag.IntVar(&o.pages, "pages", 20, "pages of each kind in each language")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.StringVar(&o.keep, "keep", "", "make the repository in this folder, and use it again")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-console:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.asof, err = filepath.Abs(o.asof); err != nil {
		return err
	}
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "asof.db")); err != nil {
		began := time.Now()
		if err := makeRepository(ctx, o, dir); err != nil {
			return err
		}
		fmt.Printf("%d views, %d features, %d runs: made in %s\n", o.views, o.views*features, o.runs, time.Since(began).Round(time.Second))
	}
	address, stop, err := server.Asof(ctx, o.asof, dir, "console")
	if err != nil {
		return err
	}
	measured, err := measure(o, address)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	return report(measured)
}
