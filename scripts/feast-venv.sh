#!/usr/bin/env bash
# Makes .cache/feast-venv: a virtual environment with Feast's SDK, which tests
# compare us with. Does nothing when it already holds the pinned versions.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.cache/feast-venv
wanted=scripts/feast-requirements.txt
if cmp -s "$wanted" "$venv/installed.txt"; then exit 0; fi

scripts/need.sh python
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
echo "installing Feast's SDK into $venv (a minute)" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2
cp "$wanted" "$venv/installed.txt"
"$venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
print("feast venv:", ", ".join(f"{p} {version(p)}" for p in ("feast", "duckdb", "pandas", "pyarrow", "psycopg", "redis")))
PYTHON
