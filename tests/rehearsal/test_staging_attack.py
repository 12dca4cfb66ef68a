"""Attacks with real sudo on every generated rule: nothing runs as another user."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from remediate.commands.privileges import script_of, sudoers_of
from remediate.core.host import Host
from remediate.engine.fleet import select
from remediate.project.project import Project

if TYPE_CHECKING:
    from support.staged_host import Staged

pytestmark = pytest.mark.container

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
OLD = (HERE / "sudoers-0.1.txt").read_text()
"""The rules generated for the staging host up to 0.1, for a login that is the application's user."""


def attacked(staged: "Staged", login: str, rules: str) -> dict[str, Any]:
    """Attack these rules as this login; the host is of no use afterwards."""
    asked = json.dumps({"login": login, "rules": rules, "application": "forge"})
    program = f"cat >/root/attack.py <<'PY'\n{(HERE / 'attack.py').read_text()}PY\n"
    said = staged.sh(f"{program}python3 -I /root/attack.py <<'ASKED'\n{asked}\nASKED", timeout=900)
    staged.sh("rm -f /etc/machine-name; touch /etc/spoilt-by-the-attack")  # never restored: the next test boots anew
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def as_login(staged: "Staged", login: str) -> Host:
    """The staging host as another login would reach it; the user exists afterwards."""
    (host,) = select(staged.name, staged.inventory)
    staged.sh(f"id -u {login} >/dev/null 2>&1 || useradd -m -s /bin/sh {login}")
    return host.model_copy(update={"ssh": replace(host.ssh, user=login)})


@pytest.mark.parametrize("login", ["forge", "ops"])
def test_no_rule_runs_anything_but_what_it_says(staged: "Staged", login: str) -> None:
    host = as_login(staged, login)
    staged.sh(f"sh -s <<'SCRIPT'\n{script_of(host, Project(CHECKOUT))}SCRIPT")

    found = attacked(staged, login, sudoers_of(host, Project(CHECKOUT)))

    assert found["through"] == []
    assert found["rules"] >= 30
    assert found["made"] >= 30 * found["rules"]


@pytest.mark.parametrize("login", ["forge", "ops"])
def test_the_attack_finds_the_two_holes_of_the_old_file(staged: "Staged", login: str) -> None:
    as_login(staged, login)
    rules = "\n".join(line for line in OLD.splitlines() if "/mariadb " in line or "/supervisorctl " in line)
    rules = f"{rules}\n".replace("forge ALL", f"{login} ALL")
    staged.sh(f"rm -rf /opt/remediate; install -m 0440 /dev/stdin /etc/sudoers.d/remediate <<'RULES'\n{rules}RULES")

    found = attacked(staged, login, rules)

    assert {each["typed"][2] for each in found["through"] if each["as"] == ["root"]} >= {
        "/usr/bin/mariadb",
        "/usr/bin/supervisorctl",
    }
