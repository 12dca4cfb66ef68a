"""Causes that belong to another playbook, which is named in the refusal."""

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
from remediate.remedies.human import HumanTask

_SYSTEM: Final = ("/", "/var", "/var/lib/mysql")
"""Folders that need free disk space for any application to work."""
CODES = {name: RefusalCode(name=name, meaning=f"`fix.{name}` fixes the cause.") for name in sorted(HANDOVERS)}


def noticed(host: Host) -> tuple[Site | Workers, ...]:
    """Return the probes of what users notice: pages, health check and queue workers."""
    settings = host.settings
    pages = (*Site.of(host), *(Site.of(host, settings.health_path) if settings.health_path else ()))
    return (*pages, *((Workers(program=settings.worker_program),) if settings.worker_program else ()))


class HandOver(HumanTask):
    """Name the right playbook when something fails for another incident's cause.

    It comes after the remedies of its own playbook, so that their findings come first. It comes before remedies that
    would only start what that cause makes fail again. A cause that cannot be read is not attributed to any playbook.
    """

    kind: Literal["incident.hand-over"] = "incident.hand-over"
    subject = "other incidents"
    own: str = Field(description="the playbook that contains this step: causes that it fixes are not handed over")
    failing: tuple[Site | Workers | QueueMotion, ...] = Field(
        default=(), description="only while one of these is not well"
    )
    database: AppDatabase | None = Field(default=None, description="the database as the application asks it")
    redis: AppRedis | None = Field(default=None, description="Redis as the application asks it")
    units: tuple[Unit, ...] = Field(default=(), description="what serves the pages")
    database_unit: Unit | None = Field(default=None, description="the database's unit, when it is this host's own")
    redis_unit: Unit | None = Field(default=None, description="Redis's unit, when it is this host's own")
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
        # Their age shows what comes and goes every few seconds, though everything answers at this moment.
        if settings.database is not None and settings.database.unit is not None:
            given["database_unit"] = Unit(name=settings.database.unit)
        if settings.redis is not None and settings.redis.unit is not None:
            given["redis_unit"] = Unit(name=settings.redis.unit)
        if settings.php is not None and settings.app_path is not None:
            given["database"] = AppDatabase(php=settings.php, path=settings.app_path, user=settings.app_user)
            given["redis"] = AppRedis(php=settings.php, path=settings.app_path, user=settings.app_user)
        return given

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return tuple(dict.fromkeys((*self.failing, *(probe for _, probe in self._asked()))))

    @override
    def guard(self, facts: Facts) -> Verdict:
        if all(_well(facts, each) for each in self.failing):
            return skip(self._wellness(facts))
        for playbook, reason in self._causes(facts):
            return refuse(CODES[playbook], reason)
        return skip("no other incident's cause is seen")

    def _wellness(self, facts: Facts) -> str:
        """Describe what is well, naming only what was checked."""
        moving = [each for each in self.failing if isinstance(each, QueueMotion) and facts[each].looked_into]
        said = {
            "pages answer": any(isinstance(each, Site) for each in self.failing),
            "the queue moves": bool(moving),
            "workers run": not moving and any(isinstance(each, Workers) for each in self.failing),
        }
        return ", ".join(text for text, looked in said.items() if looked) or "nothing fails"

    def _asked(self) -> Iterator[tuple[str, Probe[Fact]]]:
        """Yield the probes of other incidents; those that explain the others come first."""
        pages = tuple(each for each in self.failing if isinstance(each, Site))
        asked: dict[str, tuple[Probe[Fact], ...]] = {
            "high-load": (self.room,),
            "app-down": self.units,
            "certificate-expiry": pages,
            "database-down": tuple(each for each in (self.database, self.database_unit) if each is not None),
            "cache-down": tuple(each for each in (self.redis, self.redis_unit) if each is not None),
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
            # A page may fail for any reason; only a certificate error is visible in the answer itself.
            bad = answer.failure is HttpFailure.CERTIFICATE if isinstance(answer, HttpAnswer) else answer.ok is False
            if bad:
                yield playbook, f"{probe.label()}: {answer.describe()}"

    def _without_room(self, room: DiskSpaceState) -> list[FileSystem]:
        """Return the full disks that the application needs. A full /boot makes no page fail."""
        needed = {room.mount_of(each) for each in self.folders}
        return [each for each in dict.fromkeys((*room.full, *room.crowded)) if each.mount in needed]


def _well(facts: Facts, probe: Probe[Fact]) -> bool:
    """Return whether this is certainly well.

    An unreadable answer counts as no, so that causes are looked for.
    """
    try:
        return facts[probe].ok is True
    except Unreadable:
        return False
