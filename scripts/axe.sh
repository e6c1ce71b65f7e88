#!/usr/bin/env bash
# Puts axe-core, which tests hold pages against, into .cache/axe-core-VERSION
# from npm's archive of it, checked by its hash, and prints the script's path.
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.14.1
hash=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
home=$PWD/.cache/axe-core-$version
if [ ! -e "$home/axe.min.js" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  curl -fsSL --retry 3 -o "$work/axe.tgz" "https://registry.npmjs.org/axe-core/-/axe-core-$version.tgz"
  echo "$hash  $work/axe.tgz" | sha512sum --check --quiet >&2
  tar -xzf "$work/axe.tgz" -C "$work" package/axe.min.js
  mkdir -p "$home"
  mv "$work/package/axe.min.js" "$home/axe.min.js"
fi
echo "$home/axe.min.js"
