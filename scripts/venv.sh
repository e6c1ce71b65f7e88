#!/usr/bin/env bash
# Makes virtual environments in .cache with what tests run beside us. Does
# nothing where they already hold the pinned versions.
#
#   scripts/venv.sh feast      .cache/feast-venv and .cache/feast-venv-0.66:
#                              Feast's SDK, which tests compare us with and call us by
#   scripts/venv.sh prefect    .cache/prefect-venv: Prefect, whose flow drives our pipelines
set -euo pipefail
cd "$(dirname "$0")/.."

# make TOOL SUFFIX makes the environment of the requirements of that name.
make() {
  local venv=.cache/$1-venv$2 wanted=scripts/$1-requirements$2.txt
  if cmp -s "$wanted" "$venv/installed.txt"; then return; fi
  scripts/need.sh python
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  echo "installing $1 into $venv (a minute)" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2
  cp "$wanted" "$venv/installed.txt"
  "$venv/bin/python" - "$1" <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version

def known(package):
    try:
        return package + " " + version(package)
    except PackageNotFoundError:
        return ""

print(sys.argv[1], "venv:", ", ".join(filter(None, map(known, ("feast", "duckdb", "pandas", "pyarrow", "psycopg", "redis", "prefect")))))
PYTHON
}

case $1 in
  feast)
    make feast ""
    make feast -0.66
    ;;
  prefect) make prefect "" ;;
  *) echo "venv.sh: there is no environment $1" >&2 && exit 2 ;;
esac
