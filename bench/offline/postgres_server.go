package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/asof-dev/asof/bench/server"
)

// database is a PostgreSQL of the benchmark's own, with the settings that it is
// installed with, but for the care for data that nobody keeps.
type database struct {
	port    int
	process *exec.Cmd
}

// startPostgres makes a cluster in dir and runs it until stop.
func startPostgres(dir string) (*database, error) {
	if err := os.Chmod(dir, 0o755); err != nil { // the server may have an account of its own
		return nil, err
	}
	process, port, err := server.Postgres(dir, "fsync=off", "synchronous_commit=off", "max_wal_size=4GB")
	return &database{port, process}, err
}

// stop ends the server at once.
func (d *database) stop() error {
	if err := d.process.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_ = d.process.Wait() // a server that is told to quit does not exit with 0
	return nil
}

func (d *database) url(schema string) string {
	return fmt.Sprintf("postgres://bench:none@127.0.0.1:%d/postgres?search_path=%s", d.port, schema)
}

// admin runs statements one after the other.
func (d *database) admin(ctx context.Context, statements ...string) error {
	conn, err := connect(ctx, d.url("public"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
