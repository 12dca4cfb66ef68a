#!/bin/sh
# Runs commands on a bare Debian: python3, make, git, and a clone of what is committed here. Usage, as root:
# run.sh RELEASE COMMAND [COMMAND…], each command one word for sh. The system has its own root, processes, network and
# cgroups, and is configured like this machine: package sources, indexes, proxies, certificates. It is removed at the end.
set -eu

began=$(date +%s)
say() { printf '== %s, %s s: %s\n' "$release" "$(($(date +%s) - began))" "$*"; }
fail() {
  echo "make fresh: $*" >&2
  exit 1
}

[ $# -ge 2 ] || fail "usage: run.sh RELEASE COMMAND [COMMAND…]"
release=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || fail "this needs root; run: sudo make fresh"
missing=
for program in mmdebstrap slirp4netns unshare git; do
  command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
[ -z "$missing" ] || fail "missing here:$missing; run: apt-get install -y mmdebstrap slirp4netns util-linux git"
if [ ! -e /dev/net/tun ]; then
  mkdir -p /dev/net
  mknod /dev/net/tun c 10 200 || fail "/dev/net/tun is missing, and with it the network of the bare system"
fi

work=$(mktemp -d /var/tmp/remediate-fresh.XXXXXX)
root=$work/root
group=$(basename "$work")
clone=root/remediate-$release
init=
network=

end() {
  trap '' INT TERM HUP
  # Without its process 1 the kernel ends all others of the bare system, and takes its mounts and its network down.
  [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
  [ -z "$network" ] || kill "$network" 2>/dev/null || true
  wait
  tries=0
  while [ "$tries" -lt 50 ] && find $trees -maxdepth 1 -name "$group" 2>/dev/null | grep -q .; do
    for tree in $trees; do
      find "$tree/$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done
    tries=$((tries + 1))
    sleep 0.1
  done
  rm -rf --one-file-system "$work"
}
trees=$(awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts | sort -u)
trap end EXIT
trap 'exit 130' INT TERM HUP

# Package sources are those of this machine, for the other release; where none fit, those that mmdebstrap knows.
. /etc/os-release
apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
  while read -r uri suite component; do
    case $ID:$component:$suite in
      "debian:main:$VERSION_CODENAME" | "debian:main:$VERSION_CODENAME-updates" | "debian:main:$VERSION_CODENAME-security")
        echo "deb $uri $release${suite#"$VERSION_CODENAME"} main"
        ;;
    esac
  done | sort -u >"$work/sources.list"
apt-config dump | grep -E '^Acquire::(https?|ftp|Check-|Retries|ForceIPv)' >"$work/apt.conf" || true
set -- "$root" "/$clone" "$@"
sources=
[ ! -s "$work/sources.list" ] || sources=$work/sources.list

say "making a bare system with python3, make and git"
mmdebstrap --quiet --variant=minbase --include=python3,make,git --aptopt="$work/apt.conf" "$release" "$root" $sources ||
  fail "mmdebstrap failed; a release that this machine's keys do not cover needs a newer debian-archive-keyring"
for path in /etc/pip.conf /etc/xdg/pip /etc/uv /etc/xdg/uv /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt; do
  if [ -e "$path" ]; then
    mkdir -p "$root$(dirname "$path")"
    cp -rL "$path" "$root$(dirname "$path")"
  fi
done
settings='PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|PROXY|DEFAULT_TIMEOUT|RETRIES)|UV_([A-Z_]*INDEX[A-Z_]*|NATIVE_TLS|SYSTEM_CERTS)'
settings="$settings|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|([Hh][Tt][Tt][Pp][Ss]?|[Aa][Ll][Ll]|[Nn][Oo])_(PROXY|proxy)"
export -p | grep -E "^export ($settings)=" >"$root/root/environment" || true
# What slirp4netns answers on; it asks the resolver of this machine.
rm -f "$root/etc/resolv.conf"
echo "nameserver 10.0.2.3" >"$root/etc/resolv.conf"
printf '127.0.0.1 localhost\n127.0.1.1 bare\n' >"$root/etc/hosts"
git clone -q "$here/../.." "$root/$clone"

say "packages: $(chroot "$root" dpkg-query -f '.' -W | wc -c), commit $(git -C "$root/$clone" rev-parse --short HEAD)"
for tree in $trees; do
  mkdir "$tree/$group"
  # A group of version 1 takes no process before it has been told which processors are its.
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$tree/$group/$file" ] || cat "$tree/$file" >"$tree/$group/$file"
  done
  [ ! -e "$tree/$group/cgroup.clone_children" ] || echo 1 >"$tree/$group/cgroup.clone_children"
done
TREES=$trees GROUP=$group setsid -w sh "$here/enter.sh" "$@" </dev/null &
init=$!
until [ ! -e "/proc/$init" ] || [ "$(readlink "/proc/$init/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
  sleep 0.1
done
slirp4netns --configure --mtu=65520 --disable-host-loopback "$init" tap0 >"$work/slirp.txt" 2>&1 &
network=$!
code=0
wait "$init" || code=$?
init=
say "ended with $code"
exit "$code"
