"""Every remedy that ships keeps the contract, and check_remedy notices one that does not."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import UnitName
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Proven, Remedy, Step, Verification
from remediate.core.verdict import (
    CONFIG_BROKEN,
    START_LIMIT_HIT,
    UNREADABLE,
    Decision,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
    skip,
    wait,
)
from remediate.errors import Unreadable
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import SYSTEMCTL, Unit
from remediate.remedies.catalogue import remedies
from remediate.testing import Known, check_remedy
from support.examples import (
    BROKEN_CONFIG,
    FAILED,
    RUNNING,
    SOUND,
    START_LIMIT,
    UNCHECKED,
    started_again,
)
from support.remedy_examples import EXAMPLES
from support.render import output_of


@pytest.mark.parametrize("kind", sorted(remedies()))
def test_every_remedy_that_ships_keeps_the_contract(kind: str) -> None:
    if kind not in EXAMPLES:
        pytest.fail(f"{kind} has no EXAMPLES in tests/remedies/")
    example = EXAMPLES[kind]
    assert type(example.remedy) is remedies()[kind]
    check_remedy(example.remedy, example.broken, example.healed, others=example.others)


def test_no_example_is_left_of_a_remedy_that_is_gone() -> None:
    assert set(EXAMPLES) <= set(remedies())


# -- a remedy that keeps it, and one breach at a time ----------------------------------------------------------------

CONFIG = NginxConfig()


class Restart(Remedy):
    """Restart it."""

    kind: Literal["contract.restart"] = "contract.restart"
    unit: UnitName = Field(default="nginx", description="systemd unit")
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN,)

    def title(self) -> str:
        return self.unit

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.unit), CONFIG)

    def identity(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.unit),)

    def guard(self, facts: Facts) -> Verdict:
        if facts[Unit(name=self.unit)].healthy:
            return skip("it runs")
        if facts[CONFIG].ok is not True:
            return refuse(CONFIG_BROKEN, "nginx -t says no")
        return proceed("it is down")

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield from self.changes()

    def changes(self) -> tuple[Run, ...]:
        return (Run.of(SYSTEMCTL, "restart", f"{self.unit}.service", user=ROOT),)


UNIT = Unit(name="nginx")
BROKEN: Known = {UNIT: FAILED, CONFIG: SOUND}
HEALED: Known = {UNIT: started_again(FAILED), CONFIG: SOUND}
OTHERS: tuple[Known, ...] = tuple(
    {UNIT: unit, CONFIG: config} for unit in (FAILED, START_LIMIT) for config in (SOUND, BROKEN_CONFIG)
)


def test_a_good_remedy_passes() -> None:
    check_remedy(Restart(), BROKEN, HEALED, others=[{UNIT: FAILED, CONFIG: BROKEN_CONFIG}])


def test_facts_of_a_real_survey_may_be_given() -> None:
    check_remedy(Restart(), _surveyed({UNIT: FAILED, CONFIG: SOUND}), _surveyed(dict(HEALED)))


def _surveyed(facts: dict[Probe[Fact], Fact | Unreadable]) -> Facts:
    return Facts.read(facts, {probe: output_of(probe, fact) for probe, fact in facts.items() if isinstance(fact, Fact)})


class NoDocstring(Restart):
    kind: Literal["contract.no-docstring"] = "contract.no-docstring"  # type: ignore[assignment]


class FirstOfItsKind(Restart):
    """It was there before."""

    kind: Literal["contract.twin"] = "contract.twin"  # type: ignore[assignment]


class SecondOfItsKind(Restart):
    """It has the kind of another."""

    kind: Literal["contract.twin"] = "contract.twin"  # type: ignore[assignment]


class BadKind(Restart):
    """Its kind is no kind."""

    kind: Literal["Contract"] = "Contract"  # type: ignore[assignment]


class Undescribed(Restart):
    """A field nobody explains."""

    kind: Literal["contract.undescribed"] = "contract.undescribed"  # type: ignore[assignment]
    force: bool = False


class ReadsMore(Restart):
    """Its guard reads what it did not declare."""

    kind: Literal["contract.reads-more"] = "contract.reads-more"  # type: ignore[assignment]

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.unit),)


class AlwaysProceeds(Restart):
    """It never looks."""

    kind: Literal["contract.always"] = "contract.always"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        return proceed("sure")


class NeverProceeds(Restart):
    """It never acts."""

    kind: Literal["contract.never"] = "contract.never"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        return skip("no")


class Guesses(Restart):
    """It takes unknown for broken."""

    kind: Literal["contract.guesses"] = "contract.guesses"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        try:
            return super().guard(facts)
        except Unreadable:
            return proceed("probably down")


class Hopes(Restart):
    """It takes unknown for healed."""

    kind: Literal["contract.hopes"] = "contract.hopes"  # type: ignore[assignment]

    def verify(self, before: Facts, after: Facts) -> Verification:
        try:
            return super().verify(before, after)
        except Unreadable:
            return Proven(evidence="surely")


class Believes(Restart):
    """It takes healthy for healed, without looking whether anything was done."""

    kind: Literal["contract.believes"] = "contract.believes"  # type: ignore[assignment]

    def verify(self, before: Facts, after: Facts) -> Verification:
        return Proven(evidence="runs") if after[UNIT].healthy else super().verify(before, after)


class HiddenChange(Restart):
    """It does what it does not list."""

    kind: Literal["contract.hidden"] = "contract.hidden"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield Run.of("/usr/bin/rm", "-rf", "/var/cache/nginx", user=ROOT)


class Idle(Restart):
    """It does nothing."""

    kind: Literal["contract.idle"] = "contract.idle"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield from ()


class Unlisted(Restart):
    """It refuses with a code nobody was told of."""

    kind: Literal["contract.unlisted"] = "contract.unlisted"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = ()


class UsesEngineCode(Restart):
    """It takes the engine's words."""

    kind: Literal["contract.engine-code"] = "contract.engine-code"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN, UNREADABLE)


class HidesPrivileges(Restart):
    """Its sudoers file would not do."""

    kind: Literal["contract.no-privileges"] = "contract.no-privileges"  # type: ignore[assignment]

    def privileges(self) -> tuple[Run, ...]:
        return ()


class RootShell(Restart):
    """It wants everything."""

    kind: Literal["contract.root-shell"] = "contract.root-shell"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run.of("/bin/sh", "-c", "systemctl restart nginx", user=ROOT),)


class RelativePath(Restart):
    """Which systemctl?"""

    kind: Literal["contract.relative"] = "contract.relative"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run(argv=("systemctl", "restart", "nginx"), user=ROOT),)


class Unspeakable(Restart):
    """No sudoers file can say that."""

    kind: Literal["contract.unspeakable"] = "contract.unspeakable"  # type: ignore[assignment]

    def changes(self) -> tuple[Run, ...]:
        return (Run.of("/usr/bin/printf", "a\nb", user=ROOT),)


class Nobody(Restart):
    """It has no identity."""

    kind: Literal["contract.nobody"] = "contract.nobody"  # type: ignore[assignment]

    def identity(self) -> tuple[Probe[Fact], ...]:
        return ()


class Moody(Restart):
    """It says something else each time."""

    kind: Literal["contract.moody"] = "contract.moody"  # type: ignore[assignment]
    calls: ClassVar[list[int]] = []

    def guard(self, facts: Facts) -> Verdict:
        self.calls.append(1)
        verdict = super().guard(facts)
        return verdict.model_copy(update={"reason": f"{verdict.reason} {len(self.calls)}"})


class NamelessRefusal(Restart):
    """A refusal without a code."""

    kind: Literal["contract.nameless"] = "contract.nameless"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        verdict = super().guard(facts)
        return Verdict(decision=Decision.REFUSE, reason="no") if verdict.code else verdict


class OverrideFirst(Restart):
    """What may be overridden is asked first, and hides the rest."""

    kind: Literal["contract.override-first"] = "contract.override-first"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN, START_LIMIT_HIT)

    def guard(self, facts: Facts) -> Verdict:
        if facts[Unit(name=self.unit)].result == "start-limit-hit":
            return refuse(START_LIMIT_HIT, "too often")
        return super().guard(facts)


class OverrideHidesWait(OverrideFirst):
    """What may be overridden hides that something is on its way."""

    kind: Literal["contract.override-hides-wait"] = "contract.override-hides-wait"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        verdict = OverrideFirst.guard(self, facts)
        return wait("somebody edits it") if verdict.code is CONFIG_BROKEN else verdict


class BlindElsewhere(Restart):
    """It takes unknown for broken, in a state that is not the usual one."""

    kind: Literal["contract.blind-elsewhere"] = "contract.blind-elsewhere"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        try:
            return super().guard(facts)
        except Unreadable:
            if facts[Unit(name=self.unit)].result == "start-limit-hit":
                return proceed("whatever")
            raise


class RelativeStep(Restart):
    """Which sh?"""

    kind: Literal["contract.relative-step"] = "contract.relative-step"  # type: ignore[assignment]

    def apply(self, facts: Facts) -> Iterator[Step]:
        yield Run(argv=("sh", "-c", "true"), user="forge")


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        (OverrideFirst(), "overriding 'start-limit-hit' would pass over 'config-broken'"),
        (OverrideHidesWait(), "overriding 'start-limit-hit' would pass over 'wait'"),
        (BlindElsewhere(), "although .* cannot be read"),
        (RelativeStep(), "absolute path"),
        (NoDocstring(), "no docstring"),
        (SecondOfItsKind(), "already"),
        (BadKind(), "not <tool>.<verb>"),
        (Undescribed(), "no description"),
        (ReadsMore(), "does not list"),
        (AlwaysProceeds(), "does not skip|cannot be read"),
        (NeverProceeds(), "does not proceed"),
        (Guesses(), "although .* cannot be read"),
        (Hopes(), "although .* cannot be read"),
        (Believes(), "though nothing was done"),
        (HiddenChange(), "changes\\(\\) does not list"),
        (Idle(), "yields nothing"),
        (Unlisted(), "refusals does not list"),
        (UsesEngineCode(), "engine's own"),
        (HidesPrivileges(), "privileges\\(\\) does not list"),
        (RootShell(), "a rule for anything"),
        (RelativePath(), "absolute path"),
        (Unspeakable(), "no sudoers file"),
        (Nobody(), "identity\\(\\) is empty"),
        (Moody(), "when asked again"),
        (NamelessRefusal(), "a refusal has a code"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Remedy) else "",
)
def test_a_breach_is_named(remedy: Remedy, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_remedy(remedy, BROKEN, HEALED, others=OTHERS)


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
    """What may be overridden is asked last."""

    kind: Literal["contract.override-last"] = "contract.override-last"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN, START_LIMIT_HIT)

    def guard(self, facts: Facts) -> Verdict:
        verdict = super().guard(facts)
        limited = facts[Unit(name=self.unit)].result == "start-limit-hit"
        return refuse(START_LIMIT_HIT, "too often") if limited and verdict.decision is Decision.PROCEED else verdict


def test_an_overridable_refusal_that_comes_last_passes() -> None:
    check_remedy(OverrideLast(), BROKEN, HEALED, others=OTHERS)


class IgnoresJob(Restart):
    """What it proves does not depend on the unit."""

    kind: Literal["contract.ignores"] = "contract.ignores"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        return proceed("unit") if facts[UNIT].healthy and facts[CONFIG].ok else skip("fine")


def test_an_example_without_an_answer_is_named() -> None:
    with pytest.raises(AssertionError, match="the healed facts state nothing for NginxConfig"):
        check_remedy(Restart(), BROKEN, {UNIT: RUNNING})


def test_a_healed_example_with_the_old_identity_is_not_enough() -> None:
    with pytest.raises(AssertionError, match="do not prove it"):
        check_remedy(IgnoresJob(), {UNIT: RUNNING, CONFIG: SOUND}, {UNIT: RUNNING, CONFIG: UNCHECKED})
