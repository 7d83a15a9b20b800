#!/usr/bin/env bash
# Pin all dependencies, with hashes, from pyproject.toml. With --check: fail if the pins do not
# satisfy pyproject.toml any more (nothing is upgraded, so newer releases elsewhere do not matter).
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="make lock"
work=.
if [ "${1:-}" = --check ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/localstack" "$work/ecs_tasks/dequeuer" "$work/scripts"
fi

compile() {
  local out=$1
  shift
  [ "$work" = . ] || cp "$out" "$work/$out"
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes "$@" -o "$work/$out"
  [ "$work" = . ] || diff -q "$out" "$work/$out" >/dev/null || {
    echo "$out does not match pyproject.toml; run \`make lock\` and commit the result." >&2
    exit 1
  }
}

compile requirements.txt pyproject.toml --extra dequeuer --extra deploy --extra examples
compile requirements-dev.txt -c requirements.txt --group dev
compile localstack/requirements.txt --group emulator
compile ecs_tasks/dequeuer/requirements.txt -c requirements.txt --group dequeuer-image
compile scripts/uv.txt -c requirements-dev.txt --group uv
