"""A plan on a real host: approved with a signature, run once, and refused when the host has moved."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.approving import Team
from support.outcomes import problem

if TYPE_CHECKING:
    from support.command_line import Cli, Ended
    from support.staged_host import Staged

pytestmark = pytest.mark.container


class Shop:
    """A project of its own, whose plans bob may approve."""

    def __init__(self, cli: "Cli", staged: "Staged", root: Path) -> None:
        self.cli = cli
        self.team = Team(root, "bob")
        self.target = ("--host", staged.name, "--inventory", str(staged.inventory))

    def __call__(self, name: str, *flags: str) -> "Ended":
        return self.cli("remediate", name, *flags, cwd=self.team.root)

    def plan(self, *flags: str) -> str:
        """Return the hash of a plan to fix app-down."""
        whole = self("check.app-down", *self.target, "--json", *flags).report.plan_hash
        assert whole is not None
        return whole

    def approve(self, whole: str) -> "Ended":
        return self("approve", whole[:12], "--yes", "--key", str(self.team.key("bob")))

    def fix(self, whole: str, *flags: str) -> "Ended":
        return self("fix.app-down", *self.target, "--json", "--hold", "3", "--approved", whole, *flags)


@pytest.fixture
def shop(cli: "Cli", staged: "Staged", tmp_path: Path) -> Shop:
    return Shop(cli, staged, tmp_path / "shop")


def test_the_plan_approved_is_the_plan_that_runs(shop: Shop, staged: "Staged") -> None:
    declared = shop("incident.declare", "--title", "the site is down", "--severity", "2", "--json")
    incident = json.loads(declared.out)["incident"]["id"]
    staged.spoil("php-fpm-stopped")
    told = shop("check.app-down", *shop.target, "--incident", incident)
    whole = shop.plan("--incident", incident)
    assert whole == shop.plan("--incident", incident)  # Seconds have passed, and nothing that matters has moved.
    assert f"plan {whole[:12]}, for 15 minutes: remediate approve {whole[:12]}" in told.out
    assert f"--approved {whole[:12]}" in told.out

    early = shop.fix(whole, "--incident", incident)
    assert early.refused("not-approved").touched.value == "no"
    approved = shop.approve(whole)
    assert approved.code == 0, approved.err
    assert "is approved by bob (ED25519 key SHA256:" in approved.out

    ended = shop.fix(whole, "--incident", incident)
    ended.is_("fixed", 0, touched="yes")
    assert (ended.report.plan_hash, ended.report.approved_by) == (whole, ("bob",))
    staged.serves()
    timeline = shop("incident.timeline", "--incident", incident).out
    assert f"plan {whole[:12]} approved: app-down on {staged.name}   bob" in timeline

    staged.spoil("php-fpm-stopped")
    shop.fix(whole).refused("not-approved")  # It was used.


def test_a_host_that_has_moved_since_refuses_and_says_what(shop: Shop, staged: "Staged") -> None:
    staged.spoil("php-fpm-stopped")
    whole = shop.plan()
    assert shop.approve(whole).code == 0
    staged.sh("systemctl start php8.2-fpm && systemctl stop php8.2-fpm")
    ended = shop.fix(whole)
    host = ended.refused("plan-moved")
    assert f"{staged.name}: php8.2-fpm (systemd.unit)" in problem(host).message
    assert "make a new plan and have it approved: remediate check.app-down" in " ".join(ended.err.split())
    assert staged.outside() == 502
