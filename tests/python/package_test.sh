#!/usr/bin/env bash
# Installs the wheel into a fresh virtual environment and runs the package's tests there: package_test.sh PROJECT WHEELS FOLDER
set -euo pipefail
project=$1 wheels=$2 folder=$3
wheel=$(ls "$wheels"/eligo-*.whl 2>/dev/null | tail -n 1)
if [ -z "$wheel" ]; then
  echo "there is no wheel in $wheels: ./check builds it"
  [ -z "${CI:-}" ] || exit 1
  exit 77 # skipped
fi
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check "$wheel" pytest mypy
cd "$folder"
"$folder/bin/python" -m pytest -q -p no:cacheprovider "$project/python/tests"
"$folder/bin/python" -m mypy --strict -p eligo --cache-dir="$folder/mypy"
"$folder/bin/eligo" version
