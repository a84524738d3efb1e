# What `./run bench` measures eligo beside, as far as it can be had. Sourced by run; nothing here is needed by eligo itself.
# ELIGO_NO_PEERS=1 leaves the machine as it is.

# PyTorch and NumPy of Debian, with the BLAS that makes them fast.
offer_packages() {
  local package missing=
  for package in python3-torch python3-numpy libopenblas0-pthread; do
    installed "$package" || missing+="$package "
  done
  [ -z "$missing" ] && return 0
  if [ "$(id -u)" != 0 ]; then
    say "to measure beside PyTorch and NumPy: sudo apt-get install $missing"
    return 0
  fi
  # shellcheck disable=SC2086  # one word a package
  if ! apt-cache show $missing >/dev/null 2>&1; then
    say "apt-get does not have $missing: some peers are left out"
    return 0
  fi
  say "installing, to measure beside them: $missing"
  # shellcheck disable=SC2086
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing ||
    say "some peers are left out"
}

# Packages of PyPI in a virtual environment: FOLDER SECONDS PACKAGE... Fails where they cannot be had.
offer_environment() {
  local folder=$1 seconds=$2
  shift 2
  [ ! -x "$folder/bin/python" ] || return 0
  say "installing $* for the benchmark into $folder"
  rm -rf "$folder"
  if ! { python3 -m venv "$folder" && timeout "$seconds" "$folder/bin/pip" install -q "$@"; } >/dev/null 2>&1; then
    rm -rf "$folder"
    say "pip does not have $* here: what needs it is left out"
    return 1
  fi
}

peers_folder() { printf '%s' "${XDG_CACHE_HOME:-$HOME/.cache}/eligo"; }

# JAX by pip, in a folder of its own.
offer_jax() {
  [ -z "${ELIGO_JAX_PYTHON:-}" ] || return 0
  local folder
  folder=$(peers_folder)/jax
  if offer_environment "$folder" 300 jax; then export ELIGO_JAX_PYTHON=$folder/bin/python; fi
}

# What PyPI has today. Its PyTorch brings CUDA's libraries along and does not load without them.
offer_current() {
  local folder parent free needed=8
  folder=$(peers_folder)/peers
  parent=$(peers_folder)
  mkdir -p "$parent"
  free=$(df --output=avail -BG "$parent" | tail -n 1 | tr -dc 0-9)
  if [ ! -x "$folder/bin/python" ] && [ "$free" -lt "$needed" ]; then
    say "PyPI's PyTorch needs $needed GB, there are $free: Debian's serves"
    return 0
  fi
  offer_environment "$folder" 1800 torch numpy jax braintrace || return 0
  export ELIGO_TORCH_PYTHON=$folder/bin/python ELIGO_NUMPY_PYTHON=$folder/bin/python
  export ELIGO_JAX_PYTHON=$folder/bin/python ELIGO_BRAINTRACE_PYTHON=$folder/bin/python
}

# "current": PyPI's instead of Debian's.
offer_peers() {
  [ -z "${ELIGO_NO_PEERS:-}" ] || return 0
  [ "${1:-}" != current ] || offer_current
  offer_packages
  offer_jax
}
