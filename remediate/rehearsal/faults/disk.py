"""Faults that fill a small disk: /var/log/nginx on a staging host."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import AbsolutePath, UnitName, UserName
from remediate.rehearsal.faults.fault import Fault


def _fill(path: str) -> str:
    """Return the script that appends to a file until its disk is full.

    The failure of the last write is intended.
    """
    return f"dd if=/dev/zero bs=1M status=none >> '{path}' 2>/dev/null || true\n"


ROOM: Final = "room on the disk"
"""Name for what a full disk disturbs: meanwhile nothing else can be written there."""


class FileFilled(Fault):
    """One file has grown until its disk was full."""

    kind: Literal["file-filled"] = "file-filled"
    path: AbsolutePath = Field(description="the file, on a disk that may be filled")

    @override
    def describe(self) -> str:
        return f"{self.path} has filled its disk"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.path, ROOM)

    @override
    def breaking(self) -> str:
        return _fill(self.path)

    @override
    def mending(self) -> str:
        return f"truncate -c -s 0 '{self.path}'"


class DiskWritten(Fault):
    """A unit writes to its own file until its disk is full, and goes on."""

    kind: Literal["disk-written"] = "disk-written"
    path: AbsolutePath = Field(description="the file, on a disk that may be filled")
    unit: UnitName = Field(default="remediate-fault-writer", description="transient unit that writes to it")

    @override
    def describe(self) -> str:
        return f"{self.unit} writes to {self.path} until its disk is full, and goes on"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.path, self.unit, ROOM)

    @override
    def breaking(self) -> str:
        writes = f"exec >>{self.path}; while :; do dd if=/dev/zero bs=1M status=none 2>/dev/null; sleep 1; done"
        return (
            f"systemd-run --quiet --collect --unit={self.unit} /bin/sh -c '{writes}'\n"
            f'until [ "$(df --output=avail {self.path.rpartition("/")[0]} | tail -n 1)" -eq 0 ]; do sleep 0.1; done'
        )

    @override
    def mending(self) -> str:
        return f"systemctl stop {self.unit} 2>/dev/null || true; rm -f '{self.path}'"


class DeletedLogFilled(Fault):
    """A log filled its disk and was deleted while its writer still has it open.

    A new log of that name exists.
    """

    kind: Literal["deleted-log-filled"] = "deleted-log-filled"
    path: AbsolutePath = Field(description="the log, on a disk that may be filled")
    unit: UnitName = Field(description="who writes to it")

    @override
    def describe(self) -> str:
        return f"{self.path} filled its disk and was deleted, and {self.unit} still has it open"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.path, ROOM)

    @override
    def breaking(self) -> str:
        copy = f"{self.path}.new"
        return f"cp -p --attributes-only '{self.path}' '{copy}'\n{_fill(self.path)}mv '{copy}' '{self.path}'\n"

    @override
    def mending(self) -> str:
        return f"systemctl kill --kill-who=main --signal=USR1 {self.unit}"


class LaravelLogFilled(Fault):
    """laravel.log has filled the separate disk that holds the application's logs."""

    kind: Literal["laravel-log-filled"] = "laravel-log-filled"
    path: AbsolutePath = Field(description="directory that holds artisan")
    disk: AbsolutePath = Field(description="where a disk that may be filled is mounted")
    user: UserName = Field(default="forge", description="user the application runs as")

    @override
    def describe(self) -> str:
        return f"laravel.log has filled its disk, which is {self.disk}"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (f"{self.path}/storage/logs/laravel.log", ROOM)

    @override
    def breaking(self) -> str:
        logs, place = f"{self.path}/storage/logs", f"{self.disk}/remediate-fault"
        return (
            f"install -d -o {self.user} -g {self.user} {place}\nmv {logs} {logs}.remediate-fault\n"
            f"ln -s {place} {logs}\ninstall -o {self.user} -g {self.user} -m 644 /dev/null {place}/laravel.log\n"
            f"{_fill(f'{place}/laravel.log')}"
        )

    @override
    def mending(self) -> str:
        logs = f"{self.path}/storage/logs"
        away = f"rm -f {logs}; mv {logs}.remediate-fault {logs}"
        return f"if [ -d {logs}.remediate-fault ]; then {away}; fi\nrm -rf {self.disk}/remediate-fault"


class LogLinked(Fault):
    """A log fills its disk and has a second name, whose users nobody knows."""

    kind: Literal["log-linked"] = "log-linked"
    path: AbsolutePath = Field(description="the log, on a disk that may be filled")

    @override
    def describe(self) -> str:
        return f"{self.path} has filled its disk, and has a second hard link"

    @override
    def disturbs(self) -> tuple[str, ...]:
        return (self.path, ROOM)

    @override
    def breaking(self) -> str:
        return f"ln '{self.path}' '{self.path}.archive'\n{_fill(self.path)}"

    @override
    def mending(self) -> str:
        return f"rm -f '{self.path}.archive'; truncate -c -s 0 '{self.path}'"
