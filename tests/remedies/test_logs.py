"""What gives space back on a full disk, in which order, and what is never touched."""

from functools import partial

import pytest

import toys
from remediate.command import ROOT, Run
from remediate.errors import Unreadable
from remediate.host import Host, Settings, SshTarget
from remediate.probe import Fact, Probe
from remediate.probes.files import (
    DeletedFiles,
    HeldLogs,
    LogFile,
    LogFileList,
    LogFiles,
    LogWriters,
    OpenFile,
    OpenFiles,
)
from remediate.probes.filesystems import Consumer, ConsumerList, Consumers, Room, RoomState
from remediate.probes.journal import Journal, JournalUse
from remediate.programs.logs import keep_sample, shorten
from remediate.remedies.journal import VacuumJournal
from remediate.remedies.logs import ReopenLogs, ShortenLogs
from remediate.remedy import Failed, NotYet, Proven
from remediate.survey import Facts
from remediate.testing import load_examples as exl
from remediate.testing import output_of

Answers = dict[Probe[Fact], Fact | Unreadable]
ACCESS, LARAVEL = "/var/log/nginx/access.log", "/home/forge/agency-platform/storage/logs/laravel.log"
ROOM, DELETED, HELD = Room(), DeletedFiles(), HeldLogs()
CROWDED = RoomState(
    systems=tuple(each.model_copy(update={"inodes_percent": 100}) for each in exl.ROOM.systems[:1]), limit=95
)
ROOMS = {"room": exl.ROOM, "full": exl.NO_ROOM, "crowded": CROWDED}


def survey(answers: Answers) -> Facts:
    outputs = {probe: output_of(probe, fact) for probe, fact in answers.items() if isinstance(fact, Fact)}
    return Facts(answers, outputs)


# -- deleted logs ------------------------------------------------------------------------------------------------------

REOPEN = ReopenLogs(php="php8.2")
BIG = exl.opened(size=60 * 1024**2)
SMALL = exl.opened("mariadbd", 36, "/tmp/#14", inode=14, device=47)
STRANGE = exl.opened("rsyslogd", 88, "/var/log/nginx/old.log", inode=9, size=30 * 1024**2)
ELSEWHERE = exl.opened("nginx", 71, "/var/log/other.log", inode=10, device=1, size=30 * 1024**2)
USR1 = Run.of("/usr/bin/systemctl", "kill", "--kill-who=main", user=ROOT, seconds=10).helped(
    "reopen-logs", "--signal=USR1", "nginx.service"
)


def held(*files: OpenFile, room: Fact = exl.NO_ROOM) -> Answers:
    ours = tuple(each for each in files if each.command in {"nginx", "php-fpm8.2", "supervisord"})
    stable = tuple(each.model_copy(update={"size": 0}) for each in ours)
    return {ROOM: room, DELETED: OpenFiles(files=files), HELD: OpenFiles(files=stable)}


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
        "/var/log/nginx is full, and holds 30 MiB of /var/log/nginx/old.log, deleted and still open in rsyslogd; "
        "restart it, or have it open its log anew: see what it is with `systemctl status 88`"
    )


def test_space_counts_only_when_df_shows_it() -> None:
    before = survey(held(BIG))
    assert isinstance(REOPEN.verify(before, survey(held(room=exl.ROOM))), Proven)
    late = REOPEN.verify(before, survey(held()))
    assert late == NotYet(reason="/var/log/nginx 100 % (0 MiB left): df does not show the space yet")
    assert REOPEN.verify(before, survey(held(BIG))) == NotYet(reason=f"{ACCESS} is still open in nginx")


def test_what_others_hold_does_not_make_it_fail() -> None:
    half = exl.NO_ROOM.systems[1].model_copy(update={"available_kib": 40_000, "percent": 96})
    after = held(STRANGE, room=RoomState(systems=(exl.ROOM.systems[0], half), limit=95))
    assert isinstance(REOPEN.verify(survey(held(BIG, STRANGE)), survey(after)), Proven)


# -- logs that may be shortened ----------------------------------------------------------------------------------------

SHORTEN = ShortenLogs(paths=(ACCESS, LARAVEL))
FILES, WRITERS, CONSUMERS = LogFiles(paths=(ACCESS, LARAVEL)), LogWriters(paths=(ACCESS, LARAVEL)), Consumers()
LOG, OWN = exl.log_file(), exl.log_file(LARAVEL, owner="forge", inode=7, safe_folder=False)
NGINX = exl.opened(appends=True)
DUMP = ConsumerList(consumers=(Consumer(path="/var/log/nginx/dump.sql", size_kib=65_000),))


def logs(
    *files: LogFile, writers: tuple[OpenFile, ...] = (NGINX,), room: Fact = exl.NO_ROOM, biggest: Fact = DUMP
) -> Answers:
    return {
        ROOM: room,
        FILES: LogFileList(files=files, unseen=()),
        WRITERS: OpenFiles(files=writers),
        CONSUMERS: biggest,
    }


ALLOWED: dict[str, tuple[LogFile, str]] = {
    "nginx's own": (LOG, "proceed"),
    "the application's": (OWN, "proceed"),
    "a link": (exl.log_file(kind="link"), "log-unsafe"),
    "a device": (exl.log_file(kind="other"), "log-unsafe"),
    "with a second name": (exl.log_file(links=2), "log-unsafe"),
    "where others may exchange it": (exl.log_file(safe_folder=False), "log-unsafe"),
    "another user's, where no sudo rule may reach": (exl.log_file(LARAVEL, inode=7), "log-unsafe"),
    "small": (exl.log_file(big=False), "disk-foreign"),
    "on another disk": (exl.log_file(on_full=False, mount="/"), "disk-foreign"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_which_log_may_be_shortened(name: str) -> None:
    file, expected = ALLOWED[name]
    assert toys.decide(SHORTEN, logs(file)) == expected
    assert toys.decide(SHORTEN, logs(file, room=exl.ROOM)) == "skip"
    assert toys.decide(SHORTEN, logs(file, room=CROWDED)) == "inodes-full"


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {toys.decide(SHORTEN, logs(file, room=room)) for file, _ in ALLOWED.values() for room in ROOMS.values()}
    assert reached == {"proceed", "skip", *(code.name for code in ShortenLogs.refusals)}


def test_a_writer_that_does_not_append_would_go_on_where_the_file_used_to_end() -> None:
    writer = exl.opened("python3", 99, appends=False)
    verdict = SHORTEN.guard(Facts(logs(LOG, writers=(NGINX, writer))))
    assert verdict.code is not None
    assert verdict.code.name == "log-unsafe"
    assert f"{ACCESS} is written by python3 (pid 99) at a place of its own, not at its end" in verdict.reason


def test_what_fills_the_disk_is_named_and_left_alone() -> None:
    reason = SHORTEN.guard(Facts(logs())).reason
    assert reason == (
        "/var/log/nginx 100 % (0 MiB left), and nothing that may be shortened is what fills it; "
        "biggest: /var/log/nginx/dump.sql (63 MiB)"
    )
    assert toys.decide(ShortenLogs(), {ROOM: exl.NO_ROOM, LogFiles(paths=()): exl.NO_FILES, CONSUMERS: DUMP}) == (
        "disk-foreign"
    )


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


SHORT = exl.log_file(big=False, on_full=False, size=300, held_kib=4)


def test_shortened_is_what_df_and_the_writer_show() -> None:
    before = survey(logs(LOG))
    assert isinstance(SHORTEN.verify(before, survey(logs(SHORT, room=exl.ROOM))), Proven)
    assert SHORTEN.verify(before, survey(logs(SHORT))) == NotYet(
        reason="/var/log/nginx 100 % (0 MiB left): df does not show the space yet"
    )
    assert SHORTEN.verify(before, survey(logs(LOG))) == NotYet(reason=f"{ACCESS} still takes 64 MiB")
    gone = survey(logs(SHORT, writers=(), room=exl.ROOM))
    assert SHORTEN.verify(before, gone) == NotYet(reason=f"nginx does not have {ACCESS} open any more")
    other = survey(logs(SHORT.model_copy(update={"inode": 5}), room=exl.ROOM))
    assert SHORTEN.verify(before, other) == Failed(reason=f"{ACCESS} is another file than before")


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
    assert toys.decide(VACUUM, {ROOM: room, Journal(): journal}) == expected


def test_the_journal_is_smaller_and_df_shows_it() -> None:
    before = survey({ROOM: exl.NO_ROOM, Journal(): MUCH})
    assert isinstance(VACUUM.verify(before, survey({ROOM: exl.ROOM, Journal(): LITTLE})), Proven)
    assert isinstance(VACUUM.verify(before, survey({ROOM: exl.NO_ROOM, Journal(): LITTLE})), NotYet)
    assert isinstance(VACUUM.verify(before, survey({ROOM: exl.ROOM, Journal(): MUCH})), NotYet)


def test_they_are_built_from_the_inventory() -> None:
    settings = Settings.model_validate(
        {"log_paths": [ACCESS], "php": "php8.3", "limits": {"disk": 90, "journal_mib": 64}, "nginx_unit": "web"}
    )
    host = Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)
    assert ShortenLogs.on(host) == ShortenLogs(paths=(ACCESS,), limit=90)
    assert ReopenLogs.on(host) == ReopenLogs(limit=90, nginx="web", php="php8.3")
    assert VacuumJournal.on(host) == VacuumJournal(keep_mib=64, limit=90)


EXAMPLES = {
    "log.reopen": (
        REOPEN,
        survey(held(BIG)),
        survey(held(room=exl.ROOM)),
        (survey(held(STRANGE)), survey(held(BIG, STRANGE)), survey(held(room=CROWDED))),
    ),
    "log.shorten": (
        SHORTEN,
        survey(logs(LOG)),
        survey(logs(SHORT, room=exl.ROOM)),
        tuple(survey(logs(file, room=room)) for file, _ in ALLOWED.values() for room in ROOMS.values()),
    ),
    "journal.vacuum": (
        VACUUM,
        survey({ROOM: exl.NO_ROOM, Journal(): MUCH}),
        survey({ROOM: exl.ROOM, Journal(): LITTLE}),
        (),
    ),
}
