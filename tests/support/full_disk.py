"""A full disk: its logs, and what a host answers of them."""

from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.consumers import Consumer, ConsumerList, Consumers
from remediate.probes.disk_writers import DiskWriters
from remediate.probes.files import LogFile, LogFileList, LogFiles
from remediate.probes.filesystems import DiskSpace, DiskSpaceState
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters, OpenFile, OpenFiles
from remediate.remedies.held_logs import ReopenLogs
from remediate.remedies.logs import ShortenLogs
from support import load_examples as exl
from support.host_paths import ACCESS, LARAVEL

Answers = dict[Probe[Fact], Fact | Unreadable]
ROOM, DELETED, HELD, FILLERS = DiskSpace(), DeletedFiles(), HeldLogs(), DiskWriters()
CROWDED = DiskSpaceState(
    systems=tuple(each.model_copy(update={"inodes_percent": 100}) for each in exl.ROOM.systems[:1]), limit=95
)
ROOMS = {"room": exl.ROOM, "full": exl.NO_ROOM, "crowded": CROWDED}


REOPEN = ReopenLogs(php="php8.2")
BIG = exl.opened(size=60 * 1024**2)


def held(*files: OpenFile, room: Fact = exl.NO_ROOM, writers: Fact | Unreadable = exl.NO_WRITERS) -> Answers:
    ours = tuple(each for each in files if each.command in {"nginx", "php-fpm8.2", "supervisord"})
    stable = tuple(each.model_copy(update={"size": 0}) for each in ours)
    return {ROOM: room, DELETED: OpenFiles(files=files), HELD: OpenFiles(files=stable), FILLERS: writers}


SHORTEN = ShortenLogs(paths=(ACCESS, LARAVEL))
FILES, WRITERS, CONSUMERS = LogFiles(paths=(ACCESS, LARAVEL)), LogWriters(paths=(ACCESS, LARAVEL)), Consumers()
LOG, OWN = exl.log_file(), exl.log_file(LARAVEL, owner="forge", inode=7, safe_folder=False)
NGINX = exl.opened(appends=True)
DUMP = ConsumerList(consumers=(Consumer(path="/var/log/nginx/dump.sql", size_kib=65_000),), places=("/var/log/nginx",))


def logs(
    *files: LogFile,
    writers: tuple[OpenFile, ...] = (NGINX,),
    room: Fact = exl.NO_ROOM,
    fillers: Fact | Unreadable = exl.NO_WRITERS,
    unseen: tuple[str, ...] = (),
) -> Answers:
    return {
        ROOM: room,
        FILES: LogFileList(files=files, unseen=unseen),
        WRITERS: OpenFiles(files=writers),
        CONSUMERS: DUMP,
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


SHORT = exl.log_file(big=False, on_full=False, size=300, held_kib=4)
