"""Triage on a real host: every declared fault has its incident first."""

from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from remediate.commands.docs.example import EXAMPLE
from remediate.core.host import Host
from remediate.core.verdict import HANDED_OVER
from remediate.engine.fleet import select
from remediate.project.project import Project
from remediate.rehearsal.case import Case, Expected
from remediate.triage.triage import triage
from support.soak import times

if TYPE_CHECKING:
    from support.staged_host import Staged

pytestmark = [pytest.mark.container, pytest.mark.soak]

PROJECT: Final = Project(Path(__file__).parents[2])


def declared(name: str, host: Host) -> dict[str, Case]:
    """The cases of a playbook that are an incident, by name."""
    cases = PROJECT.load(name).cases(host)
    return {case.name: case for case in cases if case.expected in {Expected.FIXED, Expected.REFUSED}}


def chosen() -> list[tuple[str, str]]:
    """Of each playbook one case that is mended and one that is refused; all of them in `make soak`."""
    found = []
    for name in PROJECT.playbooks():
        cases = sorted(declared(name, EXAMPLE).values(), key=lambda case: case.expected.value)
        for _, alike in groupby(cases, key=lambda case: case.expected):
            found += [(name, case.name) for case in list(alike)[: times(ci=1, soak=100)]]
    return found


@pytest.mark.parametrize(("playbook", "name"), chosen())
def test_the_right_incident_is_named_first(staged: "Staged", playbook: str, name: str) -> None:
    (host,) = select(staged.name, staged.inventory)
    case = declared(playbook, host)[name]
    right = HANDED_OVER.get(case.code or "", playbook)
    with ExitStack() as undo:
        undo.callback(case.fault.undo, staged.host)
        case.fault.inject(staged.host)
        report = triage((host,), PROJECT.usable()[0])
    (seen,) = report.hosts
    assert seen.matching, seen
    assert seen.incidents[0].playbook == right, [(each.playbook, each.causes) for each in seen.matching]


def test_a_fault_that_is_undone_leaves_no_worker_behind(staged: "Staged") -> None:
    """Workers that outlive supervisor would take the jobs of the next fault, which nobody would see then."""
    fault = staged.faults["supervisor-killed"]
    try:
        fault.inject(staged.host)
    finally:
        fault.undo(staged.host)
    staged.wait_for("active", unit="supervisor")
    staged.sh("until [ $(supervisorctl status | grep -c RUNNING) = 2 ]; do sleep 0.2; done")
    assert staged.sh("pgrep -u forge -fc 'artisan queue:work'").strip() == "2"
