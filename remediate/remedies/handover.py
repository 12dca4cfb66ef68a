"""Causes that belong to another playbook, which is named instead of a restart."""

from collections.abc import Iterator
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import HANDOVERS, RefusalCode, Verdict, refuse, skip
from remediate.errors import Unreadable
from remediate.probes.filesystems import DiskSpace, DiskSpaceState, FileSystem
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from remediate.probes.laravel import AppDatabase
from remediate.probes.php_fpm import unit_of
from remediate.probes.queue_motion import QueueMotion
from remediate.probes.redis import AppRedis
from remediate.probes.supervisor import Workers
from remediate.probes.systemd import Unit
from remediate.remedies.human import HumanStep

_SYSTEM: Final = ("/", "/var", "/var/lib/mysql")
"""Folders without whose room no application works, wherever it is."""
CODES = {name: RefusalCode(name=name, meaning=f"`fix.{name}` fixes the cause.") for name in sorted(HANDOVERS)}


def noticed(host: Host) -> tuple[Site | Workers, ...]:
    """Return what users notice of an application: its pages, its health check, its queue."""
    settings = host.settings
    pages = (*Site.of(host), *(Site.of(host, settings.health_path) if settings.health_path else ()))
    return (*pages, *((Workers(program=settings.worker_program),) if settings.worker_program else ()))


class HandOver(HumanStep):
    """Name the playbook whose incident this is: something fails, and its cause is none of this playbook's.

    It stands behind the remedies of its own playbook, so that what they have to say comes first, and before those
    that would only start what dies of that cause. A cause that cannot be read is nobody's.
    """

    kind: Literal["incident.hand-over"] = "incident.hand-over"
    own: str = Field(description="the playbook that this stands in: what it mends is not handed over")
    failing: tuple[Site | Workers | QueueMotion, ...] = Field(
        default=(), description="only while one of these is not well"
    )
    database: AppDatabase | None = Field(default=None, description="the database as the application asks it")
    redis: AppRedis | None = Field(default=None, description="Redis as the application asks it")
    units: tuple[Unit, ...] = Field(default=(), description="what serves the pages")
    room: DiskSpace = Field(default=DiskSpace(), description="the disks as high-load asks for them")
    folders: tuple[AbsolutePath, ...] = Field(default=_SYSTEM, description="folders whose disk has to have room")

    refusals: ClassVar[tuple[RefusalCode, ...]] = tuple(CODES.values())

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings = host.settings
        given: dict[str, object] = {"failing": noticed(host), "units": (Unit(name=settings.nginx_unit),)}
        given["room"] = DiskSpace(limit=settings.limits.disk)
        app = (settings.app_path,) if settings.app_path is not None else ()
        given["folders"] = tuple(dict.fromkeys((*_SYSTEM, *app, *settings.log_paths)))
        if settings.php is not None:
            given["units"] = (Unit(name=unit_of(settings.php)), Unit(name=settings.nginx_unit))
        if settings.php is not None and settings.app_path is not None:
            given["database"] = AppDatabase(php=settings.php, path=settings.app_path, user=settings.app_user)
            given["redis"] = AppRedis(php=settings.php, path=settings.app_path, user=settings.app_user)
        return given

    @override
    def title(self) -> str:
        return "other incidents"

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return tuple(dict.fromkeys((*self.failing, *(probe for _, probe in self._asked()))))

    @override
    def needed(self, facts: Facts) -> str | None:
        return next((reason for _, reason in self._causes(facts)), None)

    @override
    def guard(self, facts: Facts) -> Verdict:
        if all(_well(facts, each) for each in self.failing):
            return skip(self._wellness(facts))
        for playbook, reason in self._causes(facts):
            return refuse(CODES[playbook], reason)
        return skip("no other incident's cause is seen")

    def _wellness(self, facts: Facts) -> str:
        """Say what is well: only what was looked at."""
        moving = [each for each in self.failing if isinstance(each, QueueMotion) and facts[each].looked_into]
        said = {
            "pages answer": any(isinstance(each, Site) for each in self.failing),
            "the queue moves": bool(moving),
            "workers run": not moving and any(isinstance(each, Workers) for each in self.failing),
        }
        return ", ".join(text for text, looked in said.items() if looked) or "nothing fails"

    def _asked(self) -> Iterator[tuple[str, Probe[Fact]]]:
        """Yield what tells of other incidents, those first that would explain the others."""
        pages = tuple(each for each in self.failing if isinstance(each, Site))
        asked: dict[str, tuple[Probe[Fact], ...]] = {
            "high-load": (self.room,),
            "app-down": self.units,
            "certificate-expiry": pages,
            "database-down": (self.database,) if self.database else (),
            "cache-down": (self.redis,) if self.redis else (),
        }
        for playbook, probes in asked.items():
            yield from ((playbook, probe) for probe in probes if playbook != self.own)

    def _causes(self, facts: Facts) -> Iterator[tuple[str, str]]:
        for playbook, probe in self._asked():
            try:
                answer = facts[probe]
            except Unreadable:
                continue
            if isinstance(answer, DiskSpaceState):
                if ill := self._without_room(answer):
                    yield playbook, f"{probe.label()}: {'; '.join(each.describe() for each in ill)}"
                continue
            # A page may be wrong for any reason; of these, only a certificate's name is on the answer itself.
            bad = answer.failure is HttpFailure.CERTIFICATE if isinstance(answer, HttpAnswer) else answer.ok is False
            if bad:
                yield playbook, f"{probe.label()}: {answer.describe()}"

    def _without_room(self, room: DiskSpaceState) -> list[FileSystem]:
        """Return the full ones among those that the application needs: a full /boot makes no page fail."""
        needed = {room.mount_of(each) for each in self.folders}
        return [each for each in dict.fromkeys((*room.full, *room.crowded)) if each.mount in needed]


def _well(facts: Facts, probe: Probe[Fact]) -> bool:
    """Whether users are well for certain: what cannot be asked is no reason not to look for causes."""
    try:
        return facts[probe].ok is True
    except Unreadable:
        return False
