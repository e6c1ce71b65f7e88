package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/asof-dev/asof/bench/server"
)

// store is one online store, empty before every turn.
type store struct {
	name, section, address string // section is its online_store in feature_store.yaml
	asof                   string
	repository             string
	server                 *exec.Cmd
}

func openStore(o options, name string) (*store, error) {
	s := &store{name: name, repository: filepath.Join(o.dir, name)}
	var err error
	if s.asof, err = filepath.Abs(o.asof); err != nil {
		return nil, err
	}
	var port int
	switch name {
	case "sqlite":
		s.section, s.address = "{type: sqlite, path: online.db}", filepath.Join(s.repository, "online.db")
	case "postgres":
		s.server, port, err = server.Postgres(o.dir)
		s.section = fmt.Sprintf("{type: postgres, host: 127.0.0.1, port: %d, database: postgres, user: bench, password: bench, sslmode: disable}", port)
		s.address = fmt.Sprintf("postgres://bench:bench@127.0.0.1:%d/postgres", port)
	case "redis":
		s.server, port, err = server.Redis(o.dir)
		s.section, s.address = fmt.Sprintf("{type: redis, connection_string: \"127.0.0.1:%d\"}", port), fmt.Sprintf("127.0.0.1:%d", port)
	default:
		return nil, errors.New("it is none of sqlite, postgres and redis")
	}
	if err != nil {
		return s, err
	}
	return s, makeRepository(s.repository, o.dir, s.section)
}

// empty removes all rows, and makes our tables where there are none.
func (s *store) empty(ctx context.Context) error {
	switch s.name {
	case "sqlite":
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(s.address + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	case "postgres":
		if err := emptyPostgres(ctx, s.address); err != nil {
			return err
		}
	case "redis":
		c, err := connectRedis(s.address)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Do(ctx, c.B().Flushall().Build()).Error(); err != nil {
			return err
		}
	}
	_, err := says(ctx, s.repository, s.asof, "apply")
	return err
}

func emptyPostgres(ctx context.Context, url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE tablename ~ '^asof_online_[0-9]+$' LOOP EXECUTE 'TRUNCATE ' || t; END LOOP; END $$")
	if err == nil {
		_, err = db.ExecContext(ctx, "CHECKPOINT")
	}
	return err
}

func (s *store) stop() {
	if s.server != nil {
		_ = s.server.Process.Signal(os.Interrupt)
		_ = s.server.Wait()
	}
}

// measureStore lets the contenders take turns on one store.
func measureStore(ctx context.Context, o options, name string) error {
	s, err := openStore(o, name)
	if s != nil {
		defer s.stop()
	}
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	loading := func(name, rule string) *contender {
		return &contender{name: name, command: []string{self, "load", s.name, s.address, o.dir, rule}, turns: o.turns}
	}
	contenders := []*contender{
		{name: "asof materialize", dir: s.repository, command: []string{s.asof, "materialize", start, end}, turns: o.turns},
		loading("bare loader, newest wins", "newest"),
		loading("bare loader, no rule", "any"),
	}
	kept := ""
	for turn := range o.turns {
		for _, c := range contenders {
			if err := s.empty(ctx); err != nil {
				return err
			}
			if err := c.measure(ctx); err != nil {
				return err
			}
			if turn > 0 {
				continue
			}
			held, err := childSays(ctx, "keep", s.name, s.address, o.dir)
			if err != nil {
				return err
			}
			if kept == "" { // ours: what the loaders are given
				kept = held
			}
			if held != kept || !strings.HasPrefix(held, fmt.Sprint(3*o.users, " rows")) {
				return fmt.Errorf("%s wrote %s, asof %s, of %d rows", c.name, held, kept, 3*o.users)
			}
		}
	}
	if o.feast != "" {
		c, err := fillByFeast(ctx, o, s)
		if err != nil {
			return err
		}
		contenders = append(contenders, c)
	}
	report(name, 3*o.users, contenders)
	return nil
}

// fillByFeast fills the store as Feast lays it out, once.
func fillByFeast(ctx context.Context, o options, s *store) (*contender, error) {
	python, err := filepath.Abs(o.feast)
	if err != nil {
		return nil, err
	}
	repository := s.repository + "-feast"
	if err := s.empty(ctx); err != nil {
		return nil, err
	}
	if err := makeRepository(repository, o.dir, s.section); err != nil {
		return nil, err
	}
	if _, err := says(ctx, repository, filepath.Join(filepath.Dir(python), "feast"), "apply", "--skip-source-validation"); err != nil {
		return nil, err
	}
	c := &contender{name: "Feast 0.67", dir: repository, command: []string{python, "-c", feastPy}}
	return c, c.measure(ctx)
}

// measureMany fills one view of many keys into SQLite once.
func measureMany(ctx context.Context, o options) error {
	o.dir = filepath.Join(o.dir, "many")
	s, err := openStore(o, "sqlite")
	if err != nil {
		return err
	}
	for _, v := range views {
		users := 1
		if v.name == "profile" {
			users = o.many
		}
		if err := makeSource(ctx, filepath.Join(o.dir, v.name+".parquet"), v.columns, users, 1); err != nil {
			return err
		}
	}
	if err := s.empty(ctx); err != nil {
		return err
	}
	c := &contender{name: "asof materialize", dir: s.repository, command: []string{s.asof, "materialize", start, end, "--views", "profile_fv"}}
	if err := c.measure(ctx); err != nil {
		return err
	}
	report(fmt.Sprintf("sqlite, %d keys of one view; at most 1024 MiB", o.many), o.many, []*contender{c})
	return nil
}
