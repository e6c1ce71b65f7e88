package main

import (
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/asof-dev/asof/bench/server"
)

// start starts the store's server where it has one. It returns the section
// online_store of feature_store.yaml, and what the floor needs to know.
func (s *store) start(o options, name string) (section, floorArg string, err error) {
	var process *exec.Cmd
	var port int
	switch name {
	case "sqlite":
		return "{type: sqlite, path: online.db}", filepath.Join(o.dir, name, "online.db"), nil
	case "postgres":
		process, port, err = server.Postgres(o.dir)
		section = fmt.Sprintf("{type: postgres, host: 127.0.0.1, port: %d, database: postgres, user: bench, password: bench, sslmode: disable}", port)
		floorArg = fmt.Sprintf("postgres://bench:bench@127.0.0.1:%d/postgres", port)
	case "redis":
		process, port, err = server.Redis(o.dir)
		section, floorArg = fmt.Sprintf("{type: redis, connection_string: \"127.0.0.1:%d\"}", port), fmt.Sprintf("127.0.0.1:%d", port)
	default:
		err = fmt.Errorf("it is none of sqlite, postgres and redis")
	}
	if process != nil {
		s.running = append(s.running, process)
	}
	return section, floorArg, err
}
