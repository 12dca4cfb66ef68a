"""Rendering of host output about restores and row counts."""

import json
from datetime import UTC, datetime

from remediate.core.command import Output
from remediate.core.probe import Fact
from remediate.probes.backup import RestoredState, RestoreState
from remediate.probes.php import MARKER
from remediate.probes.rows import RowsState

_NOW = 1795458019


def of_backup(fact: Fact) -> Output | None:
    """Render a fact of these probes; return None for any other."""
    match fact:
        case RestoredState():
            return Output(stdout="".join(f"{line}\n" for line in _restored(fact)))
        case RowsState():
            tables = [[table.name, table.rows, table.young, table.age] for table in fact.tables]
            answer = {"driver": "mysql", "database": fact.database, "tables": tables, "more": fact.more}
            return Output(stdout=f"\n{MARKER}{json.dumps(answer)}\n")
        case _:
            return None


def _restored(fact: RestoredState) -> list[str]:
    lines = [f"file {_NOW} {_NOW - fact.old} {fact.size} {fact.file}", f"sql {fact.sql}"] if fact.file else []
    if fact.completed is not None:
        lines.append(f"completed {datetime.fromtimestamp(_NOW - fact.completed, UTC):%Y-%m-%d %H:%M:%S}")
    lines += [f"server {fact.server}"] if fact.server else []
    if fact.state is RestoreState.RESTORED:
        lines += [f"took {fact.seconds:.1f}", f"tables {fact.count}"]
        lines += [f"table {json.dumps([each.database, each.name, each.rows, each.newest])}" for each in fact.tables]
    return [*lines, f"state {fact.state.value} {fact.why}".rstrip()]
