"""The disk of a database server, as df tells of it."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from support.mysql_answers import DATA

DF = """rw,relatime,lowerdir=/var/lib/ro:/x,uuid=on
--
Filesystem     1024-blocks     Used Available Capacity Mounted on
overlay          264212084 24789164  81601748      24% /
--
Filesystem       Inodes  IUsed    IFree IUse% Mounted on
overlay        16777216 473953 16303263    3% /
"""


def test_a_disk_with_room() -> None:
    room = DATA.read(Output(stdout=DF))
    assert (room.writable, room.percent, room.inodes, room.ok, room.describe()) == (True, 24, 3, True, "24 % full")


@pytest.mark.parametrize(
    ("text", "ok", "said"),
    [
        (DF.replace("rw,", "ro,"), False, "mounted read-only"),
        (DF.replace("24% /", "100% /"), False, "100 % full"),
        (DF.replace("3% /", "100% /"), False, "24 % full, inodes 100 %"),
        (DF.replace("3% /", "- /"), True, "24 % full"),
    ],
)
def test_a_disk_without(text: str, ok: bool, said: str) -> None:
    room = DATA.read(Output(stdout=text))
    assert (room.ok, room.describe()) == (ok, said)


@pytest.mark.parametrize(
    "output",
    [
        Output(exit=1, stderr="df: /var/lib/mysql: Datei oder Verzeichnis nicht gefunden\n"),
        Output(stdout=DF[:60]),
        Output(stdout="rw\n--\n--\n"),
        Output(stdout="rw\n--\nx\n--\ny\n"),
        Output(stdout=DF.replace("24%", "viel%")),
        Output(),
    ],
)
def test_a_disk_that_nobody_can_tell_of(output: Output) -> None:
    with pytest.raises(Unreadable):
        DATA.read(output)
