#!/usr/bin/env bash
# Makes .cache/feast-venv and .cache/feast-venv-0.66: virtual environments with
# Feast's SDK, which tests compare us with and call us by. Does nothing where
# they already hold the pinned versions.
set -euo pipefail
cd "$(dirname "$0")/.."

# make SUFFIX makes the environment of the requirements of that suffix.
make() {
  local venv=.cache/feast-venv$1 wanted=scripts/feast-requirements$1.txt
  if cmp -s "$wanted" "$venv/installed.txt"; then return; fi
  scripts/need.sh python
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  echo "installing Feast's SDK into $venv (a minute)" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2
  cp "$wanted" "$venv/installed.txt"
  "$venv/bin/python" - <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version

def known(package):
    try:
        return package + " " + version(package)
    except PackageNotFoundError:
        return ""

print("feast venv:", ", ".join(filter(None, map(known, ("feast", "duckdb", "pandas", "pyarrow", "psycopg", "redis")))))
PYTHON
}

make ""
make -0.66
