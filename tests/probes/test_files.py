"""Answers about log files, from a staging host and this machine."""

from pathlib import Path

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.files import LogFiles
from support.host_paths import ACCESS, LARAVEL
from support.this_machine import run

FILES = LogFiles(paths=(ACCESS, LARAVEL, "/root/x", "/tmp/l", "/nope/x"))
WHAT = """0 file 50 4 1 www-data full big safe /var/log/nginx
1 missing
2 missing
3 link 47 24 1 root roomy small loose /tmp
4 unseen
"""


def test_what_log_files_are() -> None:
    files = FILES.read(Output(stdout=WHAT, stderr="3 25 0\n0 67108864 65536\n"))
    access, link = files.files
    assert (access.kind, access.owner, access.on_full, access.big, access.safe_folder) == (
        *("file", "www-data"),
        *(True, True, True),
    )
    assert (link.kind, link.safe_folder, files.unseen) == ("link", False, ("/nope/x",))


@pytest.mark.parametrize(
    "output",
    [
        Output(stdout=WHAT),
        Output(stdout=WHAT.partition("2 ")[0], stderr="0 67108864 65536\n"),
        Output(stdout=WHAT.replace("0 file", "1 file"), stderr="0 67108864 65536\n"),
        Output(stdout=WHAT.replace("full", "voll"), stderr="3 25 0\n0 67108864 65536\n"),
    ],
)
def test_log_files_that_were_not_told_whole_are_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        FILES.read(output)


def test_log_files_of_this_machine(tmp_path: Path) -> None:
    log, link, twice = tmp_path / "a b.log", tmp_path / "link", tmp_path / "twice"
    log.write_bytes(b"x" * 40_000)
    link.symlink_to(log)
    twice.hardlink_to(log)
    probe = LogFiles(paths=tuple(map(str, (log, link, tmp_path / "no", tmp_path, twice))), limit=1, worth_kib=20)
    found = probe.read(run(probe))
    assert [each.kind for each in found.files] == ["file", "link", "other", "file"]
    assert (found.files[0].links, found.files[0].size, found.files[0].big) == (2, 40_000, True)
    assert not found.files[0].safe_folder  # /tmp is everybody's
