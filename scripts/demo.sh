#!/usr/bin/env bash
# A month of StreamFlow, end to end, in the folder demo/ and without a server.
#
#   scripts/demo.sh           two months of sample data
#   scripts/demo.sh MONTHS    the months in the folder MONTHS (month_000, …),
#                             the first of them as of 2024-01-31
set -euo pipefail
cd "$(dirname "$0")/.."

months=${1:+$(realpath -- "$1")}
if [ -n "$months" ] && [ ! -d "$months/month_000" ]; then
  echo "$1 holds no months: make demo MONTHS=DIR takes a folder with month_000, month_001, … in it" >&2
  exit 1
fi
repo=demo/streamflow
user=3413-BMNZE
PATH=$PWD/bin:$PATH
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi' EXIT

# step TITLE PATTERN COMMAND... runs a command and prints the title, the time
# that it took, the command, and the lines of its output that match the
# pattern. Where it fails, its whole output, and the demo ends.
step() { ends 0 "$@"; }

# ends STATUS TITLE PATTERN COMMAND... is step for a command that has to end
# with that exit status.
ends() {
  local expected=$1 title=$2 pattern=$3 began=${EPOCHREALTIME/./} output status=0 line
  shift 3
  output=$("$@" 2>&1) || status=$?
  printf '\n%-68s %5d ms\n' "$title" $(((${EPOCHREALTIME/./} - began) / 1000))
  line="  \$ $*"
  [ ${#line} -le 110 ] || line=${line:0:109}…
  echo "$line"
  if [ "$status" -ne "$expected" ]; then
    echo "$output"
    exit "$((status == 0 ? 1 : status))"
  fi
  grep -E "$pattern" <<<"$output" | sed 's/^ */    /' || true
}

rm -rf demo
mkdir demo
total=${EPOCHREALTIME/./}

step "Make a repository: definitions, pipeline, configurations" 'py$|yaml$' \
  asof -c demo init streamflow -t streamflow
if [ -n "$months" ]; then # links: sed -i below puts a file in the place of one
  mkdir -p "$repo/data/seeds"
  cp -rs "$months"/month_* "$repo/data/seeds/"
else
  step "Make two months of files" 'as of' asof sample streamflow --out "$repo/data/seeds"
fi

# ingest STATUS TITLE PATTERN MONTH runs the pipeline for a month.
ingest() {
  ends "$1" "$2" "$3" asof -c "$repo" pipeline run ingest_month "month=$4" \
    "as_of=$(date -d "2024-01-01 +$((10#${4#month_} + 1)) months -1 day" +%F)"
}

ingest 0 "Load, check, snapshot and publish January" '^publish|_snapshots: |a constant' month_000
step "Register the definitions" 'feature view|Applied' asof -c "$repo" apply
step "Bring January online" '_fv|VIEW' \
  asof -c "$repo" materialize 2024-01-01T00:00:00 2024-02-01T00:00:00

training=data/processed/training_df.csv
step "Write the training set of January, with its labels" 'Wrote' \
  asof -c "$repo" get-historical-features -o "$training" --label churn_label --entity-sql \
  "SELECT s.user_id, s.as_of AS event_timestamp, l.churn_label
     FROM subscriptions_profile_snapshots s JOIN labels_snapshots l USING (user_id, as_of)
    WHERE s.as_of = DATE '2024-01-31'" \
  -f subs_profile_fv:months_active -f subs_profile_fv:monthly_fee -f subs_profile_fv:paperless_billing \
  -f usage_agg_30d_fv:watch_hours_30d -f usage_agg_30d_fv:avg_session_mins_7d \
  -f payments_agg_90d_fv:failed_payments_90d
grep -E "^user_id|^$user" "$repo/$training" | sed 's/^/    /'

february=$repo/data/seeds/month_001
if [ -d "$february" ]; then
  cp -rL "$february" demo/right
  sed -i '3s/,[^,]*/,-1.5/' "$february/usage_agg_30d.csv"
  sed -i '5s/,[^,]*/,-3/' "$february/subscriptions.csv"
  ingest 1 "February has mistakes: nothing of it is published" 'as they were|below 0' month_001
  cp --remove-destination demo/right/usage_agg_30d.csv demo/right/subscriptions.csv "$february"
  run=$(asof -c "$repo" pipeline runs --output json | grep -om1 '[0-9]*T[0-9]*Z-[0-9a-f]*')
  step "The files are corrected: the run goes on, and February is online" '^publish|_snapshots: |^materialize' \
    asof -c "$repo" pipeline resume "$run"
  step "Hold February's quality against January's" 'against|RESULT|psi|warns|COLUMN |watch_hours_30d  |rules hold' \
    asof -c "$repo" pipeline report ingest_month
fi
for folder in "$repo"/data/seeds/month_*; do
  case $folder in *_000 | *_001) continue ;; esac
  ingest 0 "Load $(basename "$folder") and bring it online" '^publish|_snapshots: |^materialize' "$(basename "$folder")"
done

step "Read a user online, from the command line" . \
  asof -c "$repo" get-online-features --output table -e "user_id=$user" \
  -f subs_profile_fv:months_active -f subs_profile_fv:monthly_fee -f subs_profile_fv:paperless_billing

: >demo/server.log
ASOF_API_FEATURES=months_active,monthly_fee,paperless_billing asof -c "$repo" serve -p 0 2>demo/server.log &
server=$!
until url=$(grep -om1 'http://[^ ]*' demo/server.log); do
  kill -0 "$server" 2>/dev/null || { cat demo/server.log && exit 1; }
done
step "Read the same user from a running server" . asof ping "$url/features/$user"
kill "$server"
wait "$server"
server=

printf '\nAll of it took %d ms. %s/README.md says what to try next.\n' \
  $(((${EPOCHREALTIME/./} - total) / 1000)) "$repo"
echo "Look at it: asof -c $repo ui, or make demo-console, then http://127.0.0.1:8888 in a browser."
