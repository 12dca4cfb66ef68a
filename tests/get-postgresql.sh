#!/bin/sh
# The tests of a shared record start a real PostgreSQL of their own in a temporary directory. This gets the programs
# where they are missing and can be had as root; elsewhere those tests are skipped, and say so. No service is started.
set -eu

if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no PostgreSQL server here, so its tests are skipped: install postgresql to have them" >&2
  exit 0
fi
echo "== getting PostgreSQL for the tests"
forbid=/usr/sbin/policy-rc.d
if [ ! -e "$forbid" ]; then
  trap 'rm -f "$forbid"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$forbid"
  chmod 755 "$forbid"
fi
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql >/dev/null
if [ -d /run/systemd/system ]; then
  systemctl disable --quiet postgresql.service 2>/dev/null || true
fi
