#!/usr/bin/env bash
# Runs a test with the Python that has the packages of scripts/test-python: with_packages.sh SCRIPT ARGUMENTS...
python=${ELIGO_TEST_PYTHON:-${XDG_CACHE_HOME:-$HOME/.cache}/eligo/test-python/bin/python}
if ! "$python" -c 'import tensorboard, websocket' 2>/dev/null; then
  echo "the Python packages of scripts/test-python are not installed: ./check does that"
  [ -z "${CI:-}" ] || exit 1
  exit 77  # skipped
fi
exec "$python" "$@"
