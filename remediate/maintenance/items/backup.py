"""Database backup verify (8.2): restores the backup and compares it with the live database.

Without a restore the answer is never yes.
"""

from collections.abc import Iterator
from typing import Final

from typing_extensions import override

from remediate.core.host import Host
from remediate.core.monitoring import Backup
from remediate.core.playbook import Probes
from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.item import Elsewhere, Finding, Item, Sample, Seen
from remediate.maintenance.rows import Comparison, chosen, compared
from remediate.maintenance.schedule import Occasion
from remediate.probes.backup import RestoredBackup, RestoredState, RestoreState
from remediate.probes.rows import LiveRows, RowsState
from remediate.programs.restore import GRACE_SECONDS

_FUTURE_SECONDS: Final = 300
"""Seconds that two clocks may differ by."""
_ZONE_SECONDS: Final = 12 * 3600
"""Seconds that a dump's local time may be behind UTC. Its last line names no zone."""
_HALF: Final = 0.5
_MIB: Final = 1024 * 1024


class BackupVerify(Item):
    """Restores the newest backup on a non-production host, and compares it with the live database."""

    name = "backup"
    title = "Database backup verify"
    occasion = Occasion.WEEKLY
    owner = "DevOps"

    @override
    def probes(self, host: Host) -> Probes:
        _declared(host)
        return (_live(host),)

    @override
    def elsewhere(self, host: Host) -> Elsewhere:
        backup = _declared(host)
        return Elsewhere(_place(host, backup), (_restored(backup),), backup.seconds + 2 * GRACE_SECONDS)

    @override
    def judge(self, seen: Seen) -> Finding:
        backup = _declared(seen.host)
        if seen.elsewhere is None:
            return Finding(ok=None, summary=f"not restored: {seen.trouble or 'nobody was asked'}")
        restored = seen.elsewhere[_restored(backup)]
        place = _place(seen.host, backup)
        about = tuple(_about(restored, place))
        if restored.state is not RestoreState.RESTORED:
            summary = f"{restored.file or backup.files} on {place}: {restored.describe()}"
            return Finding(ok=restored.ok, summary=summary, evidence=about, advice=_advice(restored, backup, place))
        samples = _samples(restored)
        trend = tuple(_trend(seen, samples))
        old = _age(restored, backup, place)
        if old is not None:
            return old.model_copy(update={"evidence": (*about, *trend), "samples": samples})
        try:
            live = seen.facts[_live(seen.host)]
        except Unreadable as why:
            summary = f"restored in {restored.seconds:.1f} s, and compared with nothing: {why}"
            return Finding(ok=None, summary=summary, evidence=(*about, *trend), samples=samples)
        finding = _compared(restored, live, backup)
        return finding.model_copy(update={"evidence": (*about, *finding.evidence, *trend), "samples": samples})


def _declared(host: Host) -> Backup:
    if host.settings.backup is None:
        raise ConfigurationError("the inventory has no `backup`: where its files are, and where they are restored")
    return host.settings.backup


def _place(host: Host, backup: Backup) -> str:
    return backup.restore_on or host.name


def _live(host: Host) -> LiveRows:
    settings = host.settings
    if settings.app_path is None or settings.php is None:
        raise ConfigurationError("the inventory needs `app_path` and `php` to count the rows of the live database")
    return LiveRows(php=settings.php, path=settings.app_path, user=settings.app_user)


def _restored(backup: Backup) -> RestoredBackup:
    return RestoredBackup(files=backup.files, scratch=backup.scratch, seconds=backup.seconds, user=backup.user)


def _about(restored: RestoredState, place: str) -> Iterator[str]:
    if restored.file:
        yield f"{restored.file} on {place}, {_hours(restored.old)} old, {_size(restored.size)}"
    if restored.state is RestoreState.RESTORED:
        yield (
            f"restored into MariaDB {restored.server} in {restored.seconds:.1f} s, at the lowest priority: "
            f"{_size(restored.sql)} of SQL, {restored.count} tables"
        )
        if newest := max(((table.newest, table.name) for table in restored.tables if table.newest), default=None):
            yield f"its newest row is of {newest[0].replace('T', ' ')}, in {newest[1]}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.1f} days"


def _size(count: float) -> str:
    return f"{count / _MIB:.1f} MiB" if count >= _MIB / 10 else f"{count:.0f} bytes"


def _age(restored: RestoredState, backup: Backup, place: str) -> Finding | None:
    if restored.old < -_FUTURE_SECONDS:
        return Finding(
            ok=None, summary=f"its time is in the future by {_hours(-restored.old)}: nobody knows how old it is"
        )
    if restored.old <= backup.max_age_hours * 3600:
        return _age_inside(restored, backup, place)
    summary = f"it can be restored, and is {_hours(restored.old)} old; {backup.max_age_hours} h are allowed"
    advice = f"find out why no newer file matches {backup.files} on {place}"
    return Finding(ok=False, summary=summary, advice=(advice,))


def _age_inside(restored: RestoredState, backup: Backup, place: str) -> Finding | None:
    """Return a finding if a young file holds an old dump; otherwise None.

    The age of a copied file is the age of the copy, so the dump's own last line decides.
    """
    if restored.completed is None or restored.completed - _ZONE_SECONDS <= backup.max_age_hours * 3600:
        return None
    summary = (
        f"it can be restored, and is a young copy of an old dump: by its last line it was completed "
        f"{_hours(restored.completed)} ago; {backup.max_age_hours} h are allowed"
    )
    advice = f"find out what copies an old dump to {backup.files} on {place}, and why no newer one is made"
    return Finding(ok=False, summary=summary, advice=(advice,))


def _advice(restored: RestoredState, backup: Backup, place: str) -> tuple[str, ...]:
    match restored.state:
        case RestoreState.MISSING:
            return (f"see that backups arrive on {place}, and that the login may see them",)
        case RestoreState.NO_TOOL:
            return (f"install {restored.why} on {place} (Debian: mariadb-server-core, mariadb-client, unzip)",)
        case RestoreState.ROOT:
            return ("name a user for it (`backup.user`), or log in as one",)
        case RestoreState.NO_ROOM | RestoreState.NO_PLACE:
            return (f"make room below {backup.scratch} on {place}, or name another place (`backup.scratch`)",)
        case RestoreState.LATE:
            return (
                f"give it more than {backup.seconds} s (`backup.seconds`); ask whether a restore may take that long",
            )
        case _ if restored.ok is False:
            return ("make a new backup now, and look why this one is none: until then only older ones are left",)
        case _:
            return ()


def _compared(restored: RestoredState, live: RowsState, backup: Backup) -> Finding:
    took = f"restored in {restored.seconds:.1f} s"
    tables = chosen(restored, live)
    if tables is None:
        return Finding(ok=None, summary=f"{took}: several databases are in it, and none is called {live.database}")
    found = compared(tables, restored, live, backup)
    lines = tuple(difference.line for difference in found.differences)
    if any(difference.ok is False for difference in found.differences):
        wrong = sum(difference.ok is False for difference in found.differences)
        summary = f"{took}, and {wrong} of {len(live.tables)} tables are not as they are live"
        return Finding(ok=False, summary=summary, evidence=lines, advice=_of_difference(backup))
    left = live.more + restored.count - len(restored.tables)
    if found.differences or left:
        unknown = len(found.differences) + left
        return Finding(ok=None, summary=f"{took}; {unknown} tables could not be compared", evidence=lines)
    if found.rows == 0:
        return Finding(ok=None, summary=f"{took}: there are no rows to compare")
    said = f"{took}; {found.rows} rows in {found.compared} tables agree with the live ones"
    return Finding(ok=True, summary=said, evidence=(_agree(found, live, backup),))


def _agree(found: Comparison, live: RowsState, backup: Backup) -> str:
    rest = len(live.tables) - found.compared
    left = f"; of {rest} more the rows are not compared, by the inventory" if rest else ""
    return f"{found.compared} tables agree within {backup.tolerance_percent:g} % and what was written since{left}"


def _of_difference(backup: Backup) -> tuple[str, ...]:
    return (
        f"compare {backup.files} with the live database: rows that are missing in it are lost with the live ones",
        "name a table in `backup.volatile_tables` or `backup.left_out_tables` where that is meant to be so",
    )


def _samples(restored: RestoredState) -> tuple[Sample, ...]:
    return (
        Sample(name="restore", value=restored.seconds, unit="s"),
        Sample(name="size", value=restored.size, unit="bytes"),
        Sample(name="rows", value=sum(table.rows for table in restored.tables), unit="rows"),
    )


def _trend(seen: Seen, samples: tuple[Sample, ...]) -> Iterator[str]:
    for sample in samples:
        earlier = seen.past.samples.get(sample.name, ())
        if sample.name != "restore" and earlier and sample.value < earlier[-1].value * _HALF:
            before = f"{earlier[-1].value:.0f} of {earlier[-1].at:%Y-%m-%d}"
            yield f"LOOK: {sample.value:.0f} {sample.unit} are less than half of the {before}"
