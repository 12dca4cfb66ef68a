"""Remedies: look first, act only when needed and safe, then show evidence."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, ClassVar, Self, Union, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError

from remediate.core.command import Run, lasting
from remediate.core.facts import Facts
from remediate.core.field_types import FrozenModel
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.verdict import Decision, RefusalCode, Verdict
from remediate.errors import ConfigurationError, one_line

Step = Run
"""What a host is asked to do, as data."""


class Proven(FrozenModel):
    """The remedy's own effect is there, with the evidence."""

    evidence: str


class NotYet(FrozenModel):
    """Not there, but may still come: look again until the remedy's `settle` is over."""

    reason: str


class Failed(FrozenModel):
    """Not there, and waiting will not bring it."""

    reason: str


Verification = Proven | NotYet | Failed


class Remedy(FrozenModel, ABC):
    """One cause and its cure, as a value: it serialises, it compares, it never touches a host itself.

    Subclass it with a `kind` Literal (`<tool>.<verb>`, also the name of its task `do.<tool>.<verb>`), fields that
    each have a description, and the four methods. `guard` decides and never asks; `apply` yields and never decides.
    """

    kind: str
    settle: float = Field(default=10, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = ()
    """Every code its guard may refuse with."""
    after: ClassVar[tuple[str, ...]] = ()
    """Kinds of remedies it depends on: when one of them is refused or fails, this one is not attempted."""
    is_gate: ClassVar[bool] = False
    """Whether it never acts unless overridden, so that it can guard others that run by themselves, too."""
    is_human: ClassVar[bool] = False
    """Whether it only says what a person has to do: it has no task of its own."""

    stand_ins: ClassVar[Mapping[str, object]] = {}
    """For fields on which no permission depends: with these the rules of its task are known beforehand."""

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:  # noqa: ARG003  # the base knows no field to fill
        """Return the fields that the inventory can fill, for `on`."""
        return {}

    @classmethod
    def on(cls, host: Host, **given: object) -> Self:
        """Build it for a host: what is given, else what the inventory says. Raises ConfigurationError in one line."""
        try:
            return cls.model_validate({**cls.defaults(host), **given})
        except ValidationError as error:
            raise ConfigurationError(f"{host.name}: {cls.model_fields['kind'].default}: {one_line(error)}") from None

    @classmethod
    def simple_fields(cls) -> dict[str, str]:
        """Return the fields that one word on a command line can give, with what they mean."""
        simple = {str, int, float, bool}
        return {
            name: field.description or ""
            for name, field in cls.model_fields.items()
            if name != "kind" and {_bare(each) for each in _alternatives(field.annotation)} <= simple | {type(None)}
        }

    @classmethod
    def secret_fields(cls) -> dict[str, str]:
        """Return the fields that no command line may hold, with what they mean."""
        return {
            name: field.description or ""
            for name, field in cls.model_fields.items()
            if SecretStr in _alternatives(field.annotation)
        }

    @abstractmethod
    def title(self) -> str:
        """What it acts on, for a person: a unit's name."""

    @abstractmethod
    def probes(self) -> tuple[Probe[Fact], ...]:
        """Everything its guard and its verification read."""

    @abstractmethod
    def identity(self) -> tuple[Probe[Fact], ...]:
        """The probes whose raw answer says *which* thing is acted on and in what state.

        Re-asked under the lock before the steps: if one moved, nothing runs. Once applied, each must have changed.
        """

    def steady(self) -> tuple[Probe[Fact], ...]:
        """Further probes that the guard relied on and whose raw answer only changes when the answer does.

        They are re-asked under the lock like the identity, but need not change: a configuration check, a port's owner.
        """
        return ()

    @abstractmethod
    def guard(self, facts: Facts) -> Verdict:
        """Decide from facts alone. Unreadable may escape: the engine refuses then."""

    @abstractmethod
    def changes(self) -> tuple[Run, ...]:
        """Every command that `apply` may ever run as root: the sudoers file has to name it beforehand."""

    def apply(self, facts: Facts) -> Iterator[Step]:  # noqa: ARG002  # a remedy with a choice to make needs them
        """Yield what to do, all of `changes` in order unless overridden.

        Only called after `guard` said proceed on the same facts.
        """
        yield from self.changes()

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Judge the effect: the guard has nothing left to do, and what should have changed did.

        Override it only where healed-after differs from healthy-before. Unreadable may escape: unknown, not failed.
        """
        verdict = self.guard(after)
        match verdict.decision:
            case Decision.REFUSE:
                return Failed(reason=verdict.reason)
            case Decision.SKIP:
                same = [probe for probe in self.identity() if unmoved(before, after, probe)]
                if same:
                    return NotYet(reason=f"{same[0].label()} is as it was before")
                return Proven(evidence=f"{verdict.reason}, unlike before")
            case _:
                return NotYet(reason=verdict.reason)

    def privileges(self) -> tuple[Run, ...]:
        """Every privileged command it may ever use, its probes' included: the sudoers file follows from this."""
        asked = (probe.command() for probe in self.probes())
        return tuple(
            dict.fromkeys(run for run in (*asked, *self.changes()) if isinstance(run, Run) and run.user is not None)
        )


def _alternatives(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _bare(annotation: object) -> object:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def unmoved(before: Facts, after: Facts, probe: Probe[Fact]) -> bool:
    """Whether a host answered the same, byte for byte apart from what ticks: then it is still the same incarnation.

    Raises Unreadable.
    """
    was, now = (lasting(facts.output(probe).stdout, probe.volatile) for facts in (before, after))
    return was == now
