#!/usr/bin/env bash
# Every file of the tour, and every .eli file of examples/, checks and is in the canonical form; the tour's experiment
# trains each rule for a moment. Arguments: the command, the project's folder.
set -u
eligo=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ELIGO_CACHE=$work/cache
failures=0
for file in "$root"/rules/tour/*.eli "$root"/examples/*.eli; do
  "$eligo" check "$file" >"$work/report" 2>&1 || { cat "$work/report"; echo "FAILED: eligo check $file"; failures=$((failures + 1)); }
  "$eligo" fmt --check "$file" || { echo "FAILED: eligo fmt --check $file"; failures=$((failures + 1)); }
done
(cd "$work" && "$eligo" run "$root/rules/tour/tour.toml" --out tour --quiet train.epochs=1 train.batches_per_epoch=10) \
  >"$work/output" 2>&1 || { tail -n 20 "$work/output"; echo "FAILED: eligo run tour.toml"; failures=$((failures + 1)); }
[ $failures = 0 ]
