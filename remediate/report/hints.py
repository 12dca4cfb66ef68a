"""The commands that a report recommends, as the reader types them."""

import shlex
from collections.abc import Callable
from typing import NamedTuple

from remediate.core.playbook import Severity
from remediate.core.verdict import NOT_APPROVED, RefusalCode


class CommandHints(NamedTuple):
    """The reader's own program, host and flags, for the recommended commands."""

    program: str
    name: str
    run: str
    severity: Severity | None
    inventory: str | None = None
    incident: str | None = None
    recorded: bool = True
    given: str = ""
    """The arguments of a single remedy, as flags."""
    target: str | None = None
    """The hosts as the reader named them, None if that is not known."""
    rollout: str = ""
    """The flags of a rolling change, as the reader typed them."""
    approve: Callable[[], str | None] = lambda: None
    """Returns the command that approves the plan that was given, None if that plan takes no approval."""

    def on(self, host: str) -> str:
        """Return the flags that name one host, as the reader named it."""
        return f"--host {host}{f' --inventory {shlex.quote(self.inventory)}' if self.inventory else ''}"

    def again(self, host: str, *, plan: bool) -> str:
        """Return the command that runs this on one host again."""
        if self.name.startswith("do."):
            return f"{self.program} {self.name}{self.given} {self.on(host)}{' --plan' if plan else ''}"
        return f"{self.program} {'check' if plan else 'fix'}.{self.name} {self.on(host)}"

    def on_all(self, hosts: str, count: int) -> str:
        """Return the command that changes `count` of these hosts."""
        return (
            f"{self.again(shlex.quote(hosts), plan=False)}{f' --max-hosts {count}' if count > 1 else ''}{self.rollout}"
        )

    def approved(self, code: RefusalCode, hosts: str) -> str:
        """Return the way on for a run without approval: approve its plan, or make another."""
        waiting = self.approve() if code is NOT_APPROVED else None
        return waiting or f"{code.advice}: {self.again(hosts, plan=True)}"

    @property
    def evidence(self) -> str:
        """The command that shows the whole record, and the one that updates the incident."""
        told = f"       next: {self.program} incident.update --incident {self.incident}" if self.incident else ""
        where = f"{self.program} runs.show {self.run}" if self.recorded else "only this output, the run is not recorded"
        return f"evidence: {where}{told}"
