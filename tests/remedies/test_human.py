"""Steps for a person are reported in their place, and never executed."""

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host, Links, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import Decision, Verdict, proceed
from remediate.errors import Unreadable
from remediate.probes.systemd import Unit
from remediate.remedies.catalogue import remedies
from remediate.remedies.human import HUMAN_STEP, HumanStep, HumanTask
from remediate.remedies.single import SingleRemedy
from remediate.testing import check_remedy
from support import examples as ex
from support.toys import decide

UNIT = Unit(name="nginx")


class CallThem(HumanStep):
    """Somebody has to call the provider."""

    kind: Literal["toy.call-them"] = "toy.call-them"
    unit: str = Field(default="nginx", description="systemd unit")

    def title(self) -> str:
        return "the provider"

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (UNIT,)

    def needed(self, facts: Facts) -> str | None:
        return None if facts[UNIT].healthy else "call the provider"


class Acts(CallThem):
    """It does it itself."""

    kind: Literal["toy.acts"] = "toy.acts"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run.of("/usr/bin/true", user=ROOT),)


class GoesOn(CallThem):
    """It does not wait for anybody."""

    kind: Literal["toy.goes-on"] = "toy.goes-on"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        return proceed("let us see")


def test_it_is_said_where_and_only_when_it_is_needed() -> None:
    step = CallThem(link="https://console.example.com/db")
    verdict = step.guard(Facts({UNIT: ex.FAILED}))
    assert (verdict.decision, verdict.code) == (Decision.REFUSE, HUMAN_STEP)
    assert verdict.reason == "call the provider: https://console.example.com/db"
    assert CallThem().guard(Facts({UNIT: ex.FAILED})).reason == "call the provider"
    assert decide(step, {UNIT: ex.RUNNING}) == "skip"
    assert decide(step, {UNIT: Unreadable("not now")}) == "unreadable"
    assert not HUMAN_STEP.overridable


def test_it_acts_on_nothing_and_changes_nothing() -> None:
    assert (CallThem().identity(), CallThem().changes(), CallThem().privileges()) == ((), (), ())


def test_the_contract_knows_a_persons_step() -> None:
    check_remedy(CallThem(), {UNIT: ex.FAILED}, {UNIT: ex.RUNNING}, others=[{UNIT: ex.MASKED}])
    with pytest.raises(AssertionError, match="changes nothing"):
        check_remedy(Acts(), {UNIT: ex.FAILED}, {UNIT: ex.RUNNING})
    with pytest.raises(AssertionError, match="does not ask for a person"):
        check_remedy(GoesOn(), {UNIT: ex.FAILED}, {UNIT: ex.RUNNING})
    with pytest.raises(AssertionError, match="does not skip"):
        check_remedy(CallThem(), {UNIT: ex.FAILED}, {UNIT: ex.MASKED})


def test_none_that_ships_has_a_task_of_its_own() -> None:
    assert not {HumanTask, HumanStep} & set(remedies().values())
    assert CallThem.is_human
    assert SingleRemedy(CallThem).name == "do.toy.call-them"


def test_links_stand_in_the_inventory() -> None:
    settings = Settings.model_validate({"links": {"database_console": "https://db.example.com/"}})
    assert str(settings.links.database_console) == "https://db.example.com/"
    assert Host(name="a", ssh=SshTarget(address="192.0.2.1")).settings.links == Links()
    for wrong in ({"console": "https://x.example/"}, {"forge": "javascript:x"}, {"forge": "https://a:b@x.example/"}):
        with pytest.raises(ValidationError):
            Settings.model_validate({"links": wrong})
