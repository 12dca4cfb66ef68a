"""A database that comes and goes every few seconds: nobody may call its host fixed or healthy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from remediate.engine.fleet import select
from remediate.project.project import Project
from remediate.rehearsal.faults import UnitFlapping
from remediate.triage.triage import triage
from support.staged_host import CHECKOUT

if TYPE_CHECKING:
    from support.command_line import Cli
    from support.staged_host import Staged

pytestmark = pytest.mark.container

LOOKS: Final = 3
"""Each look falls into another moment between two ends of the database."""
FAULT: Final = UnitFlapping(unit="mariadb", lives=5, again=2)


@pytest.fixture
def flapping(staged: "Staged") -> Iterator["Staged"]:
    """The staging host, with a database in a restart loop."""
    try:
        FAULT.inject(staged.host)
        yield staged
    finally:
        FAULT.undo(staged.host)


@pytest.mark.parametrize(
    ("command", "looks", "codes"),
    [
        (("check.app-down",), LOOKS, {"unstable", "database-down"}),
        (("fix.app-down", "--yes"), LOOKS, {"unstable", "database-down"}),
        (("fix.database-down", "--yes"), 1, {"unstable"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_it_is_never_called_fixed_or_healthy(
    flapping: "Staged", cli: "Cli", command: tuple[str, ...], looks: int, codes: set[str]
) -> None:
    target = ("--host", flapping.name, "--inventory", str(flapping.inventory), "--json")
    for _ in range(looks):
        ended = cli("invoke", *command, *target)
        host = ended.is_("refused", 3)
        assert host.error is not None
        assert host.error.code in codes, ended.err
        (_, said) = ended.err.rsplit("next: ", 1)
        onward = {"unstable": command[0].replace("fix.", "check."), "database-down": "fix.database-down"}
        assert f"invoke {onward[host.error.code]} --host {flapping.name}" in " ".join(said.split()), ended.err
    assert flapping.unit("mariadb", "NRestarts") != "0"


def test_triage_names_the_database(flapping: "Staged") -> None:
    (host,) = select(flapping.name, flapping.inventory)
    for _ in range(LOOKS):
        (seen,) = triage((host,), Project(CHECKOUT).usable()[0]).hosts
        assert (seen.exit_code, seen.incidents[0].playbook) == (10, "database-down"), seen.matching
