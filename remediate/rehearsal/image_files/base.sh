#!/bin/sh
# Runs as root in a plain Debian bookworm: installs the packages of packages.txt. Slow, changes rarely.
set -eu
here=$(dirname "$0")

# The same exclusions as the mmdebstrap build: half the files of these packages are documentation, and 200 MB are the
# scripts of Prometheus's pages, which nobody looks at here.
cat > /etc/dpkg/dpkg.cfg.d/01-staging <<'EXCLUDE'
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/javascript/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/*
force-unsafe-io
EXCLUDE

# Nothing may start while packages are being installed: there is no init yet.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
xargs apt-get install -q -y --no-install-recommends < "$here/packages.txt"
apt-get clean
rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d
