// Command schedule measures how late scheduled runs start: a server of ours runs
// small pipelines every second, and each run says when it was due and when it
// started, by the clock of its store. It fails where fewer than 99 of 100 start
// within 100 ms.
//
//	make bench-schedule
//	make bench-schedule ARGS='-pipelines 8 -seconds 60'
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/asof-dev/asof/bench/server"
)

// options are what is measured, and with what.
type options struct {
	pipelines, seconds int
	asof               string // our binary
	postgres           bool
}

// soon is how late a run may start.
const soon = 100 * time.Millisecond

func main() {
	var o options
	flag.IntVar(&o.pipelines, "pipelines", 2, "pipelines, each of which runs every second")
	flag.IntVar(&o.seconds, "seconds", 60, "how long they run")
	flag.StringVar(&o.asof, "asof", "bin/asof", "our binary")
	flag.BoolVar(&o.postgres, "postgres", true, "measure PostgreSQL too, a server of our own")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-schedule:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "asof-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.asof, err = filepath.Abs(o.asof); err != nil {
		return err
	}
	if err := measure(ctx, o, "SQLite", filepath.Join(dir, "sqlite"), embeddedYAML); err != nil || !o.postgres {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the server may have an account of its own
		return err
	}
	process, port, err := server.Postgres(dir)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, process.Process.Signal(syscall.SIGQUIT))
		_ = process.Wait() // a server that is told to quit does not exit with 0
	}()
	return measure(ctx, o, "PostgreSQL", filepath.Join(dir, "postgres"), fmt.Sprintf(postgresYAML, port))
}

// measure serves a repository for a while and reports on its runs.
func measure(ctx context.Context, o options, what, repo, store string) error {
	if err := writeRepository(repo, store, o.pipelines); err != nil {
		return err
	}
	address, stop, err := server.Asof(ctx, o.asof, repo, "project clock")
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(o.seconds) * time.Second)
	late, err := lateness(address)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	if want := o.pipelines * (o.seconds - 3); len(late) < want {
		return fmt.Errorf("%s: %d runs have started, want %d at least", what, len(late), want)
	}
	slices.Sort(late)
	at := func(share float64) time.Duration { return late[int(share*float64(len(late)-1))] }
	within, _ := slices.BinarySearch(late, soon+1)
	share := 100 * float64(within) / float64(len(late))
	fmt.Printf("%s: %d runs of %d pipelines, every second\n", what, len(late), o.pipelines)
	fmt.Printf("  late by %s in the middle, 99 of 100 by %s at most, all by %s\n", at(0.5), at(0.99), late[len(late)-1])
	fmt.Printf("  started within %s: %.1f %%\n", soon, share)
	if share < 99 {
		return fmt.Errorf("%s: %.1f %% of the runs start within %s, want 99", what, share, soon)
	}
	return nil
}

// lateness asks the server for its runs, and returns how late each started.
func lateness(address string) ([]time.Duration, error) {
	var late []time.Duration
	for before := ""; ; {
		response, err := http.Get(address + "/runs?state=running,completed,failed&limit=1000&before=" + before)
		if err != nil {
			return nil, err
		}
		var page struct {
			Runs []struct {
				ID, State, Error string
				Due, Started     time.Time
			}
		}
		err = json.NewDecoder(response.Body).Decode(&page)
		if err = errors.Join(err, response.Body.Close()); err != nil || len(page.Runs) == 0 {
			return late, err
		}
		for _, run := range page.Runs {
			if run.State == "failed" {
				return nil, fmt.Errorf("run %s failed: %s", run.ID, run.Error)
			}
			late = append(late, run.Started.Sub(run.Due))
			before = run.ID
		}
	}
}
