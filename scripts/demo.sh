#!/usr/bin/env bash
# A month of StreamFlow, end to end, in the folder demo/ and without a server:
# every command is shown with the time that it took and what it said.
#
#   scripts/demo.sh           two months of sample data
#   scripts/demo.sh MONTHS    the months in the folder MONTHS (month_000, …),
#                             the first of them as of 2024-01-31
set -euo pipefail
cd "$(dirname "$0")/.."

months=${1:+$(realpath -- "$1")}
repo=demo/streamflow
user=3413-BMNZE
PATH=$PWD/bin:$PATH
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi' EXIT

# say MILLISECONDS TEXT prints a step, and its output from standard input.
say() {
  printf '\n%-88s %6d ms\n' "$2" "$1"
  sed 's/^/    /'
}

# step COMMAND... runs and reports one step; where it fails, so does the demo.
step() {
  local began=${EPOCHREALTIME/./} output
  if ! output=$("$@" 2>&1); then
    say $(((${EPOCHREALTIME/./} - began) / 1000)) "\$ $*" <<<"$output"
    exit 1
  fi
  say $(((${EPOCHREALTIME/./} - began) / 1000)) "\$ $*" < <(tail -n 8 <<<"$output")
}

rm -rf demo
mkdir demo
total=${EPOCHREALTIME/./}

step asof -c demo init streamflow -t streamflow
if [ -n "$months" ]; then
  mkdir "$repo/data"
  ln -s "$months" "$repo/data/seeds"
else
  step asof sample streamflow --out "$repo/data/seeds"
fi

for folder in "$repo"/data/seeds/month_*; do
  month=$(basename "$folder")
  as_of=$(date -d "2024-01-01 +$((10#${month#month_} + 1)) months -1 day" +%F)
  step asof -c "$repo" pipeline run ingest_month "month=$month" "as_of=$as_of"
done
step asof -c "$repo" apply
step asof -c "$repo" materialize 2024-01-01T00:00:00 2024-02-01T00:00:00

step asof -c "$repo" get-historical-features --entity-sql "SELECT s.user_id, s.as_of AS event_timestamp, l.churn_label FROM subscriptions_profile_snapshots s JOIN labels_snapshots l USING (user_id, as_of) WHERE s.as_of = DATE '2024-01-31'" \
  -f subs_profile_fv:months_active -f subs_profile_fv:monthly_fee -f subs_profile_fv:paperless_billing \
  -f usage_agg_30d_fv:watch_hours_30d -f usage_agg_30d_fv:avg_session_mins_7d \
  -f payments_agg_90d_fv:failed_payments_90d \
  --label churn_label -o data/processed/training_df.csv
step grep -E "^user_id|^$user" "$repo/data/processed/training_df.csv"

step asof -c "$repo" get-online-features -e "user_id=$user" \
  -f subs_profile_fv:monthly_fee -f subs_profile_fv:paperless_billing -f subs_profile_fv:months_active

ASOF_API_FEATURES=months_active,monthly_fee,paperless_billing asof -c "$repo" serve -p 0 2>demo/server.log &
server=$!
until url=$(grep -om1 'http://[^ ]*' demo/server.log); do
  kill -0 "$server" 2>/dev/null || { cat demo/server.log && exit 1; }
done
step asof ping "$url/features/$user"
kill "$server"
wait "$server"
server=

printf '\nAll of it took %d ms. The repository is %s: its README.md says what to try next.\n' \
  $(((${EPOCHREALTIME/./} - total) / 1000)) "$repo"
