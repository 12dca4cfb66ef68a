"""Truth tables: deleted logs are let go, the journal is shortened."""

from functools import partial

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact
from remediate.core.remedy import NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.disk_writers import DiskWriterList
from remediate.probes.filesystems import DiskSpaceState
from remediate.probes.journald import JournalFiles, JournalUse
from remediate.probes.open_files import OpenFile
from remediate.remedies.held_logs import ReopenLogs
from remediate.remedies.journald import VacuumJournal
from remediate.remedies.logs import ShortenLogs
from support import load_examples as exl
from support import toys
from support.full_disk import ALLOWED, BIG, CROWDED, LOG, REOPEN, ROOM, ROOMS, SHORT, SHORTEN, held, logs
from support.host_paths import ACCESS
from support.hosts import host_with
from support.render import surveyed

# -- deleted logs ------------------------------------------------------------------------------------------------------


SMALL = exl.opened("mariadbd", 36, "/tmp/#14", inode=14, device=47)
STRANGE = exl.opened("rsyslogd", 88, "/var/log/nginx/old.log", inode=9, size=30 * 1024**2)
ELSEWHERE = exl.opened("nginx", 71, "/var/log/other.log", inode=10, device=1, size=30 * 1024**2)
USR1 = Run.of("/usr/bin/systemctl", "kill", "--kill-who=main", user=ROOT, seconds=10).helped(
    "reopen-logs", "--signal=USR1", "nginx.service"
)


def test_a_deleted_log_on_a_full_disk() -> None:
    said = partial(toys.decide, REOPEN)
    assert said(held(BIG)) == "proceed"
    assert said(held(BIG, STRANGE)) == "proceed"
    assert said(held(STRANGE)) == "deleted-held"
    assert said(held()) == "skip"
    assert said(held(SMALL)) == "skip"
    assert said(held(ELSEWHERE)) == "skip"
    assert said(held(BIG, room=exl.ROOM)) == "skip"
    assert said(held(BIG, room=CROWDED)) == "skip"


def test_who_is_asked_to_let_go() -> None:
    fpm = exl.opened("php-fpm8.2", 43, "/var/log/nginx/php.log", inode=5, size=5 * 1024**2)
    assert list(REOPEN.apply(Facts(held(BIG)))) == [USR1]
    units = [run.argv[-2:] for run in REOPEN.apply(Facts(held(BIG, fpm, STRANGE)))]
    assert units == [("--signal=USR1", "nginx.service"), ("--signal=USR1", "php8.2-fpm.service")]
    assert [run.argv[-1] for run in ReopenLogs().changes()] == ["nginx.service", "supervisor.service"]


def test_a_holder_that_nobody_may_ask_is_named() -> None:
    reason = REOPEN.guard(Facts(held(STRANGE))).reason
    assert reason == (
        "/var/log/nginx is full, and holds 30 MiB of /var/log/nginx/old.log, deleted and still open in rsyslogd "
        "(pid 88); restart it, or make it reopen its log: see what it is with `systemctl status 88`"
    )


LEVERS: dict[str, tuple[OpenFile, Fact | Unreadable, str]] = {
    "of a unit": (
        STRANGE,
        DiskWriterList(writers=(exl.writer(pid=88, unit="rsyslog.service", deleted=True, path=STRANGE.path),)),
        "have it let go: sudo systemctl restart rsyslog.service",
    ),
    "of no unit": (
        STRANGE,
        DiskWriterList(writers=(exl.writer(pid=88, unit=None, deleted=True, path=STRANGE.path),)),
        "have it let go, if it may be ended: sudo kill -TERM 88",
    ),
    "of supervisor": (
        STRANGE,
        DiskWriterList(writers=(exl.writer(pid=88, parent=5, unit="supervisor.service", path=STRANGE.path),)),
        "sudo supervisorctl restart PROGRAM, the PROGRAM with pid 88 or 5 in `sudo supervisorctl status`",
    ),
    "not to be asked": (STRANGE, Unreadable("not allowed"), "see what it is with `systemctl status 88`"),
    "a database": (
        exl.opened("mariadbd", 36, "/var/log/nginx/#sql1", size=30 * 1024**2),
        DiskWriterList(writers=(exl.writer(pid=36, unit="mariadb.service", deleted=True, path="/tmp/#sql1"),)),
        "never restart it for that: see in its own log what it works on, `systemctl status 36`",
    ),
}


@pytest.mark.parametrize("name", LEVERS)
def test_what_makes_a_holder_let_go_is_a_command(name: str) -> None:
    file, writers, expected = LEVERS[name]
    verdict = REOPEN.guard(Facts(held(file, writers=writers)))
    assert (verdict.code and verdict.code.name) == "deleted-held"
    assert verdict.reason.endswith(expected)


def test_space_counts_only_when_df_shows_it() -> None:
    before = surveyed(held(BIG))
    assert isinstance(REOPEN.verify(before, surveyed(held(room=exl.ROOM))), Proven)
    late = REOPEN.verify(before, surveyed(held()))
    assert late == NotYet(reason="/var/log/nginx 100 % (0 MiB left): df does not show the space yet")
    assert REOPEN.verify(before, surveyed(held(BIG))) == NotYet(reason=f"{ACCESS} is still open in nginx")


def test_what_others_hold_does_not_make_it_fail() -> None:
    half = exl.NO_ROOM.systems[1].model_copy(update={"available_kib": 40_000, "percent": 96})
    after = held(STRANGE, room=DiskSpaceState(systems=(exl.ROOM.systems[0], half), limit=95))
    assert isinstance(REOPEN.verify(surveyed(held(BIG, STRANGE)), surveyed(after)), Proven)


# -- the journal -------------------------------------------------------------------------------------------------------

VACUUM = VacuumJournal(keep_mib=16)
MUCH = JournalUse(mount="/var/log/nginx", size_kib=60_000, files="1:2")
LITTLE = JournalUse(mount="/var/log/nginx", size_kib=16_000, files="3:4")


@pytest.mark.parametrize(
    ("room", "journal", "expected"),
    [
        (exl.NO_ROOM, MUCH, "proceed"),
        (exl.NO_ROOM, LITTLE, "skip"),
        (exl.NO_ROOM, MUCH.model_copy(update={"mount": "/"}), "skip"),
        (exl.NO_ROOM, JournalUse(mount="", size_kib=0, files=""), "skip"),
        (exl.ROOM, MUCH, "skip"),
        (CROWDED, MUCH, "skip"),
    ],
)
def test_when_the_journal_gives_something_back(room: Fact, journal: Fact, expected: str) -> None:
    assert toys.decide(VACUUM, {ROOM: room, JournalFiles(): journal}) == expected


def test_the_journal_is_smaller_and_df_shows_it() -> None:
    before = surveyed({ROOM: exl.NO_ROOM, JournalFiles(): MUCH})
    assert isinstance(VACUUM.verify(before, surveyed({ROOM: exl.ROOM, JournalFiles(): LITTLE})), Proven)
    assert isinstance(VACUUM.verify(before, surveyed({ROOM: exl.NO_ROOM, JournalFiles(): LITTLE})), NotYet)
    assert isinstance(VACUUM.verify(before, surveyed({ROOM: exl.ROOM, JournalFiles(): MUCH})), NotYet)


def test_they_are_built_from_the_inventory() -> None:
    host = host_with(
        {"log_paths": [ACCESS], "php": "php8.3", "limits": {"disk": 90, "journal_mib": 64}, "nginx_unit": "web"}
    )
    assert ShortenLogs.on(host) == ShortenLogs(paths=(ACCESS,), limit=90)
    assert ReopenLogs.on(host) == ReopenLogs(limit=90, nginx="web", php="php8.3")
    assert VacuumJournal.on(host) == VacuumJournal(keep_mib=64, limit=90)


EXAMPLES = {
    "log.reopen": (
        REOPEN,
        surveyed(held(BIG)),
        surveyed(held(room=exl.ROOM)),
        (surveyed(held(STRANGE)), surveyed(held(BIG, STRANGE)), surveyed(held(room=CROWDED))),
    ),
    "log.shorten": (
        SHORTEN,
        surveyed(logs(LOG)),
        surveyed(logs(SHORT, room=exl.ROOM)),
        tuple(surveyed(logs(file, room=room)) for file, _ in ALLOWED.values() for room in ROOMS.values()),
    ),
    "journal.vacuum": (
        VACUUM,
        surveyed({ROOM: exl.NO_ROOM, JournalFiles(): MUCH}),
        surveyed({ROOM: exl.ROOM, JournalFiles(): LITTLE}),
        (),
    ),
}
