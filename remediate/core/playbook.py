"""Playbooks: the remedies for one symptom, in order, and the symptom's probes."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import TypeAdapter, ValidationError
from typing_extensions import override

from remediate.core.batches import commands_for
from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError, one_line

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case

Probes = tuple[Probe[Fact], ...]


class Severity(Enum):
    """Severities as the runbook defines them (1.1)."""

    SEV1 = "SEV-1"
    SEV2 = "SEV-2"
    SEV3 = "SEV-3"
    SEV4 = "SEV-4"


@dataclass(frozen=True)
class HostPlan:
    """A playbook on one host: probes for the symptom, and the remedies in order."""

    symptoms: Probes
    diagnosis: Probes
    remedies: tuple[Remedy, ...]
    graded: Callable[[Facts], Severity] | None = None
    """Returns the severity from the facts, if the symptom has more than one."""
    gates: tuple[Remedy, ...] = ()
    """Judged, but never applied here. If one of them refuses or waits, no remedy is applied."""

    def __post_init__(self) -> None:
        """Keep each question once, even if one page answers for two things."""
        object.__setattr__(self, "symptoms", tuple(dict.fromkeys(self.symptoms)))
        object.__setattr__(self, "diagnosis", tuple(dict.fromkeys(self.diagnosis)))

    def probes(self) -> Probes:
        """Return all questions of one survey, each once, in a person's reading order."""
        judged = (*self.gates, *self.remedies)
        asked = (*self.symptoms, *(probe for remedy in judged for probe in remedy.probes()), *self.diagnosis)
        return tuple(dict.fromkeys(asked))

    def privileges(self) -> tuple[Run, ...]:
        """Return every privileged command that this plan may need on the host."""
        commands = (run for run in commands_for(self.probes()) if run.user is not None)
        return tuple(dict.fromkeys((*commands, *(run for each in self.remedies for run in each.privileges()))))


class Runnable(Protocol):
    """The subject of a run: a playbook or a single remedy."""

    @property
    def name(self) -> str:
        """Its name in reports and in the journal."""

    @property
    def severity(self) -> Severity | None:
        """The severity of its symptom, None without a symptom of its own."""

    @property
    def discovers(self) -> bool:
        """True if settings that the inventory leaves open may be read from the host."""

    def __call__(self, host: Host) -> HostPlan:
        """Return the plan for this host, without connecting to it. Raises ConfigurationError."""


class Playbook:
    """A named, ordered response to one symptom. `@playbook` makes it; a call with a host returns the plan."""

    discovers: ClassVar[bool] = True

    def __init__(
        self,
        remedies: Callable[..., Iterable[Remedy]],
        *,
        severity: Severity,
        symptoms: Callable[[Host], Iterable[Probe[Fact]]],
        diagnosis: Callable[[Host], Iterable[Probe[Fact]]],
        rehearsal: "Callable[[Host], Iterable[Case]] | None",
        runbook: Callable[[Host], Iterable[str]],
        graded: Callable[[Host, Facts], Severity] | None,
    ) -> None:
        self.name = remedies.__name__.replace("_", "-")
        self.severity: Severity | None = severity
        self.__doc__ = remedies.__doc__
        self.__module__ = remedies.__module__
        self.__qualname__ = remedies.__qualname__
        self.__wrapped__ = remedies
        self._symptoms = symptoms
        self._diagnosis = diagnosis
        self._rehearsal = rehearsal
        self._runbook = runbook
        self._graded = graded

    def cases(self, host: Host) -> "tuple[Case, ...]":
        """Return the faults on this host that it declares to fix, refuse or leave alone."""
        return () if self._rehearsal is None else tuple(self._rehearsal(host))

    @property
    def is_rehearsable(self) -> bool:
        """True if it declares a rehearsal. Use `cases` for its cases: they import all that breaks a host."""
        return self._rehearsal is not None

    def runbook(self, host: Host) -> tuple[str, ...]:
        """Return the commands that the printed runbook has a person type, in shell syntax."""
        return tuple(self._runbook(host))

    def __call__(self, host: Host) -> HostPlan:
        """Return the plan for this host, without parameters. Raises ConfigurationError."""
        return self.plan_for(host, {})

    def plan_for(self, host: Host, parameters: Mapping[str, object]) -> HostPlan:
        """Return the plan for this host with these parameters. Raises ConfigurationError."""
        host_plan = HostPlan(
            symptoms=tuple(self._symptoms(host)),
            diagnosis=tuple(self._diagnosis(host)),
            remedies=tuple(self.__wrapped__(host, **parameters)),
            graded=None if self._graded is None else partial(self._graded, host),
        )
        if not host_plan.symptoms and not host_plan.remedies:
            # A host without any question would count as healthy although nothing was checked.
            raise ConfigurationError(
                f"{host.name}: {self.name} has no symptom to look at and no remedy: "
                "its `remediate:` in the inventory does not say what the host has"
            )
        return host_plan

    def given(self, parameters: Mapping[str, object]) -> "BoundPlaybook":
        """Return this playbook bound to parameters, converted to their declared types.

        Raises ConfigurationError in one line.
        """
        values: dict[str, object] = {}
        declared = inspect.signature(self.__wrapped__, eval_str=True).parameters
        for name, value in parameters.items():
            if name not in declared or declared[name].kind is not inspect.Parameter.KEYWORD_ONLY:
                raise ConfigurationError(f"{self.name} has no parameter {name!r}")
            try:
                values[name] = TypeAdapter(declared[name].annotation).validate_python(value)
            except ValidationError as error:
                raise ConfigurationError(f"--{name.replace('_', '-')}: {one_line(error)}") from None
        return BoundPlaybook(self, tuple(values.items()))

    def __reduce__(self) -> str:
        # Pickle by module-level name, so that hosts can be handled in separate processes.
        return self.__qualname__

    def __repr__(self) -> str:
        return f"<playbook {self.name}>"


def playbook(
    *,
    severity: Severity,
    symptoms: Callable[[Host], Iterable[Probe[Fact]]],
    diagnosis: Callable[[Host], Iterable[Probe[Fact]]] = lambda _: (),
    rehearsal: "Callable[[Host], Iterable[Case]] | None" = None,
    runbook: Callable[[Host], Iterable[str]] = lambda _: (),
    graded: Callable[[Host, Facts], Severity] | None = None,
) -> Callable[[Callable[..., Iterable[Remedy]]], Playbook]:
    """Turn a function from a host to remedies into a playbook.

    The function's keyword-only parameters become flags. It may branch on the inventory, never on live state, which is
    for guards. The symptom is over when every probe of `symptoms` is ok. The answers of `diagnosis` are only shown.
    `rehearsal` declares faults that break a staging host, each with the expected result: fixed or refused
    (remediate.rehearsal.case). `runbook` lists the commands that a person would type instead. `severity` is the worst
    severity of the symptom; `graded` returns the actual one from the facts.
    """

    def decorate(remedies: Callable[..., Iterable[Remedy]]) -> Playbook:
        return Playbook(
            remedies,
            severity=severity,
            symptoms=symptoms,
            diagnosis=diagnosis,
            rehearsal=rehearsal,
            runbook=runbook,
            graded=graded,
        )

    return decorate


@dataclass(frozen=True)
class BoundPlaybook(Runnable):
    """A playbook together with its parameters."""

    playbook: Playbook
    parameters: tuple[tuple[str, object], ...]
    discovers: ClassVar[bool] = True

    @property
    @override
    def name(self) -> str:
        return self.playbook.name

    @property
    @override
    def severity(self) -> Severity | None:
        return self.playbook.severity

    @override
    def __call__(self, host: Host) -> HostPlan:
        return self.playbook.plan_for(host, dict(self.parameters))
