#!/bin/sh
# Publishes tonight's prices. For cron, with the API key in the environment:
#
#   15 2 * * *  /srv/prices/nightly_prices.sh /srv/prices
#
# /srv/prices/export_prices is a program of yours that prints JSON Lines:
#
#   {"channel": "prices:eu", "event": "price.changed", "data": {"hotel": "h1", "price": 129.5}}
#
# Run again on the same day it goes on where it ended, and publishes nothing twice.
set -eu

folder=${1:?usage: nightly_prices.sh FOLDER}
pause=${PAUSE:-60}
today=$(date +%F)
prices="$folder/prices-$today.jsonl"
rejected="$folder/rejected-$today.jsonl"

# Whole, or not at all: what is published must be the same when a run is continued.
if [ ! -e "$prices" ]; then
  "$folder/export_prices" > "$prices.part"
  mv "$prices.part" "$prices"
fi

tries=1
while :; do
  code=0
  report=$(voyant-cloud publish-batch "$prices" --resume --on-error skip --rejects "$rejected" --quiet --json) || code=$?
  case $report in *'"complete":true'*) break ;; esac
  # 2 and 3 are for people: a wrong setting or key stays wrong. 1 and 4 pass, such as an outage.
  if [ "$code" -eq 2 ] || [ "$code" -eq 3 ] || [ "$code" -gt 100 ] || [ "$tries" -ge 5 ]; then
    exit "$code"
  fi
  tries=$((tries + 1))
  sleep "$pause"
done

if [ -s "$rejected" ]; then
  echo "$(wc -l < "$rejected") prices could not be published; see $rejected" >&2
  exit 4
fi
