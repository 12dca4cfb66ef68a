"""The files that fill a disk, as find lists them."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.consumers import Consumers


def test_what_fills_a_disk() -> None:
    said = "on /a\n65532 50:4 /var/log/nginx/dump of.sql\nsecond line\ni 4711 50:5 /var/lib/php/sessions\n"
    found = Consumers().read(Output(stdout=said))
    assert found.describe() == "/var/log/nginx/dump of.sql (63 MiB), /var/lib/php/sessions (4711 files)"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", "not looked at"),
        ("on /a\n", "no file of 1 MiB or more"),
        ("on /a\nlate\n", "no file of 1 MiB or more; not everything was searched in time"),
        ("on /a\nclosed 1 /a/b c\n", "nothing that this user may see; closed to this user: 1 folder /a/b c"),
        (
            "on /a\n2048 50:4 /a/x\nclosed 3 /root\nlate\n",
            "/a/x (2 MiB); closed to this user: 3 folders, such as /root; not everything was searched in time",
        ),
    ],
)
def test_nothing_is_said_to_be_there_only_where_it_was_looked_at(said: str, told: str) -> None:
    assert Consumers().read(Output(stdout=said)).describe() == told


def test_a_look_that_failed_is_unknown() -> None:
    with pytest.raises(Unreadable, match="biggest on a full disk: sh: 1: x"):
        Consumers().read(Output(stderr="sh: 1: x\n", exit=2))
