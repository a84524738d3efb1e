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

# JAX by pip, in a folder of its own.
offer_jax() {
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/eligo/jax
  if [ -n "${ELIGO_JAX_PYTHON:-}" ]; then return 0; fi
  if [ ! -x "$folder/bin/python" ]; then
    say "installing JAX for the benchmark into $folder"
    rm -rf "$folder"
    if ! { python3 -m venv "$folder" && timeout 300 "$folder/bin/pip" install -q jax; } >/dev/null 2>&1; then
      rm -rf "$folder"
      say "pip does not have JAX here: this peer is left out"
      return 0
    fi
  fi
  export ELIGO_JAX_PYTHON=$folder/bin/python
}

offer_peers() {
  [ -z "${ELIGO_NO_PEERS:-}" ] || return 0
  offer_packages
  offer_jax
}
