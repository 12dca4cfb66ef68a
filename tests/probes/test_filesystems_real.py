"""A real disk, as df, find, the kernel and the shell show it."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.probes.consumers import Consumers
from remediate.probes.disk_writers import DiskWriters
from remediate.probes.files import LogFiles
from remediate.probes.filesystems import DiskSpace

DISK = r"""
set -e
cd "$1"; mkdir disk storage; chmod 755 . disk
mount -t tmpfs -o size=8m,nr_inodes=40,mode=750 tmpfs disk
mkdir "disk/a p"; chown nobody "disk/a p"; mount --bind "disk/a p" storage
touch disk/1 disk/2 disk/3 "disk/a p/"4
(
  exec 7>>"storage/laravel log"; exec 8>disk/gone; rm disk/gone
  dd if=/dev/zero bs=1M count=2 status=none >&8
  while dd if=/dev/zero bs=256K count=1 status=none >&7 2>/dev/null; do sleep 0.3; done
  exec sleep 30
) >/dev/null 2>&1 </dev/null &
trap "kill $!" EXIT
"""
"""A disk mounted twice, closed to others where df names it, that a process fills: by a log, and by a file deleted."""


@pytest.fixture
def on_a_disk(place: Path) -> Callable[..., Output]:
    """Ask on a machine with such a disk, which no other process of this one sees."""
    if os.geteuid() != 0 or subprocess.run(("unshare", "-m", "true"), check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")

    def ask(argv: tuple[str, ...], *, percent: int, user: str = "root") -> Output:
        who = f"setpriv --reuid {user} --regid nogroup --clear-groups " if user != "root" else ""
        until = f'until [ "$(df --output=pcent disk | tr -cd 0-9)" -ge {percent} ]; do sleep 0.1; done'
        text = f"{DISK}{until}\n{who}env LC_ALL=C {shlex.join(argv)}"
        done = subprocess.run(
            ("unshare", "-m", "sh", "-c", text, "sh", str(place)), check=False, capture_output=True, text=True
        )
        return Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)

    return ask


def test_the_real_df_tells_of_a_disk_by_its_device(on_a_disk: Callable[..., Output], place: Path) -> None:
    room = DiskSpace(limit=95).read(on_a_disk(DiskSpace().command().argv, percent=100))
    storage = room.at(f"{place}/storage")
    assert storage is not None
    assert storage.mount == f"{place}/disk"
    assert storage in room.full


def test_the_real_find_sees_what_fills_it_at_whatever_place_is_open(
    on_a_disk: Callable[..., Output], place: Path
) -> None:
    probe = Consumers(limit=95)
    seen = probe.read(on_a_disk(probe.command().argv, percent=100, user="nobody"))
    (log,) = seen.consumers
    assert log.path == f"{place}/storage/laravel log"
    assert log.size_kib > 4 * 1024
    assert (seen.closed, seen.such_as, seen.late) == (1, f"{place}/disk", False)


def test_the_real_df_tells_of_inodes(on_a_disk: Callable[..., Output], place: Path) -> None:
    """df refuses -i together with --output, and for long nobody saw it."""
    probe = Consumers(limit=10)
    only = (*probe.command().argv[:5], f"^(/[^{place.parts[1][0]}]|/$|/dev)", *probe.command().argv[6:])
    seen = probe.read(on_a_disk(only, percent=30))
    folders = {each.path: each.files for each in seen.consumers if each.files}
    assert folders[f"{place}/disk"] >= 4


def test_the_real_kernel_tells_who_writes(on_a_disk: Callable[..., Output], place: Path) -> None:
    probe = DiskWriters(limit=45)
    argv = probe.command().argv
    writers = probe.read(on_a_disk(argv, percent=50)).writers
    mine = {each.path: each for each in writers if each.path.startswith(str(place))}
    log, gone = mine[f"{place}/storage/laravel log"], mine[f"{place}/disk/gone"]
    assert (log.deleted, log.user, log.grown_kib > 0) == (False, "root", True)
    assert (gone.deleted, gone.held_kib, gone.grown_kib, gone.pid) == (True, 2048, 0, log.pid)


def test_the_real_shell_tells_a_closed_folder_from_one_that_is_missing(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    (place / "closed").mkdir(mode=0o700)
    probe = LogFiles(paths=(f"{place}/closed/a/x.log", f"{place}/gone/a/x.log", f"{place}/x.log"))
    words = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *probe.command().argv)
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    state = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
    assert (state.files, state.unseen) == ((), (f"{place}/closed/a/x.log",))
