"""Truth table: logs are shortened, and protected files stay."""

import pytest

from remediate.core.command import ROOT
from remediate.core.facts import Facts
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.disk_writers import DiskWriterList
from remediate.probes.files import LogFiles
from remediate.probes.filesystems import DiskSpaceState, FileSystem
from remediate.programs.logs import keep_sample, shorten
from remediate.remedies.logs import ShortenLogs
from support import load_examples as exl
from support import toys
from support.full_disk import (
    ALLOWED,
    BIG,
    CONSUMERS,
    CROWDED,
    DUMP,
    FILLERS,
    LOG,
    NGINX,
    OWN,
    REOPEN,
    ROOM,
    ROOMS,
    SHORT,
    SHORTEN,
    held,
    logs,
)
from support.host_paths import ACCESS, LARAVEL
from support.render import surveyed


@pytest.mark.parametrize("name", ALLOWED)
def test_which_log_may_be_shortened(name: str) -> None:
    file, expected = ALLOWED[name]
    assert toys.decide(SHORTEN, logs(file)) == expected
    assert toys.decide(SHORTEN, logs(file, room=exl.ROOM)) == "skip"
    assert toys.decide(SHORTEN, logs(file, room=CROWDED)) == "inodes-full"


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {toys.decide(SHORTEN, logs(file, room=room)) for file, _ in ALLOWED.values() for room in ROOMS.values()}
    reached.add(toys.decide(SHORTEN, logs(fillers=DiskWriterList(writers=(exl.writer(),)))))
    assert reached == {"proceed", "skip", *(code.name for code in ShortenLogs.refusals)}


def test_a_writer_that_does_not_append_would_go_on_where_the_file_used_to_end() -> None:
    writer = exl.opened("python3", 99, appends=False)
    verdict = SHORTEN.guard(Facts(logs(LOG, writers=(NGINX, writer))))
    assert verdict.code is not None
    assert verdict.code.name == "log-unsafe"
    assert f"{ACCESS} is written by python3 (pid 99) at a position of its choice, not at its end" in verdict.reason


def test_what_fills_the_disk_is_named_and_left_alone() -> None:
    reason = SHORTEN.guard(Facts(logs())).reason
    assert reason == (
        "/var/log/nginx 100 % (0 MiB left), and nothing that may be shortened is what fills it; "
        "biggest: /var/log/nginx/dump.sql (63 MiB)"
    )
    assert toys.decide(
        ShortenLogs(), {ROOM: exl.NO_ROOM, LogFiles(paths=()): exl.NO_FILES, CONSUMERS: DUMP, FILLERS: exl.NO_WRITERS}
    ) == ("disk-foreign")


# One ext4 at both places: df names one of them, a log is told of by the other.
TWICE = DiskSpaceState(
    systems=(
        exl.ROOM.systems[0],
        FileSystem(
            mount="/var/log/nginx",
            also=("/home/forge/agency-platform/storage",),
            device=50,
            used_kib=65_536,
            available_kib=0,
            percent=100,
            inodes_percent=1,
        ),
    ),
    limit=95,
)
STORAGE = OWN.model_copy(update={"mount": "/home/forge/agency-platform/storage"})


def test_a_log_on_a_disk_that_is_mounted_twice_is_on_that_disk() -> None:
    full = logs(STORAGE, room=TWICE)
    assert toys.decide(SHORTEN, full) == "proceed"
    room = TWICE.model_copy(update={"systems": (TWICE.systems[0], exl.ROOM.systems[1])})
    short = SHORT.model_copy(update={"path": LARAVEL, "inode": 7, "owner": "forge"})
    assert isinstance(SHORTEN.verify(surveyed(full), surveyed(logs(short, room=room))), Proven)


def test_a_deleted_log_is_on_the_disk_of_its_device_whatever_its_path_says() -> None:
    other = TWICE.systems[1].model_copy(update={"mount": "/srv", "also": ()})
    room = DiskSpaceState(systems=(exl.ROOM.systems[0], other), limit=95)
    assert toys.decide(REOPEN, held(BIG, room=room)) == "proceed"
    assert toys.decide(REOPEN, held(exl.opened(device=1, size=60 * 1024**2), room=room)) == "skip"


def test_a_log_that_could_not_be_looked_at_is_unknown() -> None:
    said = f"{LARAVEL} may fill it, in a folder that is closed to this login: as root or forge: ls -l {LARAVEL}$"
    with pytest.raises(Unreadable, match=said):
        SHORTEN.guard(Facts(logs(unseen=(LARAVEL,))))
    assert toys.decide(SHORTEN, logs(LOG, unseen=(LARAVEL,))) == "proceed"


FILLED: dict[str, tuple[DiskWriterList, str, str]] = {
    "of a unit": (
        DiskWriterList(writers=(exl.writer(),)),
        "disk-writer",
        (
            "python3 (pid 99, export.service) writes to /var/log/nginx/dump.sql (63 MiB): "
            "if it may be stopped, sudo systemctl stop export.service"
        ),
    ),
    "deleted under it": (
        DiskWriterList(writers=(exl.writer(unit=None, deleted=True, path="/var/log/nginx/x"),)),
        "disk-writer",
        "python3 (pid 99) writes to /var/log/nginx/x, deleted, (63 MiB): if it may be stopped, sudo kill -TERM 99",
    ),
    "growing": (
        DiskWriterList(writers=(exl.writer(path="/x", held_kib=2048), exl.writer(pid=7, path="/y", grown_kib=512))),
        "disk-writer",
        (
            "python3 (pid 7, export.service) writes to /y (63 MiB, 512 KiB more in 2 s): "
            "if it may be stopped, sudo systemctl stop export.service"
        ),
    ),
    "a backup": (
        DiskWriterList(writers=(exl.writer(name="mysqldump", unit="cron.service"),)),
        "disk-writer",
        "a backup, perhaps: if it may be stopped, sudo kill -TERM 99",
    ),
    "a worker": (
        DiskWriterList(writers=(exl.writer(name="php8.2", unit="supervisor.service", parent=5),)),
        "disk-writer",
        "sudo supervisorctl stop PROGRAM, the PROGRAM with pid 99 or 5 in `sudo supervisorctl status`",
    ),
    "a database": (
        DiskWriterList(writers=(exl.writer(name="mariadbd", unit="mariadb.service"),)),
        "disk-foreign",
        "; mariadbd (pid 99, mariadb.service) writes to /var/log/nginx/dump.sql (63 MiB)",
    ),
    "what runs everybody's containers": (
        DiskWriterList(writers=(exl.writer(name="dockerd", unit="docker.service"),)),
        "disk-foreign",
        "; dockerd (pid 99, docker.service) writes to /var/log/nginx/dump.sql (63 MiB)",
    ),
    "a pool": (
        DiskWriterList(writers=(exl.writer(name="php-fpm8.2", unit="php8.2-fpm.service"),)),
        "disk-foreign",
        "; php-fpm8.2 (pid 99, php8.2-fpm.service) writes to /var/log/nginx/dump.sql (63 MiB)",
    ),
    "of something else": (
        DiskWriterList(writers=(exl.writer(path="/var/log/nginx/other"),)),
        "disk-foreign",
        "biggest: /var/log/nginx/dump.sql (63 MiB)",
    ),
}


@pytest.mark.parametrize("name", FILLED)
def test_who_fills_a_disk_is_named_with_what_stops_it(name: str) -> None:
    fillers, code, reason = FILLED[name]
    verdict = SHORTEN.guard(Facts(logs(fillers=fillers)))
    assert verdict.code is not None
    assert (verdict.code.name, verdict.reason[-len(reason) :]) == (code, reason)


def test_what_the_inventory_protects_is_not_to_be_stopped() -> None:
    fillers = DiskWriterList(writers=(exl.writer(),))
    kept = SHORTEN.model_copy(update={"protected": ("python3",)})
    assert toys.decide(kept, logs(fillers=fillers)) == "disk-foreign"


def test_a_writer_that_could_not_be_asked_for_is_not_none() -> None:
    reason = SHORTEN.guard(Facts(logs(fillers=Unreadable("not allowed to run `x`")))).reason
    assert reason.endswith("; who writes to it could not be asked (not allowed to run `x`)")


def test_the_end_of_a_log_is_kept_before_it_is_shortened() -> None:
    assert list(SHORTEN.apply(Facts(logs(LOG, OWN)))) == [
        keep_sample(ACCESS, "root"),
        shorten(ACCESS, "root"),
        keep_sample(LARAVEL, "forge"),
        shorten(LARAVEL, "forge"),
    ]


def test_no_sudo_rule_reaches_into_a_folder_of_somebody_elses() -> None:
    # Whoever may put a link in the place of a file could otherwise read and empty any file as root.
    roots = [run for run in SHORTEN.changes() if run.user == ROOT]
    assert roots == [keep_sample(ACCESS, "root"), shorten(ACCESS, "root")]
    elsewhere = ShortenLogs(paths=("/var/log/app/x.log", "/home/forge/x.log"))
    assert {run.user for run in elsewhere.changes()} == {"forge"}


def test_shortened_is_what_df_and_the_writer_show() -> None:
    before = surveyed(logs(LOG))
    assert isinstance(SHORTEN.verify(before, surveyed(logs(SHORT, room=exl.ROOM))), Proven)
    assert SHORTEN.verify(before, surveyed(logs(SHORT))) == NotYet(
        reason="/var/log/nginx 100 % (0 MiB left): df does not show the space yet"
    )
    assert SHORTEN.verify(before, surveyed(logs(LOG))) == NotYet(reason=f"{ACCESS} still takes 64 MiB")
    gone = surveyed(logs(SHORT, writers=(), room=exl.ROOM))
    assert SHORTEN.verify(before, gone) == NotYet(reason=f"nginx does not have {ACCESS} open any more")
    other = surveyed(logs(SHORT.model_copy(update={"inode": 5}), room=exl.ROOM))
    assert SHORTEN.verify(before, other) == Failed(reason=f"{ACCESS} is another file than before")
