#!/bin/sh
# The walk of the README: a host is broken, found broken, mended, and left alone. Usage: demo.sh INVOKE-COMMAND…
set -u

say() { printf '\n$ invoke %s\n' "$*"; }

expect() {
  wanted=$1
  shift
  say "$@"
  $invoke "$@"
  code=$?
  if [ "$code" -ne "$wanted" ]; then
    echo "the demo went wrong: exit $code, expected $wanted" >&2
    exit 1
  fi
}

invoke="$*"
expect 0 staging.up
expect 0 staging.break --fault php-fpm-stopped
expect 10 check.app-down --host staging
expect 0 fix.app-down --host staging
expect 0 fix.app-down --host staging
printf '\nThe staging host is still up ("invoke" is .venv/bin/invoke). Break it in other ways (invoke staging.break\n'
printf -- '--fault NAME), look at it (invoke triage --host staging), rehearse (invoke rehearse.app-down); make clean\n'
printf 'removes it again.\n'
