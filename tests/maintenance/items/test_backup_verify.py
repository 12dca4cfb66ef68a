"""Judgement of a backup: a yes needs a restore and a comparison."""

from datetime import UTC, datetime, timedelta

import pytest

from remediate.core.facts import Facts
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.monitoring import Backup
from remediate.core.probe import Fact, Probe
from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.item import Finding, Past, Point, Seen
from remediate.maintenance.items.backup import BackupVerify
from remediate.probes.backup import RestoredBackup, RestoredState, RestoredTable, RestoreState
from remediate.probes.rows import LiveRows, RowsState, TableRows

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
APP = "/home/forge/agency-platform"
HOST = Host(
    name="web1",
    ssh=SshTarget(address="192.0.2.1"),
    settings=Settings(app_path=APP, php="php8.3", backup=Backup(restore_on="restore1", files="/b/*")),
)
LIVE = LiveRows(php="php8.3", path=APP, user="forge")
RESTORE = RestoredBackup(files="/b/*")
VISITS = TableRows(name="visits", rows=2000, young=None, age=None)
ROWS = RowsState(database="agency", tables=(VISITS,))
GOOD = RestoredState(
    state=RestoreState.RESTORED,
    file="/b/a.sql.gz",
    old=3600,
    size=4711,
    sql=5_000_000,
    server="10.11.19-MariaDB",
    seconds=12.3,
    count=1,
    tables=(RestoredTable(database="agency", name="visits", rows=2000, newest="2026-11-23T08:00:00"),),
)


def judged(
    restored: RestoredState | Unreadable | None = GOOD, rows: Fact | Unreadable = ROWS, *, past: Past | None = None
) -> Finding:
    elsewhere: dict[Probe[Fact], Fact | Unreadable] = {} if restored is None else {RESTORE: restored}
    seen = Seen(
        host=HOST,
        facts=Facts({LIVE: rows}),
        now=NOW,
        past=past or Past(),
        elsewhere=None if restored is None else Facts(elsewhere),
        trouble="restore1: refused",
    )
    return BackupVerify().judge(seen)


def changed(**values: object) -> RestoredState:
    return GOOD.model_copy(update=values)


def test_one_that_was_restored_and_agrees() -> None:
    found = judged()
    assert (found.ok, found.advice) == (True, ())
    assert found.summary == "restored in 12.3 s; 2000 rows in 1 tables agree with the live ones"
    assert found.evidence[0] == "/b/a.sql.gz on restore1, 1.0 h old, 4711 bytes"
    assert "its newest row is of 2026-11-23 08:00:00, in visits" in found.evidence
    assert {sample.name: sample.value for sample in found.samples} == {"restore": 12.3, "size": 4711, "rows": 2000}


@pytest.mark.parametrize("state", [state for state in RestoreState if state is not RestoreState.RESTORED])
def test_what_was_not_restored_is_never_a_yes(state: RestoreState) -> None:
    found = judged(changed(state=state, why="why"))
    assert found.ok is changed(state=state).ok is not True
    assert found.samples == ()
    assert "why" in found.summary
    assert found.ok is None or found.advice


@pytest.mark.parametrize(("hours", "ok"), [(26, True), (26.1, False), (900, False), (-0.05, True), (-1, None)])
def test_how_old_it_may_be(hours: float, ok: bool | None) -> None:
    assert judged(changed(old=int(hours * 3600))).ok is ok


@pytest.mark.parametrize(("hours", "ok"), [(-12, True), (26, True), (38, True), (38.1, False), (900, False)])
def test_a_young_copy_of_an_old_dump_is_old(hours: float, ok: bool) -> None:
    """In UTC; the clock that the dump's last line is of may be twelve hours behind."""
    found = judged(changed(completed=int(hours * 3600)))
    assert found.ok is ok
    assert ("a young copy of an old dump" in found.summary) is not ok


def test_a_difference_is_a_no_and_said() -> None:
    found = judged(rows=RowsState(database="agency", tables=(VISITS.model_copy(update={"rows": 4000}),)))
    assert (found.ok, bool(found.advice)) == (False, True)
    assert "visits has 2000 rows, live 4000" in found.evidence
    assert found.samples


@pytest.mark.parametrize(
    ("restored", "rows"),
    [
        (GOOD, Unreadable("the database does not answer")),
        (GOOD, RowsState(database="agency", tables=())),
        (GOOD, RowsState(database="agency", tables=(VISITS,), more=1)),
        (GOOD, RowsState(database="agency", tables=(VISITS.model_copy(update={"rows": None}),))),
        (changed(count=2), ROWS),
        (changed(count=0, tables=()), RowsState(database="agency", tables=())),
        (
            changed(tables=(GOOD.tables[0].model_copy(update={"rows": 0}),)),
            RowsState(database="agency", tables=(VISITS.model_copy(update={"rows": 0}),)),
        ),
        (None, ROWS),
        (changed(count=2, tables=tuple(GOOD.tables[0].model_copy(update={"database": name}) for name in "ab")), ROWS),
    ],
)
def test_what_could_not_be_compared_is_not_known(restored: RestoredState | None, rows: Fact | Unreadable) -> None:
    assert judged(restored, rows).ok is None


def test_a_restore_that_cannot_be_read_escapes() -> None:
    with pytest.raises(Unreadable, match="no answer"):
        judged(Unreadable("no answer"))


def test_one_that_shrank_by_half_is_worth_a_line() -> None:
    before = (Point(NOW - timedelta(days=14), 1), Point(NOW - timedelta(days=7), 10_000))
    found = judged(past=Past(samples={"size": before, "restore": before, "rows": before}))
    lines = [line for line in found.evidence if line.startswith("LOOK")]
    assert lines == [
        "LOOK: 4711 bytes are less than half of the 10000 of 2026-11-16",
        "LOOK: 2000 rows are less than half of the 10000 of 2026-11-16",
    ]
    assert found.ok is True


def test_where_it_is_restored() -> None:
    item = BackupVerify()
    wanted = item.elsewhere(HOST)
    assert (wanted.host, wanted.probes) == ("restore1", (RESTORE,))
    assert wanted.seconds > RESTORE.command().seconds
    backup = Backup(files="/b/*")
    alone = HOST.model_copy(update={"settings": HOST.settings.model_copy(update={"backup": backup})})
    assert item.elsewhere(alone).host == "web1"
    assert item.privileges(HOST) == (LIVE.command(),)


@pytest.mark.parametrize("lacking", ["backup", "app_path", "php"])
def test_what_the_inventory_has_to_say(lacking: str) -> None:
    host = HOST.model_copy(update={"settings": HOST.settings.model_copy(update={lacking: None})})
    with pytest.raises(ConfigurationError, match=lacking):
        BackupVerify().probes(host)
