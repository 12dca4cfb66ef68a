"""Decisions of the policy about alerts, as data. Nothing here starts anything."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from pydantic import Field

from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.policy import AlertPolicy, HostMapping, PolicyMode, PolicyRule
from remediate.alerts.policy_check import ProjectNames, some
from remediate.core.field_types import FrozenModel, Identifier
from remediate.inventory.ansible_values import shown

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class SuppressedBy(Enum):
    """Reasons why an alert leads to nothing, or to less than its rule says."""

    NO_RULE = "no-rule"
    UNKNOWN_HOST = "unknown-host"
    REPEATED = "repeated"
    STORM = "storm"
    RESOLVED = "resolved"
    NOT_AUTHENTICATED = "not-authenticated"
    PAUSED = "paused"
    NOT_REHEARSED = "not-rehearsed"
    COOL_DOWN = "cool-down"
    HOST_LIMIT = "host-limit"
    FLEET_LIMIT = "fleet-limit"
    QUIET_HOURS = "quiet-hours"


class AlertDecision(FrozenModel):
    """The consequence of one alert."""

    mode: PolicyMode | None = Field(description="observe, propose or auto; null = nothing")
    rule: Identifier | None = Field(default=None, description="the rule of the policy that matches")
    action: Identifier | None = Field(default=None, description="triage, or a playbook")
    host: Identifier | None = Field(default=None, description="the host in the inventory")
    reason: str
    suppressed_by: SuppressedBy | None = Field(
        default=None, description="why it is nothing, or less than the rule's mode; null = it is not"
    )
    incident: bool = Field(
        default=False, description="whether the service declares an incident, unless one is open about it"
    )


class Recent(NamedTuple):
    """Recent automatic starts, as the store knows them."""

    same_rule: datetime | None = None
    """The time of the last decision to start the same rule on the same host."""
    host_hour: int = 0
    host_day: int = 0
    fleet_hour: int = 0


class Doubts(NamedTuple):
    """Reasons against any automatic start, asked once for a payload."""

    paused: str | None
    """The reason why everything is paused; None if it is not."""
    unrehearsed: Mapping[str, str]
    """Reasons why playbooks are not proven in their present form, by name. A playbook that is missing is proven."""


def host_of(mapping: HostMapping, labels: Mapping[str, str], names: ProjectNames) -> tuple[str | None, str]:
    """Return the host that an alert's labels name, and why there is none.

    The label is only compared. A value such as `web*`, `all` or an address names no host.
    """
    value = labels.get(mapping.label)
    if not value:
        return None, f"the label {mapping.label} is missing or empty, so no host is named"
    if mapping.table is not None:
        host = mapping.table.get(value)
        if host is None:
            accepted = some(mapping.table)
            return None, f"{mapping.label}='{shown(value)}' is not in the rule's table, which has {accepted}"
        return host, ""
    if (wrong := names.no_host(value)) is not None:
        return None, f"the label {mapping.label}: {wrong}"
    if mapping.names is not None and value not in mapping.names:
        return None, f"{mapping.label}='{shown(value)}' is none of the rule's hosts: {some(mapping.names)}"
    return value, ""


def decided(
    policy: AlertPolicy,
    rule: PolicyRule,
    host: str,
    labels: Mapping[str, str],
    authentication: Authentication,
    doubts: Doubts,
    recent: Recent,
    local: datetime,
    now: datetime,
) -> AlertDecision:
    """Return the decision for a new alert. Whatever speaks against auto makes it a proposal."""
    against = (
        [
            *_of_sender(policy, rule, host, labels, authentication),
            *_of_project(rule, doubts),
            *_of_limits(policy, host, recent, local, now),
        ]
        if rule.mode is PolicyMode.AUTO
        else []
    )
    return AlertDecision(
        mode=PolicyMode.PROPOSE if against else rule.mode,
        rule=rule.name,
        action=rule.action,
        host=host,
        reason=_reason(rule, [why for _, why in against]),
        suppressed_by=against[0][0] if against else None,
        incident=rule.incident,
    )


def _reason(rule: PolicyRule, against: Sequence[str]) -> str:
    if against:
        return f"the rule says auto, but a person decides: {'; '.join(against)}"
    return f"the rule {rule.name} says {rule.mode.value}"


_Against = Sequence[tuple[SuppressedBy, str]]


def _of_sender(
    policy: AlertPolicy, rule: PolicyRule, host: str, labels: Mapping[str, str], authentication: Authentication
) -> _Against:
    if authentication.how is Means.SIGNATURE:
        return ()
    if authentication.how is Means.TERMINAL:
        return ((SuppressedBy.NOT_AUTHENTICATED, "what is typed at a terminal starts nothing by itself"),)
    source = policy.sources.get(authentication.source)
    # The file was checked to grant this. The alert in hand is compared all the same: it costs nothing.
    granted = source is not None and any(
        host in grant.hosts
        and rule.action in grant.playbooks
        and all(labels.get(label) in values for label, values in grant.labels.items())
        for grant in source.auto
    )
    if granted:
        return ()
    what = f"the source {authentication.source} does not sign, and its `auto` does not name this"
    return ((SuppressedBy.NOT_AUTHENTICATED, what),)


def _of_project(rule: PolicyRule, doubts: Doubts) -> _Against:
    found: list[tuple[SuppressedBy, str]] = []
    if doubts.paused is not None:
        found.append((SuppressedBy.PAUSED, doubts.paused))
    if (doubt := doubts.unrehearsed.get(rule.action)) is not None:
        found.append((SuppressedBy.NOT_REHEARSED, f"{rule.action} is {doubt}"))
    return found


def _of_limits(policy: AlertPolicy, host: str, recent: Recent, local: datetime, now: datetime) -> _Against:
    limits = policy.limits
    found: list[tuple[SuppressedBy, str]] = []
    cool = timedelta(minutes=limits.cool_down_minutes)
    if recent.same_rule is not None and now - recent.same_rule < cool:
        until = f"{recent.same_rule + cool:%H:%M:%SZ}"
        found.append((SuppressedBy.COOL_DOWN, f"the same began on {host} a short time ago; cool-down until {until}"))
    if recent.host_hour >= limits.per_host_and_hour:
        found.append((SuppressedBy.HOST_LIMIT, f"it would be the {_nth(recent.host_hour)} time in an hour on {host}"))
    elif recent.host_day >= limits.per_host_and_day:
        found.append((SuppressedBy.HOST_LIMIT, f"it would be the {_nth(recent.host_day)} time in a day on {host}"))
    if recent.fleet_hour >= limits.per_fleet_and_hour:
        what = f"it would be the {_nth(recent.fleet_hour)} time in an hour on all hosts together"
        found.append((SuppressedBy.FLEET_LIMIT, what))
    if any(hours.hold(local) for hours in policy.quiet_hours):
        found.append((SuppressedBy.QUIET_HOURS, f"{local:%H:%M} is within the quiet hours"))
    return found


def _nth(before: int) -> str:
    number = before + 1
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
