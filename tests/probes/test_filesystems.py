"""Answers of df, from a staging host and others."""

import pytest

from remediate.core.command import Output
from remediate.errors import Unreadable
from remediate.probes.filesystems import DiskSpace
from support.this_machine import run

DF = """     Used    Avail Use%   Inodes    IFree IUse% Mounted on
 24489318 81985980  23% 16777216 16301767    3% /
        0    65536   0%  3085510  3085509    1% /dev
       72 12341968   1%  3085510  3085406    1% /run
    65536        0 100%  3085507  3085506    1% /var/log/nginx
 24489318 81985980  23% 16777216 16301767    3% /etc/hosts
     6152   517096   2%        0        0     - /mnt/my disk
"""


def test_a_full_disk() -> None:
    room = DiskSpace().read(Output(stdout=DF))
    assert [each.mount for each in room.systems] == ["/", "/run", "/var/log/nginx", "/mnt/my disk"]
    assert [each.mount for each in room.full] == ["/var/log/nginx"]
    assert (room.ok, room.describe()) == (False, "/var/log/nginx 100 % (0 MiB left)")
    # Of 252 GiB only these may be used, by a quota: of the size it would be 69 %.
    assert room.of("/").share == pytest.approx(23.0, abs=0.01)
    with pytest.raises(Unreadable):
        room.of("/home")


def test_a_file_system_without_blocks_has_no_share() -> None:
    assert DiskSpace().read(Output(stdout="h\n0 0 0% 0 0 - /mnt/x\n")).of("/mnt/x").share is None


def test_a_disk_without_inodes_left() -> None:
    room = DiskSpace().read(Output(stdout="h\n24489318 81985980 23% 16777216 0 100% /\n"))
    assert ([each.mount for each in room.crowded], room.full, room.ok) == (["/"], (), False)
    assert room.describe() == "/ 23 % (80064 MiB left), inodes 100 %"


@pytest.mark.parametrize("said", ["", "Used\n", DF.replace("23%", "²3%"), "h\n1 2 3% 4\n"])
def test_disks_that_were_not_told_are_unknown(said: str) -> None:
    with pytest.raises(Unreadable):
        DiskSpace().read(Output(stdout=said, stderr="df: no file systems processed\n"))


@pytest.mark.parametrize(
    ("stderr", "code", "trouble"),
    [
        ("", 0, ""),
        ("df: /srv: Input/output error\n", 0, ""),
        ("df: /srv: Input/output error\n", 1, "df: /srv: Input/output error"),
        (
            "df: /sys/kernel/debug/tracing: Permission denied\ndf: /srv: Input/output error\n",
            1,
            "df: /srv: Input/output error",
        ),
        ("df: /var/lib/docker/overlay2/47/merged: Permission denied\n", 1, ""),
        ("df: '/run/user/7/a b': Operation not permitted\n", 1, ""),
        ("", 1, "df ended with 1"),
    ],
)
def test_what_df_could_not_tell_of(stderr: str, code: int, trouble: str) -> None:
    state = DiskSpace().read(Output(stdout="h\n24489318 81985980 23% 16777216 0 3% /\n", stderr=stderr, exit=code))
    assert (state.trouble, state.ok) == (trouble, None if trouble else True)
    assert state.describe().endswith(trouble or "/ 23 % (80064 MiB left)")
    full = state.model_copy(update={"limit": 20})
    assert full.ok is False, "what is full is trouble, whatever else there is"


def test_this_machine_has_disks() -> None:
    assert DiskSpace(limit=100).read(run(DiskSpace(limit=100))).systems


PLACES = """
254:0 /
0:21 /run
7:0 /old
7:0 /var/log/nginx
7:0 /home/forge/my\\040app/storage
0:99 /mnt/my\\040disk
254:0 /etc/hosts
254:0 /srv/data
8:1 /etc/resolv.conf
"""


def test_one_disk_at_several_places_is_told_by_its_device() -> None:
    room = DiskSpace().read(Output(stdout=DF.replace("/etc/hosts", "/etc/resolv.conf") + PLACES))
    disk = room.at("/home/forge/my app/storage")
    assert disk is not None
    assert (disk.mount, disk.also, disk.device) == ("/var/log/nginx", ("/old", "/home/forge/my app/storage"), 0x700)
    assert room.describe() == "/var/log/nginx (also /old, /home/forge/my app/storage) 100 % (0 MiB left)"
    assert room.mount_of("/home/forge/my app/storage/logs/laravel.log") == "/var/log/nginx"
    assert room.mount_of("/home/forge/my app") == "/"
    assert room.mount_of("/anything", device=0x700) == "/var/log/nginx"
    assert room.of("/").also == ("/srv/data",)
    assert (room.at("/etc/resolv.conf"), room.at("/nfs")) == (None, None)


def test_a_disk_that_df_names_by_a_file_of_the_engine_is_a_disk_all_the_same() -> None:
    """A container: its engine binds /etc/hosts from the disk that a volume lies on, and df names the shorter name."""
    said = "h\n65536 0 100% 100 99 1% /etc/hosts\n\n8:1 /etc/hosts\n8:1 /var/log/nginx\n"
    assert [each.mount for each in DiskSpace().read(Output(stdout=said)).full] == ["/var/log/nginx"]


def test_subvolumes_that_df_tells_apart_stay_apart() -> None:
    said = "h\n1 9 10% 0 0 - /\n1 9 10% 0 0 - /home\n\n0:30 /\n0:30 /home\n0:30 /srv\n"
    room = DiskSpace().read(Output(stdout=said))
    assert [(each.mount, each.also) for each in room.systems] == [("/", ("/srv",)), ("/home", ())]
