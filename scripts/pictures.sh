#!/usr/bin/env bash
# Makes the README's pictures: pages of the console of the demo, as Chromium
# shows them, in the light and in the dark, into docs/picture/.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi; rm -rf "$work"' EXIT

: >"$work/log"
bin/asof -c demo/streamflow serve --all -p 0 --grpc-port 0 --registry-port 0 --rest-port 0 --offline-port 0 --ui-port 0 2>"$work/log" &
server=$!
until root=$(sed -n 's/^Serving console on //p' "$work/log") && [ -n "$root" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$work/log" && exit 1; }
  sleep 0.1
done
run=$(bin/asof -c demo/streamflow pipeline runs --output json | grep -om1 '[0-9]*T[0-9]*Z-[0-9a-f]*')

# picture NAME HEIGHT PATH takes a page in both themes. Pages that follow what
# happens never end loading: the browser waits so many milliseconds and no more.
picture() {
  local theme mark='?'
  [[ $3 != *\?* ]] || mark='&'
  for theme in light dark; do
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" \
      --window-size="1200,$2" --timeout=2000 --screenshot="$work/$1-$theme.png" \
      "$root$3${mark}theme=$theme&lang=en" 2>>"$work/chromium" || { cat "$work/chromium" && exit 1; }
    mv "$work/$1-$theme.png" "docs/picture/$1-$theme.png"
    echo "docs/picture/$1-$theme.png"
  done
}

mkdir -p docs/picture
picture home 1130 /
picture feature 900 /catalog/feature/usage_agg_30d_fv:watch_hours_30d
picture run 1040 "/runs/$run"
