"""Breaches of the contract that check_remedy notices."""

from typing import ClassVar, Literal

import pytest

from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Proven, Remedy, Verification
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
from remediate.probes.systemd import Unit
from remediate.testing import check_remedy
from support.contract_remedies import (
    BROKEN,
    HEALED,
    OTHERS,
    UNIT,
    HiddenChange,
    HidesPrivileges,
    Idle,
    Moody,
    Nobody,
    RelativePath,
    RelativeStep,
    Restart,
    RootShell,
    Unspeakable,
)


class NoDocstring(Restart):
    kind: Literal["contract.no-docstring"] = "contract.no-docstring"  # type: ignore[assignment]


class Untitled(Restart):
    """Nothing says what it acts on."""

    kind: Literal["contract.untitled"] = "contract.untitled"  # type: ignore[assignment]

    title = Remedy.title


class Unlabelled(Probe[Fact]):
    """Nothing says what it asks about."""

    kind: Literal["contract.unlabelled"] = "contract.unlabelled"

    def command(self) -> Run:
        return Run.of("true", seconds=1)

    def parse(self, output: Output) -> Fact:
        raise Unreadable(output.stdout)


class AsksUnlabelled(Restart):
    """It asks a question without a label."""

    kind: Literal["contract.asks-unlabelled"] = "contract.asks-unlabelled"  # type: ignore[assignment]

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), Unlabelled())


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


class Unlisted(Restart):
    """It refuses with a code nobody was told of."""

    kind: Literal["contract.unlisted"] = "contract.unlisted"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = ()


class UsesEngineCode(Restart):
    """It takes the engine's words."""

    kind: Literal["contract.engine-code"] = "contract.engine-code"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN, UNREADABLE)


class NamelessRefusal(Restart):
    """A refusal without a code."""

    kind: Literal["contract.nameless"] = "contract.nameless"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        verdict = super().guard(facts)
        return Verdict(decision=Decision.REFUSE, reason="no") if verdict.code else verdict


class OverrideFirst(Restart):
    """Asks first for what may be overridden, and so hides the rest."""

    kind: Literal["contract.override-first"] = "contract.override-first"  # type: ignore[assignment]
    refusals: ClassVar[tuple[RefusalCode, ...]] = (CONFIG_BROKEN, START_LIMIT_HIT)

    def guard(self, facts: Facts) -> Verdict:
        if facts[Unit(name=self.unit)].result == "start-limit-hit":
            return refuse(START_LIMIT_HIT, "too often")
        return super().guard(facts)


class OverrideHidesWait(OverrideFirst):
    """Something that may be overridden hides a transition."""

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


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        (OverrideFirst(), "overriding 'start-limit-hit' would pass over 'config-broken'"),
        (OverrideHidesWait(), "overriding 'start-limit-hit' would pass over 'wait'"),
        (BlindElsewhere(), "although .* cannot be read"),
        (RelativeStep(), "absolute path"),
        (NoDocstring(), "no docstring"),
        (Untitled(), "neither a `subject` nor a title"),
        (AsksUnlabelled(), "neither a `subject` nor a label"),
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
