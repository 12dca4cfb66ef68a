"""Compares the tables of a restored backup with the live ones, as pure functions."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from remediate.core.monitoring import Backup
from remediate.probes.backup import RestoredState, RestoredTable
from remediate.probes.rows import RowsState, TableRows

_SLACK: Final = 3
"""Rows that may differ in any table. One row of a small table is many percent.

It does not excuse the loss of most of a table.
"""
_MOST: Final = 0.5
_DUMPING_HOURS: Final = 1
"""Hours that a dump may take.

Rows written meanwhile are not in it, while its file is as old as its end: mysqldump(1) with --single-transaction shows
the state of its beginning.
"""


class Difference(NamedTuple):
    """One table that differs."""

    ok: bool | None
    """False for a real difference; None if that cannot be told."""
    line: str


class Comparison(NamedTuple):
    """The result of a comparison."""

    compared: int
    """Tables whose rows were compared."""
    rows: int
    """Rows in them, in the backup."""
    differences: tuple[Difference, ...]


def chosen(restored: RestoredState, live: RowsState) -> tuple[RestoredTable, ...] | None:
    """Return the tables of the live database's name, or of the backup's only database.

    None if there are several databases and none has that name.
    """
    names = {table.database for table in restored.tables}
    if live.database not in names and len(names) > 1:
        return None
    wanted = live.database if live.database in names else next(iter(names), "")
    return tuple(table for table in restored.tables if table.database == wanted)


def compared(tables: Sequence[RestoredTable], restored: RestoredState, live: RowsState, backup: Backup) -> Comparison:
    """Compare the tables of a backup with the live ones."""
    found = {table.name: table for table in tables}
    meant = [table for table in live.tables if table.name not in backup.left_out_tables]
    volatile = set(backup.volatile_tables)
    both = [table for table in meant if table.name in found and table.name not in volatile and table.rows is not None]
    differences = tuple(_differences(meant, found, restored, backup))
    return Comparison(len(both), sum(found[table.name].rows for table in both), differences)


def _differences(
    meant: Sequence[TableRows], found: dict[str, RestoredTable], restored: RestoredState, backup: Backup
) -> Iterator[Difference]:
    for table in meant:
        if table.name not in found:
            yield _missing(table, restored)
        elif table.name not in backup.volatile_tables:
            difference = _rows(table, found[table.name].rows, restored.old / 3600 + _DUMPING_HOURS, backup)
            if difference is not None:
                yield difference


def _missing(table: TableRows, restored: RestoredState) -> Difference:
    if restored.count > len(restored.tables):
        return Difference(None, f"{table.name} is not among the tables that there was room to tell about")
    if table.age is not None and table.age < restored.old + _DUMPING_HOURS * 3600:
        # InnoDB also gives a rebuilt table (ALTER TABLE) a new creation time.
        return Difference(None, f"{table.name} is missing, and was created or rebuilt since")
    return Difference(False, f"{table.name} is missing")


def _rows(table: TableRows, restored: int, hours: float, backup: Backup) -> Difference | None:
    if table.rows is None:
        return Difference(None, f"{table.name} could not be counted in time where it is live")
    written = min(table.written_within(hours) or 0, table.rows)
    said = f"{table.name} has {restored} rows, live {table.rows}"
    since = f", {written} of them perhaps written since" if written else ""
    percent = table.rows * backup.tolerance_percent / 100
    slack = max(_SLACK, percent)
    least = slack if restored >= table.rows * _MOST else percent
    lost = table.rows - restored
    if lost - written > least or (restored == 0 and table.rows > written):
        return Difference(False, f"{said}{since}")
    if lost > slack and restored < table.rows * _MOST:
        # Rows written since the backup excuse a gap, but do not prove that the backup had the others.
        return Difference(None, f"{said}{since}: too many of them to tell")
    if restored - table.rows > slack:
        return Difference(False, f"{said}: deleted since, or another database")
    return None
