#!/usr/bin/env bash
# Builds release archives into dist/: one for each Linux, with checksums.
#
#   VERSION=v1.2.3 scripts/dist.sh
#
# The C++ runtime is linked in, so the binary needs glibc of this machine's
# version or newer, and nothing else. arm64 is built where its cross compiler
# is or installs.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${VERSION:?}
rm -rf dist
mkdir dist

# archive ARCH CC CXX
archive() {
  local name=asof-$version-linux-$1 folder
  folder=$(mktemp -d)
  mkdir "$folder/$name" "$folder/lib"
  # DuckDB's bindings ask for -lstdc++, which takes the shared one wherever
  # both are; here is only the other.
  ln -s "$($3 -print-file-name=libstdc++.a)" "$folder/lib/"
  echo "building $name" >&2
  CGO_ENABLED=1 GOOS=linux GOARCH=$1 CC=$2 CXX=$3 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X github.com/asof-dev/asof/cli.Version=$version -extldflags '-L$folder/lib -static-libgcc'" \
    -o "$folder/$name/asof" ./cmd/asof
  cp LICENSE NOTICE README.md CHANGELOG.md "$folder/$name/"
  # The same sources make the same archive: no times, names or order of files.
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$folder" -cf - "$name" | gzip -n9 >"dist/$name.tar.gz"
  rm -r "$folder"
}

scripts/need.sh compiler
native=$(go env GOARCH)
case $native in
  amd64)
    archive amd64 gcc g++
    if scripts/need.sh arm64-compiler; then
      archive arm64 aarch64-linux-gnu-gcc aarch64-linux-gnu-g++
    else
      echo "left out linux-arm64" >&2
    fi
    ;;
  arm64) archive arm64 gcc g++ ;;
  *) echo "releases are built on amd64 or arm64, not on $native" >&2 && exit 1 ;;
esac
(cd dist && sha256sum -- *.tar.gz | tee SHA256SUMS)
