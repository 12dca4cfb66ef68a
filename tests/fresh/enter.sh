#!/bin/sh
# Becomes process 1 of the bare system that run.sh made, and runs its commands there. Usage: enter.sh ROOT DIRECTORY COMMAND…
# $TREES are the cgroup trees of the outer machine, $GROUP is the group of the bare system in each.
set -eu

if [ "${1:-}" != --as-init ]; then
  for tree in $TREES; do
    echo $$ >"$tree/$GROUP/cgroup.procs"
  done
  exec unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child sh "$0" --as-init "$@"
fi
root=$2
directory=$3
shift 3

# The cgroups below our own become the whole of them, arranged as this machine arranges its own.
mount_cgroups() {
  if grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts; then
    mount -t cgroup2 cgroup2 "$1"
    # A group that passes controllers on may not hold processes itself.
    mkdir "$1/init"
    while read -r process; do echo "$process" >"$1/init/cgroup.procs"; done <"$1/cgroup.procs" || true
    for controller in $(cat "$1/cgroup.controllers"); do
      echo "+$controller" >"$1/cgroup.subtree_control"
    done
    return
  fi
  mount -t tmpfs -o mode=755 tmpfs "$1"
  while IFS=: read -r number controllers _; do
    options=$controllers
    kind=cgroup
    case $number:$controllers in
      0:*) name=unified kind=cgroup2 options=rw ;;
      *:name=*) name=${controllers#name=} options=none,$controllers ;;
      *) name=$controllers ;;
    esac
    mkdir "$1/$name"
    mount -t "$kind" -o "$options" cgroup "$1/$name"
  done </proc/self/cgroup
}

hostname bare
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/run/lock"
mount_cgroups "$root/sys/fs/cgroup"
# Not chroot: a program that joins the namespace of these mounts, as an engine's exec does, starts at their root.
cd "$root"
mkdir outer
pivot_root . outer
cd /
umount -l outer
rmdir outer
waited=0
until grep -q '^tap0' /proc/net/route; do
  waited=$((waited + 1))
  [ "$waited" -lt 100 ] || { echo "make fresh: the bare system got no network within 10 s" >&2; exit 1; }
  sleep 0.1
done
# Podman of Debian 12 publishes ports with iptables, which needs the loopback device up, as on any machine.
python3 - <<'PYTHON'
import fcntl, socket, struct
with socket.socket() as any_socket:  # ifconfig lo up, on a system without iproute2
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
PYTHON
for command in "$@"; do
  began=$(date +%s)
  printf '\nroot@bare:%s# %s\n' "$directory" "$command"
  code=0
  env -i HOME=/root TERM="${TERM:-dumb}" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c '. /root/environment && cd "$1" && eval "$2"' sh "$directory" "$command" || code=$?
  echo "== $command: $(($(date +%s) - began)) s, exit $code"
  [ "$code" = 0 ] || exit "$code"
done
