"""The hash of a plan on the terminal, and the command that runs it once it is approved."""

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from remediate.commands.given import Flags, text_of
from remediate.core.outcome import Mode, Report
from remediate.core.playbook import BoundPlaybook, Runnable
from remediate.remedies.single import SingleRemedy

if TYPE_CHECKING:
    from remediate.approvals.approvals import Approvals

_REPEATED: Final = ("host", "inventory", "serial", "max_fail", "incident")
"""The flags without which the run would have another plan, or belong to no incident."""


def plan_lines(report: Report, approvals: "Callable[[], Approvals]", program: str) -> Sequence[str]:
    """Return the lines about the plan of a plan run: its hash, and how it is approved where persons may."""
    if report.mode is not Mode.PLAN or report.plan_hash is None:
        return ()
    from remediate.approvals.plan_hash import SHOWN

    shown, known = report.plan_hash[:SHOWN], approvals()
    if not known.signers.exists:
        return (f"plan {shown}",)
    return (
        f"plan {shown}, for {known.settings.minutes:g} minutes: {program} approve {shown}",
        f"then: {program} {known.command} --approved {shown}",
    )


def typed_run(runnable: Runnable, flags: Flags) -> str:
    """Return a run as it is typed without its program: what it fixes, its own flags, and its hosts."""
    match runnable:
        case SingleRemedy():
            words = f"{runnable.name}{runnable.flags}"
        case BoundPlaybook():
            words = f"fix.{runnable.name}{''.join(_given(*each) for each in runnable.parameters)}"
        case _:
            words = f"fix.{runnable.name}"
    where = "".join(_given(name, value) for name in _REPEATED if (value := text_of(flags, name)) is not None)
    overrides = flags.get("override")
    whys = "".join(_given("override", each) for each in overrides) if isinstance(overrides, list) else ""
    return f"{words}{where}{whys}"


def _given(name: str, value: object) -> str:
    flag = f" --{name.replace('_', '-')}"
    return flag if value is True else f"{flag} {shlex.quote(str(value))}"
