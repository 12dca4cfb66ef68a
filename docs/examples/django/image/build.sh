#!/bin/sh
# Builds the staging image of the shop without a container registry: build.sh IMAGE [ENGINE [OPTION OF ITS import]...]
set -eu
image=$1
engine=${2:-podman}
shift "$(($# < 2 ? $# : 2))"
here=$(cd "$(dirname "$0")" && pwd)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
trap 'exit 1' HUP INT TERM

# Not through a pipe: of a build that failed, an empty image would be made.
mmdebstrap --variant=minbase --include="$(paste -sd, "$here/packages.txt")" \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook="copy-in '$here' /opt" \
    --customize-hook='chroot "$1" sh /opt/image/provision.sh' \
    bookworm "$made/root.tar"
"$engine" import --change 'CMD ["/sbin/init"]' "$@" "$made/root.tar" "$image"
