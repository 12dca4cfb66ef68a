"""A healthy host's answers to the probes of high load."""

from remediate.probes.consumers import Consumers
from remediate.probes.disk_writers import DiskWriters
from remediate.probes.files import LogFileList, LogFiles
from remediate.probes.filesystems import DiskSpace
from remediate.probes.journald import JournalFiles
from remediate.probes.load import Load, SlowQueries
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters, OpenFiles
from remediate.probes.processes import Processes
from support import examples as ex
from support import load_examples as exl
from support.incidents import APP, DEPLOY, FPM, FPM_CONFIG, PATH, UP
from support.scripted import Changes

ACCESS, LARAVEL = "/var/log/nginx/access.log", f"{PATH}/storage/logs/laravel.log"
USAGE, ROOM, QUERIES = Processes(), DiskSpace(), SlowQueries(php="php8.2", path=PATH, user="forge")
FILES, WRITERS = LogFiles(paths=(ACCESS, LARAVEL)), LogWriters(paths=(ACCESS, LARAVEL))
SHORT = exl.log_file(big=False, on_full=False, size=300, held_kib=4)
WRITER = OpenFiles(files=(exl.opened(appends=True),))

CALM: Changes = {
    **UP,
    USAGE: exl.USAGE,
    ROOM: exl.ROOM,
    FPM: ex.RUNNING,
    FPM_CONFIG: ex.SOUND,
    APP: ex.APP,
    DEPLOY: ex.NO_DEPLOY,
    QUERIES: exl.NO_QUERIES,
    Load(): exl.LOAD,
    DeletedFiles(): exl.NO_OPEN,
    HeldLogs(): exl.NO_OPEN,
    JournalFiles(): exl.JOURNAL,
    FILES: LogFileList(files=(SHORT,), unseen=()),
    LogFiles(paths=()): exl.NO_FILES,
    WRITERS: WRITER,
    Consumers(): exl.NO_CONSUMERS,
    DiskWriters(): exl.NO_WRITERS,
}
"""A host with little load and free disk space. Its inventory may allow shortening of logs or not."""
