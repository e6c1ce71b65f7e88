package storetest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FeastPython returns the Python of the virtual environment that holds Feast's
// SDK: ASOF_FEAST_VENV, else .cache/feast-venv of the module.
func FeastPython(tb testing.TB) string {
	tb.Helper()
	return pythonOf(tb, "ASOF_FEAST_VENV", "feast-venv")
}

// OlderFeastPython returns the Python that holds the SDK of Feast 0.66:
// ASOF_FEAST_066_VENV, else .cache/feast-venv-0.66 of the module.
func OlderFeastPython(tb testing.TB) string {
	tb.Helper()
	return pythonOf(tb, "ASOF_FEAST_066_VENV", "feast-venv-0.66")
}

// PrefectPython returns the Python that holds Prefect: ASOF_PREFECT_VENV, else
// .cache/prefect-venv of the module.
func PrefectPython(tb testing.TB) string {
	tb.Helper()
	return pythonOf(tb, "ASOF_PREFECT_VENV", "prefect-venv")
}

func pythonOf(tb testing.TB, variable, name string) string {
	tb.Helper()
	venv := os.Getenv(variable)
	if venv == "" {
		cache, err := cacheDir()
		if err != nil {
			tb.Fatal(err)
		}
		venv = filepath.Join(cache, name)
	}
	python := filepath.Join(venv, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		tb.Fatalf("the test needs %s, which is not there: run `make feast-venv prefect-venv`", python)
	}
	return python
}

// RunPython runs a script under Feast's Python, with args as sys.argv[1:], and
// returns what it wrote to standard output. A script that fails, fails the
// test with what it wrote to standard error.
func RunPython(tb testing.TB, script string, args ...string) []byte {
	tb.Helper()
	return RunPythonOf(tb, FeastPython(tb), script, args...)
}

// RunPythonOf is RunPython under another interpreter.
func RunPythonOf(tb testing.TB, python, script string, args ...string) []byte {
	tb.Helper()
	// Without the interpreter's own end, at which threads of libraries have been
	// seen to abort.
	script += "\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n"
	return runFeast(tb, python, "", append([]string{"-c", script}, args...))
}

// RunFeast runs Feast's own command line in dir and returns what it wrote to
// standard output; a failure fails the test.
func RunFeast(tb testing.TB, dir string, args ...string) []byte {
	tb.Helper()
	return runFeast(tb, FeastPython(tb), dir, append([]string{"-m", "feast.cli.cli"}, args...))
}

func runFeast(tb testing.TB, python, dir string, args []string) []byte {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), python, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "FEAST_USAGE=False", "PYTHONWARNINGS=ignore", "PYTHONDONTWRITEBYTECODE=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s: %v\n%s%s", args[0], err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes()
}

// feastCommands runs commands of Feast's line in one process, whose start is
// most of the time that one takes, and prints their outputs as a JSON list.
const feastCommands = `
import json, os, sys
from click.testing import CliRunner
from feast.cli.cli import cli
outputs = []
for command in json.loads(sys.argv[1]):
    directory = os.getcwd()
    result = CliRunner().invoke(cli, command)
    os.chdir(directory)
    if result.exit_code != 0:
        sys.exit(f"feast {' '.join(command)}: exit code {result.exit_code}\n{result.output}{result.exception!r}")
    outputs.append(result.stdout)
json.dump(outputs, sys.stdout)
`

// RunFeastCommands runs several commands of Feast in dir, one after the other,
// and returns what each wrote to standard output.
func RunFeastCommands(tb testing.TB, dir string, commands ...[]string) []string {
	tb.Helper()
	asked, err := json.Marshal(commands)
	if err != nil {
		tb.Fatal(err)
	}
	var outputs []string
	printed := runFeast(tb, FeastPython(tb), dir, []string{"-c", feastCommands, string(asked)})
	if err := json.Unmarshal(printed, &outputs); err != nil {
		tb.Fatalf("%v\n%s", err, printed)
	}
	return outputs
}
