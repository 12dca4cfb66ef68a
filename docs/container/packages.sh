#!/bin/sh
# Puts this checkout's wheel with the extra `service` and the locked versions of what it needs into a directory, for
# another Python than this environment's. Usage: packages.sh PYTHON-VERSION DIRECTORY, with uv installed or in .tools.
set -eu

python=$1
directory=$2
cd "$(dirname "$0")/../.."
uv=$(command -v uv || echo .tools/bin/uv)
rm -rf "$directory"
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$uv" build --quiet --wheel --out-dir "$work" .
"$uv" export --frozen --quiet --no-default-groups --extra service --no-emit-project --output-file "$work/locked.txt"
case $(uname -m) in arm64 | aarch64) machine=aarch64 ;; *) machine=$(uname -m) ;; esac
install() {
  "$uv" pip install --quiet --target "$directory" --python-version "$python" --no-deps \
    --python-platform "$machine-manylinux_2_28" --only-binary :all: "$@"
}
install --require-hashes --requirement "$work/locked.txt"
install "$work"/remediate-*.whl
