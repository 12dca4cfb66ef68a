"""Writers on a full disk, beside a process that has one file open many times."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from remediate.core.command import Output
from remediate.probes.disk_writers import DiskWriters

SCRIPT = r"""
set -e
cd "$1"; mkdir disk; mount -t tmpfs -o size=8m tmpfs disk
dd if=/dev/zero of=disk/pool bs=1M count=5 status=none; dd if=/dev/zero of=disk/log bs=1M count=2 status=none
python3 -c '
import time
kept = [open("disk/pool", "ab") for _ in range(150)]
print("ready", flush=True); time.sleep(300)' >one &
first=$!
python3 -c '
import time
kept = open("disk/log", "ab")
print("ready", flush=True); time.sleep(300)' >two &
trap "kill $first $!" EXIT
until [ -s one ] && [ -s two ]; do sleep 0.1; done
shift; "$@"
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a folder outside of pytest's own, which is closed to others."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_file_that_is_open_many_times_hides_no_other_one(place: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(("unshare", "-m", "true"), check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")
    probe = DiskWriters(limit=80)
    done = subprocess.run(
        ("unshare", "-m", "sh", "-c", SCRIPT, "sh", str(place), *probe.command().argv),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    writers = probe.read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode)).writers
    told = [each.path for each in writers if each.path.startswith(str(place))]
    assert told.count(f"{place}/disk/log") == 1
    assert 1 <= told.count(f"{place}/disk/pool") <= 3
