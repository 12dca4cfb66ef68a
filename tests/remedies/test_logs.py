"""Truth tables: disk space is freed in order, and protected files stay."""

from functools import partial

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.consumers import Consumer, ConsumerList, Consumers
from remediate.probes.disk_writers import DiskWriterList, DiskWriters
from remediate.probes.files import LogFile, LogFileList, LogFiles
from remediate.probes.filesystems import DiskSpace, DiskSpaceState, FileSystem
from remediate.probes.journald import JournalFiles, JournalUse
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters, OpenFile, OpenFiles
from remediate.programs.logs import keep_sample, shorten
from remediate.remedies.held_logs import ReopenLogs
from remediate.remedies.journald import VacuumJournal
from remediate.remedies.logs import ShortenLogs
from support import load_examples as exl
from support import toys
from support.render import output_of

Answers = dict[Probe[Fact], Fact | Unreadable]
ACCESS, LARAVEL = "/var/log/nginx/access.log", "/home/forge/agency-platform/storage/logs/laravel.log"
ROOM, DELETED, HELD, FILLERS = DiskSpace(), DeletedFiles(), HeldLogs(), DiskWriters()
CROWDED = DiskSpaceState(
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


def held(*files: OpenFile, room: Fact = exl.NO_ROOM, writers: Fact | Unreadable = exl.NO_WRITERS) -> Answers:
    ours = tuple(each for each in files if each.command in {"nginx", "php-fpm8.2", "supervisord"})
    stable = tuple(each.model_copy(update={"size": 0}) for each in ours)
    return {ROOM: room, DELETED: OpenFiles(files=files), HELD: OpenFiles(files=stable), FILLERS: writers}


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
    before = survey(held(BIG))
    assert isinstance(REOPEN.verify(before, survey(held(room=exl.ROOM))), Proven)
    late = REOPEN.verify(before, survey(held()))
    assert late == NotYet(reason="/var/log/nginx 100 % (0 MiB left): df does not show the space yet")
    assert REOPEN.verify(before, survey(held(BIG))) == NotYet(reason=f"{ACCESS} is still open in nginx")


def test_what_others_hold_does_not_make_it_fail() -> None:
    half = exl.NO_ROOM.systems[1].model_copy(update={"available_kib": 40_000, "percent": 96})
    after = held(STRANGE, room=DiskSpaceState(systems=(exl.ROOM.systems[0], half), limit=95))
    assert isinstance(REOPEN.verify(survey(held(BIG, STRANGE)), survey(after)), Proven)


# -- logs that may be shortened ----------------------------------------------------------------------------------------

SHORTEN = ShortenLogs(paths=(ACCESS, LARAVEL))
FILES, WRITERS, CONSUMERS = LogFiles(paths=(ACCESS, LARAVEL)), LogWriters(paths=(ACCESS, LARAVEL)), Consumers()
LOG, OWN = exl.log_file(), exl.log_file(LARAVEL, owner="forge", inode=7, safe_folder=False)
NGINX = exl.opened(appends=True)
DUMP = ConsumerList(consumers=(Consumer(path="/var/log/nginx/dump.sql", size_kib=65_000),), places=("/var/log/nginx",))


def logs(
    *files: LogFile,
    writers: tuple[OpenFile, ...] = (NGINX,),
    room: Fact = exl.NO_ROOM,
    biggest: Fact = DUMP,
    fillers: Fact | Unreadable = exl.NO_WRITERS,
    unseen: tuple[str, ...] = (),
) -> Answers:
    return {
        ROOM: room,
        FILES: LogFileList(files=files, unseen=unseen),
        WRITERS: OpenFiles(files=writers),
        CONSUMERS: biggest,
        FILLERS: fillers,
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
    assert isinstance(SHORTEN.verify(survey(full), survey(logs(short, room=room))), Proven)


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
    assert toys.decide(VACUUM, {ROOM: room, JournalFiles(): journal}) == expected


def test_the_journal_is_smaller_and_df_shows_it() -> None:
    before = survey({ROOM: exl.NO_ROOM, JournalFiles(): MUCH})
    assert isinstance(VACUUM.verify(before, survey({ROOM: exl.ROOM, JournalFiles(): LITTLE})), Proven)
    assert isinstance(VACUUM.verify(before, survey({ROOM: exl.NO_ROOM, JournalFiles(): LITTLE})), NotYet)
    assert isinstance(VACUUM.verify(before, survey({ROOM: exl.ROOM, JournalFiles(): MUCH})), NotYet)


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
        survey({ROOM: exl.NO_ROOM, JournalFiles(): MUCH}),
        survey({ROOM: exl.ROOM, JournalFiles(): LITTLE}),
        (),
    ),
}
