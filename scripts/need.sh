#!/usr/bin/env bash
# Makes sure that what the build or the tests need is on this machine.
#
#   scripts/need.sh compiler|arm64-compiler|postgres|redis|python|chromium ...
#
# What is missing is installed from Debian's packages when we are root;
# otherwise one sentence says what to install. Nothing installed here is
# started: tests run servers of their own as child processes.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }

# install WHY PACKAGE... installs packages without starting their services.
install() {
  local why=$1
  shift
  if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "asof needs $why: install it (on Debian: sudo apt-get install $*) and try again" >&2
    exit 1
  fi
  echo "installing $why ($*)" >&2
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then # Debian's way to say "start no service"
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  export DEBIAN_FRONTEND=noninteractive
  [ -n "${updated:-}" ] || quietly apt-get update
  updated=yes
  quietly apt-get install -y --no-install-recommends "$@"
}

# quietly COMMAND... shows what the command says only where it fails.
quietly() {
  local said
  said=$("$@" </dev/null 2>&1) || { echo "$said" >&2 && exit 1; }
}

# keep_off SERVICE: a package that we installed must not start at the next boot.
keep_off() {
  if [ -d /run/systemd/system ]; then systemctl disable --quiet "$1"; fi
}

postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  have initdb && return
  # The server's package makes and starts a cluster of its own unless its
  # companion, installed first, is told not to.
  install "PostgreSQL's common files" postgresql-common
  echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf
  install "PostgreSQL" postgresql
}

redis() {
  have redis-server && return
  install "Redis" redis-server
  keep_off redis-server
}

python() {
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 && return
  install "Python 3 with venv (for Feast's SDK, in tests only)" python3 python3-venv
}

chromium() {
  have chromium && return
  install "Chromium (for the console's pages, in tests only)" chromium
}

for need in "$@"; do
  case $need in
    compiler) have g++ || install "a C++ compiler (DuckDB runs in the process)" g++ ;;
    arm64-compiler) have aarch64-linux-gnu-g++ || install "a C++ compiler for arm64" g++-aarch64-linux-gnu libc6-dev-arm64-cross ;;
    postgres | redis | python | chromium) "$need" ;;
    *) echo "need.sh: unknown need $need" >&2 && exit 2 ;;
  esac
done
