"""Every remedy keeps the contract, and so does a good one."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.remedy import Step
from remediate.core.verdict import (
    CONFIG_BROKEN,
    START_LIMIT_HIT,
    Decision,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
    skip,
)
from remediate.probes.systemd import Unit
from remediate.remedies.catalogue import remedies
from remediate.testing import check_remedy
from support.contract_remedies import BROKEN, CONFIG, HEALED, OTHERS, UNIT, Restart
from support.examples import (
    BROKEN_CONFIG,
    FAILED,
    RUNNING,
    SOUND,
    UNCHECKED,
)
from support.remedy_examples import EXAMPLES
from support.render import surveyed


@pytest.mark.parametrize("kind", sorted(remedies()))
def test_every_remedy_that_ships_keeps_the_contract(kind: str) -> None:
    if kind not in EXAMPLES:
        pytest.fail(f"{kind} has no EXAMPLES in tests/remedies/")
    example = EXAMPLES[kind]
    assert type(example.remedy) is remedies()[kind]
    check_remedy(example.remedy, example.broken, example.healed, others=example.others)


def test_no_example_is_left_of_a_remedy_that_is_gone() -> None:
    assert set(EXAMPLES) <= set(remedies())


def test_a_good_remedy_passes() -> None:
    check_remedy(Restart(), BROKEN, HEALED, others=[{UNIT: FAILED, CONFIG: BROKEN_CONFIG}])


def test_facts_of_a_real_survey_may_be_given() -> None:
    check_remedy(Restart(), surveyed({UNIT: FAILED, CONFIG: SOUND}), surveyed(dict(HEALED)))


class Gentle(Restart):
    """It ends the application's own processes first, by ids that only the facts tell."""

    kind: Literal["contract.gentle"] = "contract.gentle"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        pid = str(facts[Unit(name=self.unit)].main_pid)
        yield Run.of("/bin/sh", "-c", 'kill "$1"', "sh", pid, user="forge")
        yield Run.of("echo", pid)
        yield from self.changes()


def test_commands_of_other_users_may_have_live_arguments() -> None:
    check_remedy(Gentle(), BROKEN, HEALED, others=OTHERS)


class OverrideLast(Restart):
    """Asks last for what may be overridden."""

    kind: Literal["contract.override-last"] = "contract.override-last"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN, START_LIMIT_HIT)

    def guard(self, facts: Facts) -> Verdict:
        verdict = super().guard(facts)
        limited = facts[Unit(name=self.unit)].result == "start-limit-hit"
        return refuse(START_LIMIT_HIT, "too often") if limited and verdict.decision is Decision.PROCEED else verdict


def test_an_overridable_refusal_that_comes_last_passes() -> None:
    check_remedy(OverrideLast(), BROKEN, HEALED, others=OTHERS)


class IgnoresJob(Restart):
    """Its proof does not depend on the unit."""

    kind: Literal["contract.ignores"] = "contract.ignores"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        return proceed("unit") if facts[UNIT].healthy and facts[CONFIG].ok else skip("fine")


def test_an_example_without_an_answer_is_named() -> None:
    with pytest.raises(AssertionError, match="the healed facts state nothing for NginxConfig"):
        check_remedy(Restart(), BROKEN, {UNIT: RUNNING})


def test_a_healed_example_with_the_old_identity_is_not_enough() -> None:
    with pytest.raises(AssertionError, match="do not prove it"):
        check_remedy(IgnoresJob(), {UNIT: RUNNING, CONFIG: SOUND}, {UNIT: RUNNING, CONFIG: UNCHECKED})
