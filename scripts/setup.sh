# Shared by ./run and ./check: installs what is missing, configures and builds. Sourced, not run.
# Sets `root`, the project's folder. With `tests=yes` it installs what only tests use, too.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing_packages() {
  local package
  while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    installed "$package" || printf '%s ' "$package"
  done < <(cat "$root/scripts/packages" ${tests:+"$root/scripts/packages.check"})
}

install_packages() {
  local missing become=
  if ! command -v dpkg-query >/dev/null; then
    say "eligo is built with Debian packages, and this system has no dpkg."
    say "Install the equivalents of the packages in scripts/packages, then run: cmake --preset release && cmake --build build"
    return 1
  fi
  missing=$(missing_packages)
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "These packages are missing, and you are neither root nor is there sudo:"
      say "  apt-get install $missing"
      return 1
    fi
    become=sudo
  fi
  say "installing: $missing"
  quietly $become apt-get update
  # shellcheck disable=SC2086  # one word a package
  quietly $become env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}

# The Python packages that only tests use, in a virtual environment that tests/report/with_packages.sh finds again.
install_test_python() {
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/eligo/test-python
  if cmp -s "$root/scripts/test-python" "$folder/installed"; then return 0; fi
  say "installing Python packages for the tests into $folder"
  rm -rf "$folder"
  quietly python3 -m venv "$folder"
  quietly "$folder/bin/pip" install -q --disable-pip-version-check -r "$root/scripts/test-python"
  cp "$root/scripts/test-python" "$folder/installed"
}

# The Python package's wheel, in build/wheel, unless nothing that it is made of has changed since.
build_wheel() {
  local wheels=$root/build/wheel
  if [ -n "$(ls "$wheels"/eligo-*.whl 2>/dev/null)" ] && [ -z "$(find "$root"/{support,dsl,compiler,runtime,bench,python,rules} \
    "$root"/{CMakeLists.txt,pyproject.toml} -newer "$wheels" -not -name '*.pyc' -not -name __pycache__ | head -n 1)" ]; then
    return 0
  fi
  say "building the Python package"
  rm -rf "$wheels"
  (cd "$root" && CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) quietly "${XDG_CACHE_HOME:-$HOME/.cache}/eligo/test-python/bin/pip" wheel -q \
    --disable-pip-version-check --no-deps -w "$wheels" .)
}

# The folder that a preset of CMakePresets.json builds in.
folder_of() {
  case $1 in
  release | ci) printf '%s\n' "$root/build" ;;
  debug | asan | tsan) printf '%s\n' "$root/build-$1" ;;
  *)
    say "there is no preset \"$1\": release, ci, debug, asan (addresses and undefined behaviour) or tsan (threads)"
    return 1
    ;;
  esac
}

# Runs a command and shows what it says only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if [ $status != 0 ]; then
    cat "$log" >&2
    say "failed: $*"
  fi
  rm -f "$log"
  return $status
}

# Copies ninja's lines to a log and says how far it is: in one line that counts on a terminal, in tenths elsewhere. A
# build of a few steps is not worth a word.
count_steps() {
  local log=$1 line step steps tenth=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    step=${BASH_REMATCH[1]} steps=${BASH_REMATCH[2]}
    [ "$steps" -ge 10 ] || continue
    if [ -t 2 ]; then
      printf '\rbuilding: %d of %d ' "$step" "$steps" >&2
    elif [ $((step * 10 / steps)) -gt "$tenth" ]; then
      tenth=$((step * 10 / steps))
      say "building: $step of $steps"
    fi
  done
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# build PRESET TARGET...
build() {
  local preset=$1 folder
  folder=$(folder_of "$1")
  shift
  if [ -f "$folder/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    say "$(basename "$folder")/ was configured for another folder: configuring it again"
    rm -rf "$folder"
  fi
  # Ninja configures again by itself when a CMakeLists.txt has changed.
  if [ ! -f "$folder/build.ninja" ] || [ "$(cat "$folder/preset" 2>/dev/null)" != "$preset" ]; then
    say "configuring"
    (cd "$root" && quietly cmake --preset "$preset")
    echo "$preset" >"$folder/preset"
  fi
  local log status=0
  log=$(mktemp)
  NINJA_STATUS='[%f/%t] ' ninja -C "$folder" -j "$(nproc)" "$@" 2>&1 | count_steps "$log" || status=$?
  if [ $status != 0 ]; then
    grep -vE '^\[[0-9]+/[0-9]+\] ' "$log" >&2 || true
    say "the build failed: ninja -C $(basename "$folder") $*"
  fi
  rm -f "$log"
  return $status
}

install_packages
[ -z "${tests:-}" ] || install_test_python
