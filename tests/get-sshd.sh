#!/bin/sh
# The SSH tests start a real sshd of their own on 127.0.0.1. This gets the program where it is missing, and sees to it
# that no service of it is ever started: as root by installing the package with starting forbidden, else by unpacking
# the package into .tools (as an ordinary user sshd needs no system account).
set -eu

if { command -v sshd || [ -x /usr/sbin/sshd ] || [ -x .tools/sshd/usr/sbin/sshd ]; } >/dev/null 2>&1 &&
  command -v ssh-keygen >/dev/null 2>&1; then
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "the tests need sshd and ssh-keygen: install the OpenSSH server and client of this system" >&2
  exit 1
fi
echo "== getting sshd for the tests"
if [ "$(id -u)" = 0 ]; then
  forbid=/usr/sbin/policy-rc.d
  if [ ! -e "$forbid" ]; then
    trap 'rm -f "$forbid"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$forbid"
    chmod 755 "$forbid"
  fi
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends openssh-server openssh-client >/dev/null
  if [ -d /run/systemd/system ]; then
    systemctl disable --quiet ssh.service ssh.socket 2>/dev/null || true
  fi
  exit 0
fi
if ! command -v ssh-keygen >/dev/null 2>&1; then
  echo "ssh-keygen is missing: run sudo apt-get install openssh-client, then this again" >&2
  exit 1
fi
mkdir -p .tools/sshd/packages
(
  cd .tools/sshd/packages
  apt-get download -q openssh-server libwrap0 >/dev/null
  for package in *.deb; do dpkg -x "$package" ..; done
) || {
  echo "sshd could not be had: run sudo apt-get install openssh-server, then this again" >&2
  exit 1
}
