"""A project's alert policy: the actions that alerts lead to, their hosts and their limits.

Labels are compared for equality, and a host is a name of the inventory. There are no patterns, because an alert must
not choose what is done where.
"""

from collections.abc import Mapping
from datetime import datetime, time
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from remediate.alerts.formats import AlertFormat
from remediate.core.field_types import Form, FrozenModel, Reference
from remediate.core.playbook import Severity

TRIAGE: Final = "triage"
"""The action that only looks."""

PolicyName = Annotated[
    str, Form(r"^[a-z][a-z0-9-]{0,40}$", "a name: small letters, digits and '-', at most 41, a letter first")
]
"""The name of a source, a rule or a playbook."""
InventoryName = Annotated[
    str, Form(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$", "the name of one host in the inventory, not a pattern")
]
"""The name of a host in the inventory. Nothing that could be a pattern is accepted."""
MatchedLabel = Annotated[
    str, Form(r"^[^\x00-\x1f\x7f]{1,200}$", "a label's name without control characters, up to 200")
]
MatchedValue = Annotated[
    str, Form(r"^[^\x00-\x1f\x7f]{1,1000}$", "text without control characters, not empty, up to 1000")
]
HeaderName = Annotated[str, Form(r"^[A-Za-z][A-Za-z0-9-]{0,99}$", "the name of an HTTP header, as X-Api-Key")]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str | int | float) else value


def _clock(value: object) -> object:
    # YAML 1.1 reads a bare 22:00 as the number 1320, which would be 22 minutes past midnight.
    if isinstance(value, str):
        return value
    raise ValueError('must be a time in quotes, as "22:00"')


Values = Annotated[tuple[MatchedValue, ...], BeforeValidator(_listed), Field(min_length=1, max_length=100)]
Matchers = Annotated[dict[MatchedLabel, Values], Field(min_length=1, max_length=20)]
References = Annotated[tuple[Reference, ...], BeforeValidator(_listed), Field(max_length=10)]
HostNames = Annotated[tuple[InventoryName, ...], BeforeValidator(_listed), Field(min_length=1)]
PlaybookNames = Annotated[tuple[PolicyName, ...], BeforeValidator(_listed), Field(min_length=1)]


ClockTime = Annotated[time, BeforeValidator(_clock)]


class PolicyMode(Enum):
    """The reach of a rule, the least first."""

    OBSERVE = "observe"
    PROPOSE = "propose"
    AUTO = "auto"

    @property
    def rank(self) -> int:
        """A number that is higher for what may do more."""
        return tuple(PolicyMode).index(self)


class Proof(Enum):
    """The proof that a source gives."""

    STANDARD_WEBHOOKS = "standard-webhooks"
    GRAFANA = "grafana"
    BEARER = "bearer"


class BearerGrant(FrozenModel):
    """Automatic starts for a source without signature: everything is named."""

    labels: Matchers = Field(description="label: the values that it may have")
    hosts: HostNames = Field(description="names of hosts in the inventory")
    playbooks: PlaybookNames = Field(description="names of playbooks")


class AlertSource(FrozenModel):
    """One sender of alerts, and how it proves that it is the one."""

    format: AlertFormat = Field(description="alertmanager, grafana or plain")
    signature: References = Field(default=(), description="places of the secrets that it signs with, as env:NAME")
    bearer: References = Field(default=(), description="places of the tokens that it may send, as file:PATH")
    timestamp_header: HeaderName | None = Field(
        default=None, description="header in which Grafana sends the time that it signs"
    )
    auto: tuple[BearerGrant, ...] = Field(default=(), description="what it may start although it does not sign")

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if bool(self.signature) == bool(self.bearer):
            raise ValueError("takes one of signature and bearer: nothing else proves who sends")
        if self.signature and self.format is AlertFormat.ALERTMANAGER:
            raise ValueError("takes bearer, not signature: Alertmanager cannot sign")
        if self.timestamp_header and self.proof is not Proof.GRAFANA:
            raise ValueError("timestamp_header belongs to the signature of grafana")
        if self.auto and self.signs:
            raise ValueError("auto belongs to a source that does not sign the time: a signature needs no list")
        return self

    @property
    def proof(self) -> Proof:
        """The proof that it gives."""
        if self.bearer:
            return Proof.BEARER
        return Proof.GRAFANA if self.format is AlertFormat.GRAFANA else Proof.STANDARD_WEBHOOKS

    @property
    def signs(self) -> bool:
        """Return whether it signs body and time, so that a delivery cannot be repeated by somebody else."""
        return self.proof is Proof.STANDARD_WEBHOOKS or (
            self.proof is Proof.GRAFANA and self.timestamp_header is not None
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The references to all its active secrets."""
        return self.signature or self.bearer


class HostMapping(FrozenModel):
    """The way from an alert's label to a host: a table, or the host's own name."""

    label: MatchedLabel = Field(description="label that says which host: instance")
    table: dict[MatchedValue, InventoryName] | None = Field(
        default=None, min_length=1, description="value of the label: name of the host in the inventory"
    )
    names: HostNames | None = Field(default=None, description="the hosts that it may name; absent = any by its name")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.table is not None and self.names is not None:
            raise ValueError("takes one of table and names: a table names its hosts itself")
        return self

    @property
    def hosts(self) -> frozenset[str] | None:
        """The hosts that it can lead to, None for any host of the inventory."""
        if self.table is not None:
            return frozenset(self.table.values())
        return None if self.names is None else frozenset(self.names)


class PolicyRule(FrozenModel):
    """One rule: these alerts, on this host, lead to this action. The first rule that matches counts."""

    name: PolicyName = Field(description="what it is called in decisions")
    match: Matchers = Field(description="label: the value or values that it must have")
    sources: Annotated[tuple[PolicyName, ...], BeforeValidator(_listed)] = Field(
        default=(), description="from which sources; absent = from all, and never auto"
    )
    host: HostMapping = Field(description="how the host is found")
    action: PolicyName = Field(description="triage, or the name of a playbook")
    mode: PolicyMode = Field(default=PolicyMode.PROPOSE, description="observe, propose or auto")
    incident: bool = Field(default=False, description="whether the service declares an incident, and follows it")
    severity: Severity | None = Field(
        default=None, description="of its incidents, SEV-1 to SEV-4; absent = that of the playbook"
    )
    tell: bool = Field(
        default=False, description="whether the service tells the team of its incidents; absent = a person does"
    )

    def matches(self, labels: Mapping[str, str], source: str) -> bool:
        """Return whether an alert with these labels, from this source, is meant."""
        return (not self.sources or source in self.sources) and all(
            labels.get(label) in values for label, values in self.match.items()
        )


class QuietHours(FrozenModel):
    """Hours of the team's local time in which nothing starts by itself."""

    start: ClockTime = Field(description='as "22:00"')
    end: ClockTime = Field(description='as "06:00", on the next day if it is earlier')

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same: that is no time at all")
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("takes local times, without a zone")
        return self

    def hold(self, local: datetime) -> bool:
        """Return whether this local time is among them."""
        clock = local.time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class PolicyLimits(FrozenModel):
    """Limits of automatic starts. The defaults are the most: a policy can only be stricter."""

    per_host_and_hour: int = Field(
        default=2, ge=0, le=2, description="0 to 2 on one host in an hour: the third time is for a person"
    )
    per_host_and_day: int = Field(default=3, ge=0, le=3, description="0 to 3 on one host in 24 hours")
    per_fleet_and_hour: int = Field(default=10, ge=0, le=10, description="0 to 10 on all hosts in an hour")
    cool_down_minutes: int = Field(
        default=10, ge=10, le=1440, description="10 to 1440 minutes between two of one rule on one host"
    )


class AlertPolicy(FrozenModel):
    """The whole policy: alerts.yml of the project."""

    sources: dict[PolicyName, AlertSource] = Field(default={}, description="who sends alerts, by name")
    rules: tuple[PolicyRule, ...] = Field(default=(), max_length=500, description="what an alert leads to, in order")
    limits: PolicyLimits = Field(default_factory=PolicyLimits, description="how much may start by itself")
    quiet_hours: tuple[QuietHours, ...] = Field(default=(), description="when nothing starts by itself")
    storm_minutes: int = Field(
        default=10, ge=1, le=60, description="1 to 60: further alerts of one rule and host within them are one"
    )
    forget_hours: int = Field(
        default=24, ge=1, le=720, description="1 to 720: an alert that is not heard of for so long is over"
    )

    def rule_for(self, labels: Mapping[str, str], source: str) -> PolicyRule | None:
        """Return the first rule that matches, None if there is none."""
        return next((rule for rule in self.rules if rule.matches(labels, source)), None)
