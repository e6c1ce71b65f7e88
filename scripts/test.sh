#!/usr/bin/env bash
# Runs the tests and says which packages passed, which failed, and why.
#
#   scripts/test.sh       all tests; then again under the race detector those
#                         packages that link neither DuckDB nor SQLite (the
#                         detector does not see C, and makes both very slow)
#   scripts/test.sh all   every package under the race detector, the registry's
#                         clients for a minute, and the packages that talk to
#                         PostgreSQL on a newer one
set -euo pipefail
cd "$(dirname "$0")/.."

run() {
  go run gotest.tools/gotestsum@v1.13.0 --format pkgname --format-hide-empty-pkg -- -timeout 15m "$@"
}

# test_binaries PATTERN prints the packages whose tests depend on PATTERN;
# with -v, those whose tests do not.
test_binaries() {
  go list -test -f '{{if eq .Name "main"}}{{.ImportPath}} {{.Deps}}{{end}}' ./... |
    grep '\.test ' | { grep -E "$@" || true; } | sed 's/\.test .*//'
}

if [ "${1:-}" = all ]; then
  echo "== every package, race detector on"
  run -race ./...
  echo "== clients of the registry, for a minute"
  ASOF_TEST_CLIENT_SECONDS=60 run -count=1 -run 'TestEightClients|TestKilledServers' ./registryapi
  bin=$(scripts/newer-postgres.sh)
  echo "== $("$bin/postgres" --version)"
  ASOF_POSTGRES_BIN=$bin run -count=1 $(test_binaries '/asof/storetest')
  exit
fi

echo "== all packages"
run ./...
echo "== packages without C, race detector on"
run -race $(test_binaries -v 'duckdb-go|modernc.org/sqlite')
