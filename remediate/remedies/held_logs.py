"""The remedy that makes programs release deleted logs."""

from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import PhpName, UnitName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven, Remedy, Step, Verification
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip
from remediate.errors import Unreadable
from remediate.probes.disk_writers import DiskWriter, DiskWriters
from remediate.probes.filesystems import DiskSpace, DiskSpaceState
from remediate.probes.open_files import DeletedFiles, HeldLogs, OpenFile, OpenFiles
from remediate.probes.php_fpm import unit_of
from remediate.probes.systemd import SYSTEMCTL, full_name
from remediate.remedies.by_hand import in_a_unit, stopping
from remediate.remedies.process import PROTECTED

DELETED_HELD = RefusalCode(
    name="deleted-held",
    meaning="A deleted file uses the space, and the program that has it open has no command to reopen its logs.",
    advice="make it release the file as shown above, then run this again",
)


WORTH_BYTES: Final = 1024 * 1024
"""Bytes from which on a deleted file is worth a signal."""


NEVER_RESTARTED: Final = PROTECTED | {"dockerd", "containerd", "conmon", "kubelet", "mongod"}


def gave_back(before: DiskSpaceState, after: DiskSpaceState, mount: str, expected_kib: int) -> str | None:
    """Return why df does not prove the freed space; None when it does.

    Half of `expected_kib` (KiB) is enough, and so is a disk that is no longer full.
    """
    was, now = before.of(mount), after.of(mount)
    if now.percent < after.limit or now.available_kib - was.available_kib >= expected_kib // 2:
        return None
    return f"{now.describe()}: df does not show the space yet"


def risen(before: DiskSpaceState, after: DiskSpaceState, mount: str) -> str:
    """Describe how full a disk was and is now, in percent."""
    return f"{mount} went from {before.of(mount).percent} % to {after.of(mount).percent} %"


class ReopenLogs(Remedy):
    """Have nginx, PHP-FPM and supervisor reopen logs that were deleted on a full disk.

    A log that was deleted or rotated by hand keeps its space until its writer closes it. `truncate` of the new file
    frees nothing. The writers get the signal that logrotate uses; no request is dropped.
    """

    kind: Literal["log.reopen"] = "log.reopen"
    subject = "deleted logs"
    limit: int = Field(default=95, ge=1, le=100, description="percent from which on a file system counts as full")
    nginx: UnitName = Field(default="nginx", description="systemd unit of the web server")
    php: PhpName | None = Field(default=None, description="PHP's name, for example php8.3")
    supervisor: UnitName = Field(default="supervisor", description="systemd unit of supervisor")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (DELETED_HELD,)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        return {"limit": settings.limits.disk, "nginx": settings.nginx_unit, "php": settings.php}

    @property
    def _room(self) -> DiskSpace:
        return DiskSpace(limit=self.limit)

    @property
    def _asks(self) -> dict[str, Run]:
        """The commands that make a program reopen its logs, by the program's name."""
        asks = {"nginx": signal_unit(self.nginx, "USR1"), "supervisord": signal_unit(self.supervisor, "USR2")}
        return asks if self.php is None else {**asks, f"php-fpm{self.php[3:]}": signal_unit(unit_of(self.php), "USR1")}

    @property
    def _writers(self) -> DiskWriters:
        return DiskWriters(limit=self.limit)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._room, DeletedFiles(), HeldLogs(), self._writers)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (HeldLogs(),)

    @override
    def guard(self, facts: Facts) -> Verdict:
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
            facts[HeldLogs()]  # raises Unreadable: without it the release could not be verified
            return proceed(f"{mount} is full, and holds {size} (pid {told[0].pid})")
        return refuse(
            DELETED_HELD, f"{mount} is full, and holds {size} (pid {told[0].pid}); {self._lever(told[0], facts)}"
        )

    def _lever(self, file: OpenFile, facts: Facts) -> str:
        """Return what a person can do about a program that must not be signalled here."""
        if file.command in NEVER_RESTARTED:
            return f"never restart it for that: see in its own log what it works on, `systemctl status {file.pid}`"
        try:
            holder = facts[self._writers].of(file.pid, file.path)
        except Unreadable:
            holder = None
        if holder is None:
            return f"restart it, or make it reopen its log: see what it is with `systemctl status {file.pid}`"
        if in_a_unit(holder.unit):
            return f"have it let go: {typed(holder, 'restart')}"
        return f"have it let go, if it may be ended: {typed(holder, 'stop')}"

    def _held(self, room: DiskSpaceState, deleted: OpenFiles) -> list[OpenFile]:
        """Return the deleted files worth releasing, each once per program, biggest first."""
        full = {each.mount for each in room.full}
        worth = (each for each in deleted.files if each.size >= WORTH_BYTES)
        found = (each for each in worth if room.mount_of(each.path, each.device) in full)
        once = {(each.command, each.device, each.inode): each for each in found}
        return sorted(once.values(), key=lambda each: -each.size)

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        held = {each.command for each in self._held(facts[self._room], facts[DeletedFiles()])}
        yield from (run for name, run in self._asks.items() if name in held)

    @override
    def changes(self) -> tuple[Run, ...]:
        return tuple(self._asks.values())

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require that the programs released the files and that df shows the space."""
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
            if (missing := gave_back(was, now, mount, size)) is not None:
                return NotYet(reason=missing)
        return Proven(evidence="; ".join(risen(was, now, mount) for mount in freed))


def typed(writer: DiskWriter, verb: Literal["stop", "restart"]) -> str:
    """Return the command that stops or restarts a writer, as a person types it."""
    return stopping(writer.pid, parent=writer.parent, user=writer.user, unit=writer.unit, verb=verb)


def signal_unit(unit: str, name: str) -> Run:
    """Return the command that sends a unit's main process a signal to reopen its logs."""
    asked = Run.of(SYSTEMCTL, "kill", "--kill-who=main", user=ROOT, seconds=10)
    return asked.helped("reopen-logs", f"--signal={name}", full_name(unit))
