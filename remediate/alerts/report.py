"""The document of `alert`: the policy's decision about each alert, and the exit code."""

import shlex
from collections import Counter
from collections.abc import Iterable
from typing import Self

from pydantic import AwareDatetime, ConfigDict, Field

from remediate import __version__
from remediate.alerts.authentication import Authentication
from remediate.alerts.decision import AlertDecision, SuppressedBy
from remediate.alerts.intake import DecidedAlert
from remediate.alerts.policy import TRIAGE, PolicyMode
from remediate.core.field_types import FrozenModel, Identifier
from remediate.core.outcome import RunVerdict
from remediate.errors import USAGE_EXIT_CODE


class ReportedAlert(DecidedAlert):
    """One alert, what it leads to, and the command that does it."""

    command: Identifier | None = Field(default=None, description="what a person may run; null = nothing is to be done")


class AlertsReport(FrozenModel):
    """The decisions of the policy. Nothing was started."""

    model_config = ConfigDict(validate_by_name=True)

    schema_: Identifier = Field(default="remediate.alerts/1", alias="schema")
    version: Identifier = __version__
    started: AwareDatetime
    since: AwareDatetime | None = Field(
        default=None, description="of a dry run: from when on recorded alerts were decided again; null = not one"
    )
    authentication: Authentication | None = Field(default=None, description="null in a dry run, where each had its own")
    alerts: tuple[ReportedAlert, ...]
    omitted: int = Field(default=0, description="alerts that the sender left out, and of which nothing is known")
    suppressed: dict[str, int] = Field(default={}, description="how many led to nothing or to less, by the reason")
    exit_code: int

    @classmethod
    def of(
        cls,
        decided: Iterable[DecidedAlert],
        *,
        started: AwareDatetime,
        program: str,
        inventory: str | None,
        omitted: int = 0,
        authentication: Authentication | None = None,
        since: AwareDatetime | None = None,
        repeated: int = 0,
    ) -> Self:
        """Return the report. `repeated` counts recorded repetitions, which a dry run does not show."""
        alerts = tuple(
            ReportedAlert(
                at=each.at,
                alert=each.alert,
                decision=each.decision,
                command=command(each.decision, program, inventory),
            )
            for each in decided
        )
        suppressed = Counter(each.decision.suppressed_by.value for each in alerts if each.decision.suppressed_by)
        if repeated:
            suppressed[SuppressedBy.REPEATED.value] += repeated
        return cls(
            started=started,
            since=since,
            authentication=authentication,
            alerts=alerts,
            omitted=omitted,
            suppressed=dict(sorted(suppressed.items())),
            exit_code=0 if since is not None else exit_code(each.decision for each in alerts),
        )


def exit_code(decisions: Iterable[AlertDecision]) -> int:
    """Return the exit code: 2 no host, 3 no rule, 10 a proposal, 0 nothing to do."""
    found = tuple(decisions)
    reasons = {each.suppressed_by for each in found}
    if SuppressedBy.UNKNOWN_HOST in reasons:
        return USAGE_EXIT_CODE
    if SuppressedBy.NO_RULE in reasons:
        return RunVerdict.REFUSED.exit_code
    to_do = any(each.mode in {PolicyMode.PROPOSE, PolicyMode.AUTO} for each in found)
    return RunVerdict.PENDING.exit_code if to_do else 0


def command(decision: AlertDecision, program: str, inventory: str | None) -> str | None:
    """Return the command of a proposal, for a person to run."""
    if decision.mode not in {PolicyMode.PROPOSE, PolicyMode.AUTO} or decision.action is None or decision.host is None:
        return None
    what = TRIAGE if decision.action == TRIAGE else f"fix.{decision.action}"
    where = () if inventory is None else ("--inventory", inventory)
    return shlex.join((program, what, "--host", decision.host, *where))
