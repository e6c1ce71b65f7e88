// Command online measures online reads over HTTP, and what gRPC costs beside
// it: our binary, Feast's Python server, and the floor, which is the smallest
// net/http server that does the same read of the same store and writes
// ready-made bytes of the same length. All of it runs in one go and in turns, on
// the same machine as the load: ratios within a run say something, requests per
// second do not.
//
//	make bench-online
//	make bench-online ARGS="-full"
//	make bench-online ARGS="-stores sqlite -feast '' -cells 6/1/8,250/100/8"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// options are what is measured, and with what.
type options struct {
	stores string
	users  int
	turns  int
	length time.Duration // of one contender's turn
	full   bool
	cells  string // these alone, instead
	asof   string // our binary
	feast  string // a Python that has Feast; "" leaves Feast out
	dir    string
}

// cell is one shape of request and load.
type cell struct{ features, entities, connections int }

var (
	short = []cell{{6, 1, 8}, {6, 100, 8}, {6, 1, 1}, {6, 100, 1}, {6, 1, 64}, {6, 10, 8}, {6, 500, 8}, {50, 1, 8}, {50, 100, 8}, {250, 1, 8}, {250, 100, 8}}
	// ofFeast are those that Feast is asked too: it takes its time.
	ofFeast = map[cell]bool{{6, 1, 8}: true, {6, 100, 8}: true}
)

// chosen returns the cells to measure.
func (o options) chosen() ([]cell, error) {
	switch {
	case o.full:
		return everyCell(), nil
	case o.cells == "":
		return short, nil
	}
	var list []cell
	for text := range strings.SplitSeq(o.cells, ",") {
		var c cell
		if n, err := fmt.Sscanf(text, "%d/%d/%d", &c.features, &c.entities, &c.connections); n < 3 {
			return nil, fmt.Errorf("-cells %q: %w", text, err)
		}
		list = append(list, c)
	}
	return list, nil
}

func everyCell() []cell {
	var all []cell
	for _, features := range []int{6, 50, 250} {
		for _, entities := range []int{1, 10, 100, 500} {
			for _, connections := range []int{1, 8, 64} {
				all = append(all, cell{features, entities, connections})
			}
		}
	}
	return all
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "floor" {
		exit(floor(os.Args[2], os.Args[3:]))
		return
	}
	var o options
	flag.StringVar(&o.stores, "stores", "sqlite,postgres,redis", "the stores, with commas")
	flag.IntVar(&o.users, "users", 20_000, "users, each with a row in every view")
	flag.IntVar(&o.turns, "turns", 5, "turns; medians are printed")
	flag.DurationVar(&o.length, "length", 500*time.Millisecond, "of one contender's turn")
	flag.BoolVar(&o.full, "full", false, "every combination of features, entities and connections")
	flag.StringVar(&o.cells, "cells", "", "only these, as FEATURES/ENTITIES/CONNECTIONS with commas: 6/1/8,250/100/8")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.StringVar(&o.feast, "feast", ".cache/feast-venv/bin/python", "a Python that has Feast; empty leaves Feast out")
	flag.Parse()
	exit(run(context.Background(), o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-online:", err)
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
	fmt.Printf("%d users; 6 features of three views, 50 of five, 250 of one; medians of %d turns of %s\n", o.users, o.turns, o.length)
	for name := range strings.SplitSeq(o.stores, ",") {
		if err := measureStore(ctx, o, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// measureStore fills one store and measures every cell on it.
func measureStore(ctx context.Context, o options, name string) (err error) {
	s, err := openStore(o, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	cells, err := o.chosen()
	if err != nil {
		return err
	}
	t := newTable(name)
	for _, c := range cells {
		contenders := []*contender{s.floor, s.ours}
		if s.feast != nil && ofFeast[c] {
			contenders = append(contenders, s.feast)
		}
		if err := measureCell(o, c, contenders); err != nil {
			return fmt.Errorf("%d features of %d entities: %w", c.features, c.entities, err)
		}
		t.add(c, contenders)
	}
	t.print()
	return measureGRPC(o, s)
}

// measure adds a turn.
func (k *contender) measure(requests [][]byte, connections int, length time.Duration) error {
	turn := func() (int64, error) {
		r, err := load(k.address, requests, connections, length)
		k.results = append(k.results, r)
		return int64(r.requests), err
	}
	if k.pid == 0 {
		_, err := turn()
		return err
	}
	return k.costs.add(k.pid, turn)
}

// measureCell compares answers, then lets the contenders take turns.
func measureCell(o options, c cell, contenders []*contender) error {
	requests, err := makeRequests(o, c, contenders)
	if err != nil {
		return err
	}
	for turn := range o.turns {
		for i, k := range contenders {
			length := o.length
			if turn == 0 {
				k.results, k.costs = nil, costs{}
				if _, err := load(k.address, requests[i], c.connections, length/2); err != nil { // to warm up
					return fmt.Errorf("%s: %w", k.name, err)
				}
			}
			if err := k.measure(requests[i], c.connections, length); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	return nil
}
