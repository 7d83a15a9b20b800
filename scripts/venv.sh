#!/usr/bin/env bash
# Make a virtual environment (if it is not there) and install pinned, hashed requirements into it.
# usage: venv.sh PYTHON VENV [uv pip install arguments…]
set -euo pipefail
python=$1 venv=$2
shift 2
uv_requirements="$(dirname "$0")/uv.txt"

fail() { printf '%s\n' "$@" >&2; exit 1; }

command -v "$python" >/dev/null || fail "$python was not found. Penstock needs Python 3.11 or newer: apt-get install python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old: Penstock needs Python 3.11 or newer (make PYTHON=python3.12 …)"

make_venv() { "$python" -m venv "$venv"; }

if ! [ -x "$venv/bin/pip" ]; then
  echo "Making $venv"
  rm -rf "$venv"
  # Stock Debian and Ubuntu have python3 without ensurepip.
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package="$("$python" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")')"
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
      fail "Python's venv module is missing. Install it and try again:  sudo apt-get install -y $package"
    echo "Installing $package"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package"; } >/dev/null ||
      fail "Could not install $package. Install it and try again:  apt-get install -y $package"
  fi
  make_venv
fi
# uv installs the same pinned files several times faster than pip does.
[ -x "$venv/bin/uv" ] || "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$uv_requirements"
echo "Installing into $venv"
VIRTUAL_ENV="$PWD/$venv" "$venv/bin/uv" pip install --quiet --require-hashes "$@"
