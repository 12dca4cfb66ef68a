"""A database that comes and goes every few seconds: nobody may call its host fixed or healthy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from remediate.engine.fleet import select
from remediate.project.project import Project
from remediate.rehearsal.faults import UnitFlapping
from remediate.triage.triage import triage
from support.outcomes import code
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
    ("command", "looks", "onward"),
    [
        (("check.app-down",), LOOKS, ("check.app-down", "fix.database-down", "triage")),
        (("fix.app-down", "--yes"), LOOKS, ("check.app-down", "fix.database-down", "triage")),
        # While it is starting, nobody can tell a loop from a recovery: then its log is the next step. Before it has its
        # grants it answers that nobody is allowed in, which is another host's cause as far as a page can tell.
        (("fix.database-down", "--yes"), 1, ("check.database-down", "triage")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_it_is_never_called_fixed_or_healthy(
    flapping: "Staged", cli: "Cli", command: tuple[str, ...], looks: int, onward: tuple[str, ...]
) -> None:
    target = ("--host", flapping.name, "--inventory", str(flapping.inventory), "--json")
    for _ in range(looks):
        ended = cli("invoke", *command, *target)
        host = ended.is_("refused", 3)
        (_, said) = " ".join(ended.err.split()).rsplit("next: ", 1)
        if code(host) not in {"database-silent", "database-elsewhere"}:
            assert any(f"invoke {each} --host {flapping.name} " in said for each in onward), ended.err


def test_triage_names_the_database(flapping: "Staged") -> None:
    # The first time that it dies may fall between two questions of a look, and is no loop yet.
    flapping.sh(f"until [ $(systemctl show -P NRestarts {FAULT.unit}) -ge 2 ]; do sleep 0.2; done")
    (host,) = select(flapping.name, flapping.inventory)
    for _ in range(LOOKS):
        (seen,) = triage((host,), Project(CHECKOUT).usable()[0]).hosts
        assert (seen.exit_code, seen.incidents[0].playbook) == (10, "database-down"), seen.matching


ANOTHER = """
systemctl stop mariadb
cat > /run/hangs-up.py <<'EOF'
from socket import create_server
with create_server(("127.0.0.1", 3306)) as server:
    while True:
        server.accept()[0].close()
EOF
setsid -f python3 /run/hangs-up.py </dev/null >/dev/null 2>&1
until ss -ltnH 'sport = 3306' | grep -q .; do sleep 0.1; done
"""
"""Somebody else has the database's port, takes every connection and hangs up."""


def test_a_port_on_which_somebody_else_hangs_up(staged: "Staged", cli: "Cli") -> None:
    staged.sh(ANOTHER)
    target = ("--host", staged.name, "--inventory", str(staged.inventory), "--json")
    looked = cli("invoke", "check.app-down", *target)
    looked.is_("refused", 3)
    assert f"next: invoke fix.database-down --host {staged.name} " in " ".join(looked.err.split())
    ended = cli("invoke", "fix.database-down", *target, "--yes")
    ended.is_("not_fixed", 5, touched="yes")
    assert "Do you already have another server running on port: 3306 ?" in " ".join(ended.err.split())
