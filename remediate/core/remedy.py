"""Remedies: they look first, act only if needed and safe, and show evidence."""

import hashlib
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
"""One command that a remedy runs on a host, as data."""


class Proven(FrozenModel):
    """The remedy's effect is there, with the evidence."""

    evidence: str


class NotYet(FrozenModel):
    """The effect is not there yet. The engine looks again until the remedy's `settle` seconds are over."""

    reason: str


class Failed(FrozenModel):
    """The effect is not there, and waiting will not help."""

    reason: str


Verification = Proven | NotYet | Failed


class Remedy(FrozenModel, ABC):
    """One cause and its fix, as a value that can be serialised and compared.

    A remedy never touches a host itself. Subclass it with a `kind` Literal (`<tool>.<verb>`, also in the name of its
    task `do.<tool>.<verb>`), with fields that each have a description, and with the abstract methods. `guard` decides
    and never asks. `apply` yields commands and never decides.
    """

    kind: str
    subject: ClassVar[str]
    """The thing that it acts on, for a person, where that is the same for every remedy of the kind."""
    settle: float = Field(default=10, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = ()
    """Every code with which its guard may refuse."""
    after: ClassVar[tuple[str, ...]] = ()
    """Kinds of remedies that it depends on. If one of them is refused or fails, this one is not attempted."""
    is_gate: ClassVar[bool] = False
    """True if it never acts unless overridden. It can then guard remedies that run alone, too."""
    is_human: ClassVar[bool] = False
    """True if it only describes a person's task. It has no task of its own then."""

    stand_ins: ClassVar[Mapping[str, object]] = {}
    """Values for fields without effect on permissions. They let the sudo rules of its task be known beforehand."""

    @classmethod
    def defaults(cls, host: Host) -> dict[str, object]:  # noqa: ARG003  # The base class has no field to fill.
        """Return the field values that the inventory supplies, for `on`."""
        return {}

    @classmethod
    def on(cls, host: Host, **given: object) -> Self:
        """Build it for a host from the given values, else from the inventory.

        Raises ConfigurationError in one line.
        """
        try:
            return cls.model_validate({**cls.defaults(host), **given})
        except ValidationError as error:
            raise ConfigurationError(f"{host.name}: {cls.model_fields['kind'].default}: {one_line(error)}") from None

    @classmethod
    def simple_fields(cls) -> dict[str, str]:
        """Return the fields that one word on a command line can set, with their descriptions."""
        simple = {str, int, float, bool}
        return {
            name: field.description or ""
            for name, field in cls.model_fields.items()
            if name != "kind" and {_bare(each) for each in _alternatives(field.annotation)} <= simple | {type(None)}
        }

    @classmethod
    def secret_fields(cls) -> dict[str, str]:
        """Return the secret fields, which no command line may hold, with their descriptions."""
        return {
            name: field.description or ""
            for name, field in cls.model_fields.items()
            if SecretStr in _alternatives(field.annotation)
        }

    def title(self) -> str:
        """Return the thing that it acts on, for a person. Override it where fields tell it: a unit's name."""
        return self.subject

    @abstractmethod
    def probes(self) -> tuple[Probe[Fact], ...]:
        """Return every question that its guard and its verification read."""

    @abstractmethod
    def identity(self) -> tuple[Probe[Fact], ...]:
        """Return the probes whose raw answer identifies the thing acted on, and its state.

        They are asked again under the lock before the steps. If one answer changed, nothing runs. After the steps, each
        of them must have changed.
        """

    def steady(self) -> tuple[Probe[Fact], ...]:
        """Return further probes whose answers must not change before the steps.

        The guard relied on them, and their raw answer changes only with the fact itself.

        They are asked again under the lock like `identity`, but need not change: a configuration check, a port's owner.
        """
        return ()

    @abstractmethod
    def guard(self, facts: Facts) -> Verdict:
        """Decide from facts alone. It may let Unreadable escape: the engine refuses then."""

    @abstractmethod
    def changes(self) -> tuple[Run, ...]:
        """Return every command that `apply` may ever run as root. The sudoers file has to name it beforehand."""

    def apply(self, facts: Facts) -> Iterator[Step]:  # noqa: ARG002  # Remedies with a choice need the facts.
        """Yield the commands: all of `changes`, in order, unless overridden.

        It is called only after `guard` said proceed on the same facts.
        """
        yield from self.changes()

    def verify(self, before: Facts, after: Facts) -> Verification:
        """Judge the effect: the guard skips, and the identity has changed.

        Override it only if healed afterwards means something else than healthy before. It may let Unreadable escape,
        which means unknown, not failed.
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
                lost = self.given_up(before, after)
                return NotYet(reason=verdict.reason) if lost is None else Failed(reason=lost)

    def given_up(self, before: Facts, after: Facts) -> str | None:  # noqa: ARG002  # for subclasses that can tell
        """Return why an effect that is not there yet will not come by waiting, else None."""
        return None

    def privileges(self) -> tuple[Run, ...]:
        """Return every privileged command that it may need, its probes included. The sudoers file follows from this."""
        asked = (probe.command() for probe in self.probes())
        return tuple(
            dict.fromkeys(run for run in (*asked, *self.changes()) if isinstance(run, Run) and run.user is not None)
        )


def _alternatives(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _bare(annotation: object) -> object:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def unmoved(before: Facts, after: Facts, probe: Probe[Fact]) -> bool:
    """Return whether two answers are the same byte for byte: still the same incarnation.

    The probe's `volatile` parts are ignored. Raises Unreadable.
    """
    was, now = (lasting(facts.output(probe).stdout, probe.volatile) for facts in (before, after))
    return was == now


def basis(remedy: Remedy, facts: Facts) -> tuple[str, ...]:
    """Return a digest of each answer that the remedy has to change, without the probe's `volatile` parts.

    Raises Unreadable.
    """
    answers = (lasting(facts.output(probe).stdout, probe.volatile) for probe in remedy.identity())
    return tuple(hashlib.sha256(answer.encode(errors="surrogateescape")).hexdigest() for answer in answers)
