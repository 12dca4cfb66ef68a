#!/bin/sh
# Get uv where there is only python3, then the locked environment, compiled. Usage: bootstrap.sh UV
# Everything goes into this checkout; nothing is installed system-wide but python3-venv if needed.
set -eu

uv=$1
get_uv() {
  echo "== setting up (uv, then the locked environment)"
  if ! command -v python3 >/dev/null 2>&1; then
    echo "python3 is missing: install it (Debian, Ubuntu: apt-get install python3 python3-venv)" >&2
    exit 1
  fi
  if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    if ! command -v apt-get >/dev/null 2>&1; then
      echo "python3 has no venv module: install it, or uv itself (https://docs.astral.sh/uv/)" >&2
      exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
      as_root=
    elif sudo -n true 2>/dev/null; then
      as_root="sudo -n"
    else
      echo "python3-venv is missing: run sudo apt-get install python3-venv, then this again" >&2
      exit 1
    fi
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120"
    $apt update >/dev/null
    $apt install python3-venv >/dev/null
  fi
  python3 -m venv .tools
  .tools/bin/python -m pip install -qq --disable-pip-version-check uv
}

command -v "$uv" >/dev/null 2>&1 || get_uv
"$uv" sync --frozen --quiet
# uv does not compile what it installs, and where PYTHONDONTWRITEBYTECODE is set Python never would: every start of a
# command would take a second longer. Only what changed is compiled again; the tests' own files Python compiles itself.
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
.venv/bin/python -m compileall -q -q -j 0 "$packages" remediate playbooks >/dev/null || true
