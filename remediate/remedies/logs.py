"""The remedies that free disk space by emptying logs."""

import shlex
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, ProgramName, UserName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Remedy, Step, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip
from remediate.errors import Unreadable
from remediate.probes.consumers import ConsumerList, Consumers
from remediate.probes.disk_writers import DiskWriter, DiskWriters
from remediate.probes.files import LogFile, LogFiles
from remediate.probes.filesystems import DiskSpace, DiskSpaceState
from remediate.probes.open_files import LogWriters
from remediate.probes.processes import COMM
from remediate.programs.logs import keep_sample, shorten
from remediate.remedies.held_logs import NEVER_RESTARTED, gave_back, risen, typed
from remediate.remedies.process import LONG

INODES_FULL = RefusalCode(
    name="inodes-full",
    meaning="There are too many files: emptying a log frees none of them.",
    advice="find out what creates so many files, and delete those that are not needed",
)
LOG_UNSAFE = RefusalCode(
    name="log-unsafe",
    meaning="The log is a link, has a second name, is in a folder that others can write, or is not appended to.",
    advice="find out what the log is and who writes to it before you empty it",
)
DISK_FOREIGN = RefusalCode(
    name="disk-foreign",
    meaning="The files that fill the disk are not in log_paths of the inventory: nothing is deleted.",
    advice="move or delete files that are not needed, or list a log in log_paths, then run this again",
)
DISK_WRITER = RefusalCode(
    name="disk-writer",
    meaning="A running process fills the disk: while it has the file open, deleting the file frees nothing.",
    advice="stop the writer as shown above, delete files that are not needed, then run this again",
)
_ROOT_FOLDERS: Final = ("/var/log", "/var/log/nginx")
"""Folders in which distributions let only root create files.

A sudo rule for a file elsewhere would let anyone who can create a link there read and empty any file as root.
"""
_LEFT_ALONE: Final = NEVER_RESTARTED | {"rsyslogd", "syslog-ng", "systemd-journal"}
"""Programs that nobody stops to free space. What they write has another remedy, or they are the service itself."""


class ShortenLogs(Remedy):
    """Empty the logs that the inventory allows on a full disk (runbook 4.5, "If disk full, clear logs").

    Empties only regular files of `log_paths` on that disk which have no second name, are written by appending only, and
    are big enough to matter. Their last MiB is kept first, for the user who empties them, as `remediate-sample-*` in
    the home, /var/tmp or /dev/shm: where there is space. Logs of the application are emptied as its user. Others are
    emptied as root, and only where nobody but root can replace the file. Nothing else is touched.
    """

    kind: Literal["log.shorten"] = "log.shorten"
    subject = "log files"
    paths: tuple[AbsolutePath, ...] = Field(default=(), description="log files that may be shortened")
    user: UserName = Field(default="forge", description="user the application runs as")
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")
    protected: tuple[ProgramName, ...] = Field(default=(), description="names of programs that no advice says to stop")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (INODES_FULL, LOG_UNSAFE, DISK_WRITER, DISK_FOREIGN)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        return {
            "paths": settings.log_paths,
            "user": settings.app_user,
            "limit": settings.limits.disk,
            "protected": settings.protected_processes,
        }

    @property
    def _room(self) -> DiskSpace:
        return DiskSpace(limit=self.limit)

    @property
    def _files(self) -> LogFiles:
        return LogFiles(paths=self.paths, limit=self.limit)

    @property
    def _writers(self) -> LogWriters | None:
        return LogWriters(paths=self.paths) if self.paths else None

    @property
    def _consumers(self) -> Consumers:
        return Consumers(limit=self.limit)

    @property
    def _fillers(self) -> DiskWriters:
        return DiskWriters(limit=self.limit)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        asked = (self._room, self._files, self._writers, self._consumers, self._fillers)
        return tuple(probe for probe in asked if probe is not None)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._files,)

    @override
    def guard(self, facts: Facts) -> Verdict:
        room = facts[self._room]
        if room.crowded and not room.full:
            return refuse(INODES_FULL, f"{room.describe()}; most files: {facts[self._consumers].describe()}")
        if not room.full:
            return skip(f"no disk is full: {room.describe()}")
        chosen, unsafe = self._sorted(facts)
        if chosen:
            sizes = ", ".join(f"{each.path} {each.held_kib // 1024} MiB" for each in chosen)
            return proceed(f"{room.of(chosen[0].mount).describe()}: {sizes}")
        if unsafe:
            return refuse(LOG_UNSAFE, f"{room.describe()}; {unsafe[0]}")
        if unseen := facts[self._files].unseen:
            raise Unreadable(
                f"{room.describe()}; {unseen[0]} may fill it, in a folder that is closed to this login: "
                f"as root or {self.user}: ls -l {shlex.quote(unseen[0])}"
            )
        return self._foreign(room, facts)

    def _foreign(self, room: DiskSpaceState, facts: Facts) -> Verdict:
        """Refuse, naming what fills the disk and which process still writes to it.

        Deleting a file that a process has open frees nothing.
        """
        biggest = facts[self._consumers]
        told = f"{room.describe()}, and nothing that may be shortened is what fills it; biggest: {biggest.describe()}"
        try:
            writers = [each for each in facts[self._fillers].writers if _counts(each, biggest)]
        except Unreadable as why:
            return refuse(DISK_FOREIGN, f"{told}; who writes to it could not be asked ({why})")
        left = {name[:COMM] for name in (*_LEFT_ALONE, *self.protected)}
        ends = [each for each in writers if each.name not in left and not _of_pool(each)]
        if ends:
            first = max(ends, key=lambda each: each.grown_kib)  # the first of equals has the biggest file
            whether = "a backup, perhaps: if it may be stopped" if first.name in LONG else "if it may be stopped"
            return refuse(DISK_WRITER, f"{told}; {first.describe()}: {whether}, {typed(first, 'stop')}")
        return refuse(DISK_FOREIGN, "; ".join((told, *(each.describe() for each in writers[:2]))))

    def _sorted(self, facts: Facts) -> tuple[list[LogFile], list[str]]:
        """Return the logs that may be shortened, and the reasons against the others."""
        room = facts[self._room]
        chosen: list[LogFile] = []
        unsafe: list[str] = []
        for file in facts[self._files].files:
            if not (file.on_full and file.big and room.at(file.mount) in room.full):
                continue
            why = self._unsafe(file, facts)
            if why is None:
                chosen.append(file)
            else:
                unsafe.append(f"{file.path} {why}")
        return chosen, unsafe

    def _unsafe(self, file: LogFile, facts: Facts) -> str | None:
        if file.kind != "file":
            return "is a link" if file.kind == "link" else "is no regular file"
        if file.links != 1:
            return f"has {file.links} names: what stands under the others is not known"
        if file.owner != self.user and not (file.safe_folder and _of_root(file.path)):
            return f"belongs to {file.owner}, in a folder where others may put something else in its place"
        for writer in facts[self._writers].holders(file.device, file.inode) if self._writers else ():
            if not writer.appends:
                return f"is written by {writer.command} (pid {writer.pid}) at a position of its choice, not at its end"
        return None

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        for file in self._sorted(facts)[0]:
            own = file.owner == self.user
            user = self.user if own else ROOT
            yield keep_sample(file.path, user)
            yield shorten(file.path, user)

    @override
    def changes(self) -> tuple[Run, ...]:
        own = tuple((path, self.user) for path in self.paths)
        roots = tuple((path, ROOT) for path in self.paths if _of_root(path))
        return tuple(run(path, user) for path, user in (*own, *roots) for run in (keep_sample, shorten))

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require the same files, shorter and still open in their writers. df has to show the space."""
        was, now = before[self._room], after[self._room]
        files = {each.path: each for each in after[self._files].files}
        chosen = self._sorted(before)[0]
        freed: dict[str, int] = {}
        for file in chosen:
            found = files.get(file.path)
            if found is None or (found.device, found.inode) != (file.device, file.inode):
                return Failed(reason=f"{file.path} is another file than before")
            if found.held_kib * 2 > file.held_kib:
                return NotYet(reason=f"{file.path} still takes {found.held_kib // 1024} MiB")
            if lost := self._lost(file, before, after):
                return NotYet(reason=f"{lost} does not have {file.path} open any more")
            mount = was.of(file.mount).mount
            freed[mount] = freed.get(mount, 0) + file.held_kib - found.held_kib
        if not chosen or before.output(self._files).stdout == after.output(self._files).stdout:
            return NotYet(reason="the log files are as they were before")
        for mount, size in freed.items():
            if (missing := gave_back(was, now, mount, size)) is not None:
                return NotYet(reason=missing)
        names = ", ".join(file.path for file in chosen)
        told = "; ".join(risen(was, now, mount) for mount in freed)
        return Proven(evidence=f"{names} shortened, {told}; the last MiB is kept in remediate-sample-*")

    def _lost(self, file: LogFile, before: Facts, after: Facts) -> str | None:
        """Return a program that no longer has this log of root's open, else None.

        Logs of the application are not checked, because PHP opens its log for each line.
        """
        if self._writers is None or file.owner == self.user:
            return None
        had = {each.command for each in before[self._writers].holders(file.device, file.inode)}
        have = {each.command for each in after[self._writers].holders(file.device, file.inode)}
        return min(had - have, default=None)


def _counts(writer: DiskWriter, biggest: ConsumerList) -> bool:
    """Return whether a writer contributes to the full disk. Databases have big files open on any disk."""
    return writer.deleted or writer.grown_kib > 0 or writer.path in {each.path for each in biggest.consumers}


def _of_pool(writer: DiskWriter) -> bool:
    return writer.name.startswith("php-fpm")


def _of_root(path: str) -> bool:
    return path.rpartition("/")[0] in _ROOT_FOLDERS
