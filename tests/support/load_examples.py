"""Facts about load and disks, for the tables of tests."""

from typing import Final

from remediate.probes.consumers import ConsumerList
from remediate.probes.disk_writers import DiskWriter, DiskWriterList
from remediate.probes.files import LogFile, LogFileList
from remediate.probes.filesystems import DiskSpaceState, FileSystem
from remediate.probes.journald import JournalUse
from remediate.probes.load import MachineLoad, QueryList, SlowQuery
from remediate.probes.open_files import OpenFile, OpenFiles
from remediate.probes.processes import Process, UnitUsage, Usage

USAGE: Final = Usage(
    interval=2.01, cores=2, cpu=3, memory_kib=175_388, total_kib=24_684_084, count=26, processes=(), units=()
)
"""A machine with little to do."""
LOAD: Final = MachineLoad(
    load=(0.75, 2.76, 7.36),
    cores=2,
    total_kib=24_684_084,
    available_kib=23_681_024,
    swap_kib=0,
    swap_free_kib=0,
    container=False,
)
"""Its kernel's load and memory."""
NO_QUERIES: Final = QueryList(queries=())
"""No query runs for long."""
SLOW_QUERY: Final = QueryList(
    queries=(
        SlowQuery(
            id=1273,
            user="agency",
            database="agency",
            seconds=94,
            state="Sending data",
            statement="select ? from payments",
        ),
    )
)
"""A query that has been running for long."""
ROOM: Final = DiskSpaceState(
    systems=(
        FileSystem(mount="/", used_kib=24_489_318, available_kib=81_985_980, percent=23, inodes_percent=3),
        FileSystem(mount="/var/log/nginx", used_kib=536, available_kib=65_000, percent=1, inodes_percent=1),
    ),
    limit=95,
)
"""Disks with free space."""
NO_ROOM: Final = DiskSpaceState(
    systems=(
        ROOM.systems[0],
        FileSystem(mount="/var/log/nginx", used_kib=65_536, available_kib=0, percent=100, inodes_percent=1),
    ),
    limit=95,
)
"""A small disk that is full."""
NO_ROOM_AT_ALL: Final = DiskSpaceState(
    systems=(FileSystem(mount="/", used_kib=264_212_084, available_kib=0, percent=100, inodes_percent=3),), limit=95
)
"""The only disk is full."""
NO_CONSUMERS: Final = ConsumerList(consumers=())
"""No files fill a disk."""
NO_WRITERS: Final = DiskWriterList(writers=())
"""No process has a big file open for writing."""
NO_FILES: Final = LogFileList(files=(), unseen=())
"""None of the log files exists."""
NO_OPEN: Final = OpenFiles(files=())
"""No process has such a file open."""
JOURNAL: Final = JournalUse(mount="/", size_kib=8192, files="1263915712:71")
"""A small journal."""


def process(pid: int = 283, **changed: object) -> Process:
    """Return a spinning process of the application's user, with these changes."""
    stated: dict[str, object] = {
        "pid": pid,
        "started": 2_379_313,
        "age": 400,
        "cpu": 99,
        "wanted": 100,
        "rests": 0,
        "memory_kib": 104,
        "user": "forge",
        "unit": None,
        "name": "sh",
        "parent": 1,
        "excess": "cpu",
        "arguments": "sh -c while :; do :; done",
        **changed,
    }
    return Process.model_validate(stated)


def busy(*processes: Process, units: tuple[UnitUsage, ...] = (), cores: int = 2) -> Usage:
    """Return a machine with these biggest processes.

    On one core, a single one makes others wait.
    """
    cpu = sum(each.cpu for each in processes)
    return USAGE.model_copy(update={"cores": cores, "cpu": USAGE.cpu + cpu, "processes": processes, "units": units})


def log_file(path: str = "/var/log/nginx/access.log", **changed: object) -> LogFile:
    """Return a log that fills the small disk, with these changes."""
    stated: dict[str, object] = {
        "path": path,
        "kind": "file",
        "device": 50,
        "inode": 4,
        "links": 1,
        "owner": "www-data",
        "on_full": True,
        "big": True,
        "safe_folder": True,
        "mount": "/var/log/nginx",
        "size": 67_108_864,
        "held_kib": 65_536,
        **changed,
    }
    return LogFile.model_validate(stated)


def opened(
    command: str = "nginx", pid: int = 71, path: str = "/var/log/nginx/access.log", **changed: object
) -> OpenFile:
    """Return a program's open file; the file is that of `log_file` unless changed."""
    stated = {"pid": pid, "command": command, "user": "root", "device": 50, "inode": 4, "path": path, **changed}
    return OpenFile.model_validate(stated)


def writer(**changed: object) -> DiskWriter:
    """Return a process that fills the small disk, with these changes."""
    stated: dict[str, object] = {
        "pid": 99,
        "parent": 1,
        "unit": "export.service",
        "user": "root",
        "name": "python3",
        "deleted": False,
        "held_kib": 65_000,
        "grown_kib": 0,
        "path": "/var/log/nginx/dump.sql",
        **changed,
    }
    return DiskWriter.model_validate(stated)
