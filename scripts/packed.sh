#!/usr/bin/env bash
# Packs the package, installs the tarball in an empty folder without scripts, and runs the installed command through the smoke test.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tarball=$(cd "$root" && npm pack --silent --ignore-scripts --pack-destination "$dir" | tail -n 1)
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts "./$tarball"
node "$root/scripts/smoke.mjs" "$dir/node_modules/.bin/skylark"
