// Command registry measures registry servers with many objects: ours, Feast's
// own, and a bare gRPC server that answers one message from memory. It prints
// how long a server takes from its start to its first answer, what a get takes,
// also while somebody commits to the same database, and what Feast's SDK takes
// to apply fifty views. Each registry is measured with both servers in turns:
// ratios within a run say something, seconds on a shared machine do not.
//
//	make bench-registry
//	make bench-registry ARGS="-stores file -feast ''"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// options are what is measured, and with what.
type options struct {
	stores         string
	objects, turns int
	asof           string // our binary
	feast          string // a Python that has Feast; "" leaves Feast out
	dir            string
}

func main() {
	var o options
	flag.StringVar(&o.stores, "stores", "file,sqlite,postgres", "what registries are kept in, with commas")
	flag.IntVar(&o.objects, "objects", 5000, "feature views of ten features in each")
	flag.IntVar(&o.turns, "turns", 5, "turns; medians are printed. Feast starts once")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.StringVar(&o.feast, "feast", ".cache/feast-venv/bin/python", "a Python that has Feast; empty leaves Feast out, and what its SDK applies")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-registry:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	for _, path := range []*string{&o.asof, &o.feast} {
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return err
			}
		}
	}
	if o.dir, err = os.MkdirTemp("", "asof-bench-"); err != nil {
		return err
	}
	if err := os.Chmod(o.dir, 0o755); err != nil { // a database server has an account of its own
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	bare, err := measureBare(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("registries of %d feature views; a get from a bare gRPC server takes %s\n", o.objects, shown(bare))
	for name := range strings.SplitSeq(o.stores, ",") {
		if err := measure(ctx, o, name, bare); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// measured are the times of one server.
type measured struct{ start, get, busy, apply time.Duration }

// measure fills a registry for each contender, and prints what they take.
func measure(ctx context.Context, o options, name string, bare time.Duration) (err error) {
	store, err := newStore(filepath.Join(o.dir, name), name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.stop()) }()
	fmt.Printf("\n%s\n", name)
	var ours, theirs measured
	if ours, err = store.contend(ctx, o, "asof", o.turns); err != nil {
		return fmt.Errorf("ours: %w", err)
	}
	if o.feast != "" {
		if theirs, err = store.contend(ctx, o, "feast", 1); err != nil {
			return fmt.Errorf("that of Feast: %w", err)
		}
	}
	for _, line := range []struct {
		what         string
		ours, theirs time.Duration
	}{
		{"start, to the first answer", ours.start, theirs.start}, {"get", ours.get, theirs.get},
		{"get, while others commit to the database", ours.busy, theirs.busy}, {"fifty views applied by the SDK", ours.apply, theirs.apply},
	} {
		if line.ours == 0 {
			continue
		}
		fmt.Printf("  %-42s asof %8s", line.what, shown(line.ours))
		if strings.HasPrefix(line.what, "get") {
			fmt.Printf("  %.1f times the bare server's", float64(line.ours)/float64(bare))
		}
		if line.theirs > 0 {
			fmt.Printf("  Feast %8s  %.1f times ours", shown(line.theirs), float64(line.theirs)/float64(line.ours))
		}
		fmt.Println()
	}
	return nil
}

func shown(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
