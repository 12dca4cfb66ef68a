"""One remedy alone, as `do.<tool>.<verb>` runs it, with its gates."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import SecretStr

from remediate.core.host import Host
from remediate.core.playbook import HostPlan, Severity
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError


@dataclass(frozen=True)
class SingleRemedy:
    """One remedy alone, as `do.<tool>.<verb>` runs it. It proves its own effect only."""

    remedy: type[Remedy]
    given: tuple[tuple[str, object], ...] = ()
    discovers: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The name of its task, `do.<tool>.<verb>`."""
        return f"do.{self.remedy.model_fields['kind'].default}"

    @classmethod
    def repeated(cls, remedy: type[Remedy], params: Mapping[str, object]) -> Self:
        """Rebuild what was run from the parameters in a report.

        A value other than the default counts as given. Secrets become empty, to be asked for again.
        """
        simple = ((name, params.get(name)) for name in remedy.simple_fields())
        given = [each for each in simple if each[1] not in {None, remedy.model_fields[each[0]].default}]
        hidden = [(name, SecretStr("")) for name in remedy.secret_fields() if params.get(name) is not None]
        return cls(remedy, (*given, *hidden))

    @property
    def flags(self) -> str:
        """Its parameters as command-line flags; secrets are read again from standard input."""
        words = (
            (f"--{name}-from", "stdin") if isinstance(value, SecretStr) else (f"--{name}", str(value))
            for name, value in self.given
        )
        return "".join(f" {flag.replace('_', '-')} {shlex.quote(value)}" for flag, value in words)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret values among its parameters."""
        return tuple(value.get_secret_value() for _, value in self.given if isinstance(value, SecretStr))

    @property
    def severity(self) -> Severity | None:
        """Always None: a remedy alone has no severity."""
        return None

    def __call__(self, host: Host) -> HostPlan:
        """Build the plan for one host. Raises ConfigurationError."""
        remedy = self.remedy.on(host, **dict(self.given))
        return HostPlan(symptoms=(), diagnosis=(), remedies=(remedy,), gates=tuple(_gates(remedy, host)))


def _gates(remedy: Remedy, host: Host) -> Iterator[Remedy]:
    """Build the gates that this remedy comes after, where the host has an application. Raises ConfigurationError."""
    from remediate.remedies.catalogue import listed

    for kind in remedy.after:
        if kind not in listed():
            continue
        gate = listed()[kind].load()
        if not gate.is_gate:
            continue
        try:
            yield gate.on(host)
        except ConfigurationError:
            if host.settings.app_path is not None:
                raise  # its application may be in maintenance, and nobody could tell
