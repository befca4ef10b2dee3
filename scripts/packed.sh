#!/usr/bin/env bash
# Packs the package, installs the tarball in an empty folder without scripts, runs the installed command through the smoke test, and has the installed
# kit judge a broker that it did not start.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tarball=$(cd "$root" && npm pack --silent --ignore-scripts --pack-destination "$dir" | tail -n 1)
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts "./$tarball"
node "$root/scripts/smoke.mjs" "$dir/node_modules/.bin/skylark"

"$dir/node_modules/.bin/skylark" start --port 0 --namesrv-port 0 --data "$dir/data" >"$dir/ready" &
broker=$!
trap 'kill "$broker" 2>/dev/null || true; wait "$broker" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do
  grep -q '^ready ' "$dir/ready" && break
  sleep 0.1
done
namesrv=$(sed -n 's/^ready namesrv=\([^ ]*\).*/\1/p' "$dir/ready")
"$dir/node_modules/.bin/skylark" conform --namesrv "$namesrv" --area frame,header,pull --html "$dir/report.html"
grep -q '</html>' "$dir/report.html"
