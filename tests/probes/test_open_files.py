"""Open and deleted files, from lsof on a staging host."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters
from support.host_paths import ACCESS, LARAVEL

# lsof 4.95 on a staging host
WRITERS = """p71
cnginx
Lroot
f4
G0x88401;0x0
D0x32
i2
n/var/log/nginx/access.log
p72
cnginx
Lwww-data
f4
G0x88401;0x0
D0x32
i2
n/var/log/nginx/access.log
p99
cpython3
Lforge
f3
G0x88001;0x0
D0x32
i2
n/var/log/nginx/access.log
"""
DELETED = """p36
cmariadbd
Lmysql
f7
D0x2f
s0
i14
n/tmp/#14 (deleted)
f8
D0x2f
s0
i15
n/tmp/#15 (deleted)
p71
cnginx
Lroot
f4
D0x32
s67108864
i2
n/var/log/nginx/access.log (deleted)
"""


def test_who_writes_to_a_log_and_how() -> None:
    writers = LogWriters(paths=(ACCESS,)).read(Output(stdout=WRITERS))
    assert [(each.pid, each.appends) for each in writers.holders(50, 2)] == [(71, True), (72, True), (99, False)]
    assert writers.holders(50, 3) == ()


def test_deleted_files_that_are_still_open() -> None:
    deleted = DeletedFiles().read(Output(stdout=DELETED))
    assert [(each.command, each.path, each.size) for each in deleted.files] == [
        ("mariadbd", "/tmp/#14", 0),
        ("mariadbd", "/tmp/#15", 0),
        ("nginx", ACCESS, 67_108_864),
    ]
    assert deleted.describe() == f"{ACCESS} 64 MiB (nginx), /tmp/#15 0 MiB (mariadbd)"


def test_nobody_has_such_a_file_open() -> None:
    said = f"lsof: status error on {LARAVEL}: No such file or directory\n"
    assert LogWriters(paths=(LARAVEL,)).read(Output(exit=1, stderr=said)).files == ()
    assert HeldLogs().read(Output(exit=1)).describe() == "none"


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1, stderr="sudo: a password is required\n"),
        Output(exit=127, stderr="lsof: not found\n"),
        Output(stdout=WRITERS.replace("D0x32\n", "", 1)),
        Output(stdout=WRITERS.replace("p71", "p7²")),
        Output(stdout=WRITERS.replace("D0x32", "Dzweiunddreissig")),
    ],
)
def test_open_files_that_were_not_told_are_unknown(output: Output) -> None:
    with pytest.raises(Unreadable):
        LogWriters(paths=(ACCESS,)).read(output)
