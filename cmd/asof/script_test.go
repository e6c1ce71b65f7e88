package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/asof-dev/asof/storetest"
)

func TestMain(m *testing.M) {
	testscript.Main(scripted{m}, map[string]func(){"asof": main, "feast": main})
}

// scripted stops the servers that tests started, once they have run.
type scripted struct{ m *testing.M }

func (s scripted) Run() int { return storetest.Run(s.m) }

// TestScripts runs the command line as a person does: each script is a folder
// of files, commands, and what they are to print.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			// redis VARIABLE sets it to the connection string of a new database.
			"redis": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], storetest.Redis(t).Database(t).Connection())
			},
			// postgres sets POSTGRES_HOST and so on to a new database.
			"postgres": func(ts *testscript.TestScript, _ bool, _ []string) {
				for name, value := range settings(storetest.Postgres(t).Database(t)) {
					ts.Setenv(name, value)
				}
			},
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// exits CODE COMMAND... runs a command that has to end with the code; what it
// printed is for the script's stdout and stderr.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
