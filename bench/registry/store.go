package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/asof-dev/asof/bench/server"
)

// store is what registries are kept in.
type store struct {
	dir, name string
	database  *exec.Cmd // that runs, nil where none does
	port      int
}

func newStore(dir, name string) (s *store, err error) {
	s = &store{dir: dir, name: name}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	switch name {
	case "file", "sqlite":
		return s, nil
	case "postgres":
		s.database, s.port, err = server.Postgres(dir, "fsync=off")
		return s, err
	}
	return nil, fmt.Errorf("no such store: take file, sqlite or postgres")
}

// stop ends the database at once.
func (s *store) stop() error {
	if s.database == nil {
		return nil
	}
	if err := s.database.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_ = s.database.Wait() // a server that is told to quit does not exit with 0
	return nil
}

func (s *store) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://bench:none@127.0.0.1:%d/%s", s.port, database))
}

// repository makes a repository with a registry of its own.
func (s *store) repository(ctx context.Context, who string) (string, error) {
	dir := filepath.Join(s.dir, who)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return "", err
	}
	registry := "data/registry.db"
	switch s.name {
	case "sqlite":
		registry = "{registry_type: sql, path: 'sqlite:///" + filepath.Join(dir, "data/registry.db") + "'}"
	case "postgres":
		conn, err := s.connect(ctx, "postgres")
		if err != nil {
			return "", err
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+who); err != nil {
			return "", err
		}
		registry = fmt.Sprintf("{registry_type: sql, path: 'postgresql+psycopg://bench:none@127.0.0.1:%d/%s'}", s.port, who)
	}
	yaml := "project: " + project + "\nprovider: local\nregistry: " + registry + "\nonline_store: {type: sqlite, path: data/online.db}\nentity_key_serialization_version: 3\n"
	return dir, os.WriteFile(filepath.Join(dir, "feature_store.yaml"), []byte(yaml), 0o644)
}

// whileOthersCommit measures while a connection commits to another table of the
// database every millisecond.
func (s *store) whileOthersCommit(ctx context.Context, measure func() (time.Duration, error)) (took time.Duration, err error) {
	conn, err := s.connect(ctx, "asof")
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS orders (n int)"); err != nil {
		return 0, err
	}
	stop, ended := make(chan struct{}), make(chan error)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				ended <- nil
				return
			case <-time.After(time.Millisecond):
			}
			if _, err := conn.Exec(ctx, "INSERT INTO orders VALUES ($1)", n); err != nil {
				ended <- err
				return
			}
		}
	}()
	took, err = measure()
	close(stop)
	if failed := <-ended; err == nil {
		err = failed
	}
	return took, err
}
