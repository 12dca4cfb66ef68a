"""Maintenance mode is left to people, and a deploy to itself: the whole truth table."""

from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.laravel import App, Deploy
from remediate.programs.run import run_artisan
from remediate.remedies.laravel import EndMaintenance
from support import examples as ex
from support.hosts import host_with

PATH = "/home/forge/agency-platform"
REMEDY = EndMaintenance(php="php8.2", path=PATH)
APP, DEPLOY = App(php="php8.2", path=PATH, user="forge"), Deploy(user="forge")
APPS: dict[str, Fact | Unreadable] = {"up": ex.APP, "down": ex.IN_MAINTENANCE, "unknown": Unreadable("not now")}
DEPLOYS: dict[str, Fact | Unreadable] = {
    "none": ex.NO_DEPLOY,
    "running": ex.DEPLOYING,
    "unknown": Unreadable("not now"),
}


def facts(app: Fact | Unreadable, deploy: Fact | Unreadable) -> dict[Probe[Fact], Fact | Unreadable]:
    return {APP: app, DEPLOY: deploy}


def decide(given: dict[Probe[Fact], Fact | Unreadable]) -> tuple[str, str | None]:
    try:
        verdict = REMEDY.guard(Facts(given))
    except Unreadable:
        return "unreadable", None
    return verdict.decision.value, verdict.code.name if verdict.code else None


@pytest.mark.parametrize(("app", "deploy"), list(product(APPS, DEPLOYS)))
def test_every_state(app: str, deploy: str) -> None:
    expected: tuple[str, str | None] = ("skip", None)
    if deploy == "running":
        expected = ("wait", "deploy-running")
    elif "unknown" in {app, deploy}:
        expected = ("unreadable", None)
    elif app == "down":
        expected = ("refuse", "maintenance-mode")
    assert decide(facts(APPS[app], DEPLOYS[deploy])) == expected


def test_it_never_acts_by_itself_and_a_deploy_cannot_be_overridden() -> None:
    assert [(code.name, code.overridable) for code in EndMaintenance.refusals] == [
        ("maintenance-mode", True),
        ("deploy-running", False),
    ]


def test_what_it_says() -> None:
    down = REMEDY.guard(Facts(facts(ex.IN_MAINTENANCE, ex.NO_DEPLOY)))
    assert down.reason == f"{PATH} is down for maintenance (artisan down): on purpose"
    deploy = REMEDY.guard(Facts(facts(ex.IN_MAINTENANCE, ex.DEPLOYING)))
    assert (deploy.decision, deploy.reason) == (Decision.WAIT, "a deploy is running: composer install --no-dev")


def test_what_it_does() -> None:
    (up,) = REMEDY.apply(Facts(facts(ex.IN_MAINTENANCE, ex.NO_DEPLOY)))
    assert up == run_artisan("php8.2", PATH, "up", user="forge", seconds=30)


def test_the_inventory_fills_it() -> None:
    host = host_with({"php": "php8.3", "app_path": "/srv/app", "app_user": "www"})
    assert EndMaintenance.on(host) == EndMaintenance(php="php8.3", path="/srv/app", user="www")


EXAMPLES = {
    "laravel.up": (
        REMEDY,
        facts(ex.IN_MAINTENANCE, ex.NO_DEPLOY),
        facts(ex.APP, ex.NO_DEPLOY),
        tuple(facts(app, deploy) for app, deploy in product(APPS.values(), DEPLOYS.values())),
    )
}
"""For the contract of every remedy: on what it may proceed, what proves it, and what else its guard must bear."""
