"""The remedies that free disk space: deleted open logs, and logs that may be emptied."""

import shlex
from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field

from remediate.command import ROOT, Run
from remediate.errors import Unreadable
from remediate.fields import AbsolutePath, PhpName, ProgramName, UnitName, UserName
from remediate.host import Host
from remediate.probe import Fact, Probe
from remediate.probes.consumers import ConsumerList, Consumers
from remediate.probes.disk_writers import DiskWriter, DiskWriters
from remediate.probes.files import DeletedFiles, HeldLogs, LogFile, LogFiles, LogWriters, OpenFile, OpenFiles
from remediate.probes.filesystems import Room, RoomState
from remediate.probes.php_fpm import unit_of
from remediate.probes.systemd import SYSTEMCTL, full_name
from remediate.programs.logs import keep_sample, shorten
from remediate.remedies.by_hand import in_a_unit, stopping
from remediate.remedies.process import LONG, PROTECTED
from remediate.remedy import Failed, NotYet, Proven, Remedy, Step, Verification
from remediate.survey import Facts
from remediate.verdict import RefusalCode, Verdict, proceed, refuse, skip

DELETED_HELD = RefusalCode(
    name="deleted-held",
    meaning="A deleted file uses the space, and the program that has it open cannot be told to reopen its logs.",
)
INODES_FULL = RefusalCode(name="inodes-full", meaning="There are too many files: emptying a log frees none of them.")
LOG_UNSAFE = RefusalCode(
    name="log-unsafe",
    meaning="The log is a link, has a second name, is in a folder that others can write, or is not appended to.",
)
DISK_FOREIGN = RefusalCode(
    name="disk-foreign",
    meaning="The files that fill the disk are not in log_paths of the inventory: nothing is deleted.",
)
DISK_WRITER = RefusalCode(
    name="disk-writer",
    meaning="A running process fills the disk: while it has the file open, deleting the file frees nothing.",
)
_ROOT_FOLDERS: Final = ("/var/log", "/var/log/nginx")
"""Folders in which distributions let nobody but root make a file: a sudo rule for a file in another one would let
whoever may put a link there read and empty any file as root."""
_WORTH: Final = 1024 * 1024
"""Bytes from which on a deleted file is worth asking for."""
_NEVER_RESTARTED: Final = PROTECTED | {"dockerd", "containerd", "conmon", "kubelet", "mongod"}
_LEFT_ALONE: Final = _NEVER_RESTARTED | {"rsyslogd", "syslog-ng", "systemd-journal"}
"""Programs that nobody stops to get room: what they write has another lever, or they are the service itself."""


def _gave_back(before: RoomState, after: RoomState, mount: str, expected_kib: int) -> str | None:
    """Say what is not proven by df: None when the space is there, or the disk is not full any more."""
    was, now = before.of(mount), after.of(mount)
    if now.percent < after.limit or now.available_kib - was.available_kib >= expected_kib // 2:
        return None
    return f"{now.describe()}: df does not show the space yet"


def _risen(before: RoomState, after: RoomState, mount: str) -> str:
    return f"{mount} went from {before.of(mount).percent} % to {after.of(mount).percent} %"


class ReopenLogs(Remedy):
    """Have nginx, PHP-FPM and supervisor open their logs anew where they hold deleted ones on a full disk.

    A log that was deleted, or rotated away by hand, keeps its space until whoever writes to it lets go: `truncate` of
    the new file gives nothing back. They are asked by the signal that logrotate uses; no request is dropped.
    """

    kind: Literal["log.reopen"] = "log.reopen"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")
    nginx: UnitName = Field(default="nginx", description="systemd unit of the web server")
    php: PhpName | None = Field(default=None, description="PHP's name, for example php8.3")
    supervisor: UnitName = Field(default="supervisor", description="systemd unit of supervisor")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (DELETED_HELD,)

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        settings = host.settings
        return {"limit": settings.limits.disk, "nginx": settings.nginx_unit, "php": settings.php}

    @property
    def _room(self) -> Room:
        return Room(limit=self.limit)

    @property
    def _asks(self) -> dict[str, Run]:
        """Which command makes a program open its logs anew, by the beginning of its name."""
        asks = {"nginx": _signal(self.nginx, "USR1"), "supervisord": _signal(self.supervisor, "USR2")}
        return asks if self.php is None else {**asks, f"php-fpm{self.php[3:]}": _signal(unit_of(self.php), "USR1")}

    @property
    def _writers(self) -> DiskWriters:
        return DiskWriters(limit=self.limit)

    def title(self) -> str:
        """See Remedy."""
        return "deleted logs"

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._room, DeletedFiles(), HeldLogs(), self._writers)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (HeldLogs(),)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
        room = facts[self._room]
        if not room.full:
            return skip(f"no disk is full: {room.describe()}")
        held = self._held(room, facts[DeletedFiles()])
        if not held:
            return skip(f"no deleted file holds space on {room.full[0].mount}")
        ours = [each for each in held if each.command in self._asks]
        told = ours or held
        size = f"{told[0].size // 1024**2} MiB of {told[0].path}, deleted and still open in {told[0].command}"
        mount = room.mount_of(told[0].path, told[0].device)
        if ours:
            facts[HeldLogs()]  # without it nobody could tell afterwards that they have let go
            return proceed(f"{mount} is full, and holds {size} (pid {told[0].pid})")
        return refuse(
            DELETED_HELD, f"{mount} is full, and holds {size} (pid {told[0].pid}); {self._lever(told[0], facts)}"
        )

    def _lever(self, file: OpenFile, facts: Facts) -> str:
        """Say what makes a program let go that nobody may ask."""
        if file.command in _NEVER_RESTARTED:
            return f"never restart it for that: see in its own log what it works on, `systemctl status {file.pid}`"
        try:
            holder = facts[self._writers].of(file.pid, file.path)
        except Unreadable:
            holder = None
        if holder is None:
            return f"restart it, or make it reopen its log: see what it is with `systemctl status {file.pid}`"
        if in_a_unit(holder.unit):
            return f"have it let go: {_by_hand(holder, 'restart')}"
        return f"have it let go, if it may be ended: {_by_hand(holder, 'stop')}"

    def _held(self, room: RoomState, deleted: OpenFiles) -> list[OpenFile]:
        """Return what is worth letting go of, each file once per program, biggest first."""
        full = {each.mount for each in room.full}
        worth = (each for each in deleted.files if each.size >= _WORTH)
        found = (each for each in worth if room.mount_of(each.path, each.device) in full)
        once = {(each.command, each.device, each.inode): each for each in found}
        return sorted(once.values(), key=lambda each: -each.size)

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        held = {each.command for each in self._held(facts[self._room], facts[DeletedFiles()])}
        yield from (run for name, run in self._asks.items() if name in held)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        return tuple(self._asks.values())

    def verify(self, before: Facts, after: Facts) -> Verification:
        """They have let go, and df shows the space."""
        was, now = before[self._room], after[self._room]
        asked = [each for each in self._held(was, before[DeletedFiles()]) if each.command in self._asks]
        left = [each for each in asked if after[DeletedFiles()].holders(each.device, each.inode)]
        if left or not asked:
            return NotYet(reason=f"{left[0].path} is still open in {left[0].command}" if left else "nothing was held")
        if before.output(HeldLogs()).stdout == after.output(HeldLogs()).stdout:
            return NotYet(reason="the same deleted files are open as before")
        freed: dict[str, int] = {}
        for each in {(each.device, each.inode): each for each in asked}.values():
            mount = was.mount_of(each.path, each.device)
            freed[mount] = freed.get(mount, 0) + each.size // 1024
        for mount, size in freed.items():
            if (missing := _gave_back(was, now, mount, size)) is not None:
                return NotYet(reason=missing)
        return Proven(evidence="; ".join(_risen(was, now, mount) for mount in freed))


def _by_hand(writer: DiskWriter, verb: Literal["stop", "restart"]) -> str:
    return stopping(writer.pid, parent=writer.parent, user=writer.user, unit=writer.unit, verb=verb)


def _signal(unit: str, name: str) -> Run:
    asked = Run.of(SYSTEMCTL, "kill", "--kill-who=main", user=ROOT, seconds=10)
    return asked.helped("reopen-logs", f"--signal={name}", full_name(unit))


class ShortenLogs(Remedy):
    """Empty the logs that the inventory allows on a disk that is full (runbook 4.5, "If disk full, clear logs").

    Only regular files of `log_paths` without a second name, written by appending only, on the disk that is full, and
    big enough to matter. Their last MiB is kept first, for the user who does it (`remediate-sample-*` in the home, or
    /var/tmp, or /dev/shm: where there is room). Logs of the application as its user, others as root and only where
    nobody but root can put something else in their place. Nothing else is ever touched.
    """

    kind: Literal["log.shorten"] = "log.shorten"
    paths: tuple[AbsolutePath, ...] = Field(default=(), description="log files that may be shortened")
    user: UserName = Field(default="forge", description="user the application runs as")
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")
    protected: tuple[ProgramName, ...] = Field(default=(), description="names of programs that nobody is told to stop")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (INODES_FULL, LOG_UNSAFE, DISK_WRITER, DISK_FOREIGN)

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:
        """See Remedy."""
        settings = host.settings
        return {
            "paths": settings.log_paths,
            "user": settings.app_user,
            "limit": settings.limits.disk,
            "protected": settings.protected_processes,
        }

    @property
    def _room(self) -> Room:
        return Room(limit=self.limit)

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

    def title(self) -> str:
        """See Remedy."""
        return "log files"

    def probes(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        asked = (self._room, self._files, self._writers, self._consumers, self._fillers)
        return tuple(probe for probe in asked if probe is not None)

    def identity(self) -> tuple[Probe[Fact], ...]:
        """See Remedy."""
        return (self._files,)

    def guard(self, facts: Facts) -> Verdict:
        """See Remedy."""
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

    def _foreign(self, room: RoomState, facts: Facts) -> Verdict:
        """Name what fills the disk, and who goes on with it: what is deleted under a writer stays where it is."""
        biggest = facts[self._consumers]
        told = f"{room.describe()}, and nothing that may be shortened is what fills it; biggest: {biggest.describe()}"
        try:
            writers = [each for each in facts[self._fillers].writers if _counts(each, biggest)]
        except Unreadable as why:
            return refuse(DISK_FOREIGN, f"{told}; who writes to it could not be asked ({why})")
        ends = [each for each in writers if each.name not in {*_LEFT_ALONE, *self.protected} and not _of_pool(each)]
        if ends:
            first = max(ends, key=lambda each: each.grown_kib)  # of equals the one with the biggest file
            whether = "a backup, perhaps: if it may be stopped" if first.name in LONG else "if it may be stopped"
            return refuse(DISK_WRITER, f"{told}; {first.describe()}: {whether}, {_by_hand(first, 'stop')}")
        return refuse(DISK_FOREIGN, "; ".join((told, *(each.describe() for each in writers[:2]))))

    def _sorted(self, facts: Facts) -> tuple[list[LogFile], list[str]]:
        """Tell what may be shortened from what may not, with the reason."""
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

    def apply(self, facts: Facts) -> Iterator[Step]:
        """See Remedy."""
        for file in self._sorted(facts)[0]:
            own = file.owner == self.user
            user = self.user if own else ROOT
            yield keep_sample(file.path, user)
            yield shorten(file.path, user)

    def changes(self) -> tuple[Run, ...]:
        """See Remedy."""
        own = tuple((path, self.user) for path in self.paths)
        roots = tuple((path, ROOT) for path in self.paths if _of_root(path))
        return tuple(run(path, user) for path, user in (*own, *roots) for run in (keep_sample, shorten))

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Each is the same file, short now, still open for appending in whoever wrote to it, and df shows the space."""
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
            if (missing := _gave_back(was, now, mount, size)) is not None:
                return NotYet(reason=missing)
        names = ", ".join(file.path for file in chosen)
        told = "; ".join(_risen(was, now, mount) for mount in freed)
        return Proven(evidence=f"{names} shortened, {told}; the last MiB is kept in remediate-sample-*")

    def _lost(self, file: LogFile, before: Facts, after: Facts) -> str | None:
        """Name a program of root's that wrote to it and does not have it open now; PHP opens its log for each line."""
        if self._writers is None or file.owner == self.user:
            return None
        had = {each.command for each in before[self._writers].holders(file.device, file.inode)}
        have = {each.command for each in after[self._writers].holders(file.device, file.inode)}
        return min(had - have, default=None)


def _counts(writer: DiskWriter, biggest: ConsumerList) -> bool:
    """Whether a writer has to do with the disk being full: a database has big files open on any disk."""
    return writer.deleted or writer.grown_kib > 0 or writer.path in {each.path for each in biggest.consumers}


def _of_pool(writer: DiskWriter) -> bool:
    return writer.name.startswith("php-fpm")


def _of_root(path: str) -> bool:
    return path.rpartition("/")[0] in _ROOT_FOLDERS
