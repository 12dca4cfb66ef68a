"""The result of restarting a unit: proven, not yet, or failed for good."""

import pytest

from remediate.core.command import Output
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven, Verification
from remediate.probes.network import PortOwner
from remediate.probes.redis import AppRedis
from remediate.probes.systemd import Unit, UnitState
from remediate.remedies.redis import RestartRedis
from support import cache_examples as exr
from support import examples as ex

PATH = "/home/forge/agency-platform"
REMEDY = RestartRedis(unit="redis-server", php="php8.2", path=PATH)
UNIT = Unit(name="redis-server")
AGAIN = ex.FAILED.model_copy(update={"sub": "auto-restart", "active": "activating"})


def seen(unit: UnitState) -> Facts:
    app = AppRedis(php="php8.2", path=PATH, user="forge")
    answers: dict[Probe[Fact], Fact] = {UNIT: unit, PortOwner(port=6379): ex.NOBODY, app: exr.redis(None)}
    return Facts(answers, {UNIT: Output(stdout=unit.model_dump_json(), stderr="", exit=0)})


@pytest.mark.parametrize(
    ("before", "after", "verification"),
    [
        (ex.STOPPED, ex.RUNNING, Proven),
        (ex.STOPPED, ex.FAILED, Failed),  # nothing starts it again, so waiting does not help
        (ex.FAILED, ex.FAILED.model_copy(update={"invocation": "f" * 32}), Failed),
        (ex.FAILED, ex.FAILED, NotYet),  # the same failure as before says nothing about this start
        (ex.STOPPED, AGAIN, NotYet),
        (ex.STOPPED, ex.FAILED.model_copy(update={"job": 12}), NotYet),
        (ex.STOPPED, ex.STARTING, NotYet),
    ],
)
def test_a_start_that_systemd_gave_up_is_not_waited_for(
    before: UnitState, after: UnitState, verification: type[Verification]
) -> None:
    assert isinstance(REMEDY.verify(seen(before), seen(after)), verification)
