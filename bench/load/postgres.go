package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/bench/server"
)

// columns are the table's in SQL.
const columns = `user_id text PRIMARY KEY, signup_date date, plan_stream_tv boolean, months_active integer, monthly_fee numeric(8,2),
	watch_hours double precision, net_service text, seen timestamptz, views bigint`

// copyPostgres loads the file with bare COPY, into the table floor.
func copyPostgres(ctx context.Context, url, dir string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	file, err := os.Open(filepath.Join(dir, "rows.csv"))
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = conn.PgConn().CopyFrom(ctx, file, "COPY floor FROM STDIN (FORMAT csv, HEADER)")
	return err
}

// runPostgres measures a PostgreSQL of the benchmark's own, with the settings
// that it is installed with, but for the care for data that nobody keeps.
func runPostgres(ctx context.Context, o options, program, dir string) (err error) {
	if err := os.Chmod(dir, 0o755); err != nil { // the server may have an account of its own
		return err
	}
	process, port, err := server.Postgres(dir, "fsync=off", "synchronous_commit=off", "max_wal_size=4GB")
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, process.Process.Signal(syscall.SIGQUIT))
		_ = process.Wait() // a server that is told to quit does not exit with 0
	}()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	repo := filepath.Join(dir, "postgres")
	if err := writeRepository(repo, fmt.Sprintf(postgresYAML, port)); err != nil {
		return err
	}
	url := fmt.Sprintf("postgres://bench:none@127.0.0.1:%d/postgres", port)
	streamflow, err := postgresMonth(program, filepath.Join(dir, "streamflow"), url, port)
	if err == nil {
		err = runMonth(ctx, o.runs, streamflow)
	}
	if err != nil {
		return err
	}
	ours := &contender{name: "asof, PostgreSQL", command: pipelineRun(program, repo, dir), memory: o.memory << 20, prepare: func(ctx context.Context) error {
		return admin(ctx, url, "DROP SCHEMA IF EXISTS ours CASCADE", "CREATE SCHEMA ours")
	}}
	floor := &contender{name: "COPY into a table with its key", command: []string{self, "copy", url, dir}, prepare: func(ctx context.Context) error {
		return admin(ctx, url, "DROP TABLE IF EXISTS floor", "CREATE TABLE floor ("+columns+")")
	}}
	if err := turns(ctx, o.runs, ours, floor); err != nil {
		return err
	}
	report(fmt.Sprintf("A CSV file of %d rows, PostgreSQL", o.rows), ours, floor)
	return nil
}

// admin runs statements one after the other.
func admin(ctx context.Context, url string, statements ...string) error {
	conn, err := pgx.Connect(ctx, url)
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
