"""Truth table of the comparison of a backup's table with the live one."""

import pytest

from remediate.core.monitoring import Backup
from remediate.maintenance.rows import chosen, compared
from remediate.probes.backup import RestoredState, RestoredTable, RestoreState
from remediate.probes.rows import AGES, RowsState, TableRows

HOUR = 3600
BACKUP = Backup(files="/b/*", volatile_tables=("jobs",), left_out_tables=("audits",))


def restored(*tables: tuple[str, int], database: str = "agency", old: int = HOUR, more: int = 0) -> RestoredState:
    found = tuple(RestoredTable(database=database, name=name, rows=rows, newest=None) for name, rows in tables)
    return RestoredState(
        state=RestoreState.RESTORED, file="/b/a.sql", old=old, count=len(found) + more, tables=found, seconds=1
    )


def table(rows: int | None, young: int | None = None, *, name: str = "visits", age: int | None = 10**7) -> TableRows:
    counts = None if young is None else tuple(young if hours >= 2 else 0 for hours in AGES)
    return TableRows(name=name, rows=rows, young=counts, age=age)


def live(*tables: TableRows) -> RowsState:
    return RowsState(database="agency", tables=tables)


def answer(backup: RestoredState, *tables: TableRows) -> bool | None:
    """The worst of the differences; True without one."""
    found = [each.ok for each in compared(backup.tables, backup, live(*tables), BACKUP).differences]
    return False if False in found else None if found else True


@pytest.mark.parametrize(
    ("rows", "now", "young", "ok"),
    [
        (2000, 2000, None, True),
        (0, 0, None, True),
        (3, 4, None, True),
        (2, 4, None, True),
        (1, 4, None, False),
        (1, 4, 3, True),
        (0, 1, None, False),
        (0, 4, None, False),
        (4, 8, None, False),
        (96, 100, None, True),
        (95, 100, None, True),
        (94, 100, None, False),
        (1000, 2000, None, False),
        (1000, 2000, 100, False),
        (1000, 2000, 990, True),
        (999, 2000, 1000, None),
        (0, 2000, 1999, False),
        (0, 2000, 2000, None),
        (0, 3, 3, True),
        (100, 2000, 1900, None),
        (2000, 1990, None, True),
        (2000, 1000, None, False),
        (2000, 0, None, False),
        (3, 0, None, True),
        (5, None, None, None),
    ],
)
def test_the_rows_of_one_table(rows: int, now: int | None, young: int | None, ok: bool | None) -> None:
    assert answer(restored(("visits", rows)), table(now, young)) is ok


def test_only_rows_younger_than_the_backup_excuse_a_gap() -> None:
    gap = table(2000, 500)
    assert answer(restored(("visits", 1500), old=HOUR - 1), gap) is True
    # Counted are those of the last two hours; a backup of this minute was begun less than one ago.
    assert answer(restored(("visits", 1500), old=0), gap) is False
    # Older than every age that is counted by: then nothing is known to be younger.
    assert answer(restored(("visits", 1500), old=300 * HOUR), gap) is False


@pytest.mark.parametrize(
    ("age", "ok"), [(None, False), (10**7, False), (3 * HOUR, False), (HOUR, None), (2 * HOUR - 1, None)]
)
def test_a_missing_table_is_excused_by_its_youth_only_and_never_taken_for_well(
    age: int | None, ok: bool | None
) -> None:
    assert answer(restored(("visits", 5)), table(5), table(9, name="orders", age=age)) is ok


def test_a_table_that_was_not_told_about_is_not_called_missing() -> None:
    assert answer(restored(("visits", 5), more=1), table(5), table(9, name="orders")) is None


def test_tables_that_come_and_go_have_to_be_there_and_those_left_out_need_not() -> None:
    assert answer(restored(("visits", 5), ("jobs", 900)), table(5), table(0, name="jobs")) is True
    assert answer(restored(("visits", 5)), table(5), table(0, name="jobs")) is False
    assert answer(restored(("visits", 5)), table(5), table(70, name="audits")) is True


def test_what_is_counted_as_compared() -> None:
    backup = restored(("visits", 5), ("jobs", 900), ("old", 7))
    found = compared(backup.tables, backup, live(table(5), table(0, name="jobs"), table(1, name="audits")), BACKUP)
    assert (found.compared, found.rows, found.differences) == (1, 5, ())


def test_the_database_that_is_meant() -> None:
    own, other = restored(("visits", 5)), restored(("visits", 9), database="crm")
    both = own.model_copy(update={"tables": own.tables + other.tables})
    neither = other.model_copy(update={"tables": other.tables + restored(("x", 1), database="hr").tables})
    assert chosen(own, live()) == own.tables
    assert chosen(other, live()) == other.tables
    assert chosen(both, live()) == own.tables
    assert chosen(neither, live()) is None
    assert chosen(restored(), live()) == ()
