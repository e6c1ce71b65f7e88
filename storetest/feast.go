package storetest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FeastPython returns the Python of the virtual environment that holds Feast's
// SDK: ASOF_FEAST_VENV, else .cache/feast-venv of the module.
func FeastPython(tb testing.TB) string {
	tb.Helper()
	venv := os.Getenv("ASOF_FEAST_VENV")
	if venv == "" {
		cache, err := cacheDir()
		if err != nil {
			tb.Fatal(err)
		}
		venv = filepath.Join(cache, "feast-venv")
	}
	python := filepath.Join(venv, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		tb.Fatalf("tests need Feast's SDK, and %s is not there: run `make feast-venv`", python)
	}
	return python
}

// RunPython runs a script under Feast's Python, with args as sys.argv[1:], and
// returns what it wrote to standard output. A script that fails, fails the
// test with what it wrote to standard error.
func RunPython(tb testing.TB, script string, args ...string) []byte {
	tb.Helper()
	return runFeast(tb, "", append([]string{"-c", script}, args...))
}

// RunFeast runs Feast's own command line in dir and returns what it wrote to
// standard output; a failure fails the test.
func RunFeast(tb testing.TB, dir string, args ...string) []byte {
	tb.Helper()
	return runFeast(tb, dir, append([]string{"-m", "feast.cli.cli"}, args...))
}

func runFeast(tb testing.TB, dir string, args []string) []byte {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), FeastPython(tb), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "FEAST_USAGE=False", "PYTHONWARNINGS=ignore", "PYTHONDONTWRITEBYTECODE=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s: %v\n%s%s", args[0], err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes()
}
