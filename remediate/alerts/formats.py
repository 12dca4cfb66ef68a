"""Reads the webhooks of Alertmanager and Grafana, and plain JSON, into the same values.

A payload may come from anybody. Its size, depth and count are limited, and its texts are data: nothing of them is
executed, rendered, fetched, or used as a host, a pattern or a file's name.
"""

import json
import re
from enum import Enum
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remediate.alerts.alert import (
    AlertStatus,
    Annotations,
    Fingerprint,
    IncomingAlert,
    Labels,
    Name,
    Payload,
    SentTime,
    fingerprint_of,
)
from remediate.core.field_types import FrozenModel
from remediate.errors import ConfigurationError, one_line
from remediate.inventory.ansible_values import shown

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 16
MAX_ALERTS: Final = 1000
NAME_LABEL: Final = "alertname"

_NESTING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)
"""A string, or an opening or closing mark. An unclosed string counts to the end, so that it is searched only once."""

M = TypeVar("M", bound=BaseModel)


class AlertFormat(Enum):
    """The accepted forms of a payload."""

    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    PLAIN = "plain"


class _Sent(BaseModel):
    """A part of a vendor's payload. What we do not use is ignored, because vendors add to it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _SentAlert(_Sent):
    status: AlertStatus
    labels: Labels
    annotations: Annotations = {}
    startsAt: SentTime = None  # noqa: N815 - the vendors' names
    endsAt: SentTime = None  # noqa: N815
    fingerprint: Fingerprint | None = None


class _SentGroup(_Sent):
    """The part that Alertmanager's and Grafana's payloads have in common."""

    alerts: tuple[_SentAlert, ...] = Field(max_length=MAX_ALERTS)
    truncatedAlerts: int = Field(default=0, ge=0)  # noqa: N815


class _AlertmanagerGroup(_SentGroup):
    version: Literal["4"]


class _GrafanaGroup(_SentGroup):
    orgId: int  # noqa: N815


class PlainAlert(FrozenModel):
    """One alert in plain JSON, for senders whose request can be written by hand."""

    model_config = ConfigDict(validate_by_name=True)

    schema_: Literal["remediate.alert/1"] = Field(default="remediate.alert/1", alias="schema")
    name: Name = Field(description="what fired: SiteDown")
    status: AlertStatus = Field(description="firing, or resolved when it is over")
    labels: Labels = Field(default={}, description="what the policy matches, as {host: web1}")
    annotations: Annotations = Field(default={}, description="text for people")
    starts: SentTime = Field(default=None, description="since when it fires; absent = not known")
    ends: SentTime = Field(default=None, description="until when it fired")
    fingerprint: Fingerprint | None = Field(
        default=None, description="the same for the same alert; absent = made of name and labels"
    )


def read(body: bytes, kind: AlertFormat | None, source: str) -> Payload:
    """Return the alerts of a payload.

    Without `kind`, the payload says what it is. Raises ConfigurationError in one line, which never quotes a value.
    """
    document = _document(body)
    if kind is None:
        kind = _kind_of(document)
    if kind is AlertFormat.PLAIN:
        return Payload(alerts=(_of_plain(_validated(PlainAlert, document, kind), source),))
    group = _validated(_GrafanaGroup if kind is AlertFormat.GRAFANA else _AlertmanagerGroup, document, kind)
    if not group.alerts:
        raise ConfigurationError(f"this is no {kind.value} payload: alerts: must not be empty")
    alerts = tuple(_of_group(alert, number, source) for number, alert in enumerate(group.alerts))
    return Payload(alerts=alerts, omitted=group.truncatedAlerts)


def _document(body: bytes) -> dict[str, object]:
    if len(body) > MAX_BYTES:
        raise ConfigurationError(f"the payload is larger than {MAX_BYTES // 1024 // 1024} MiB: nothing of it was read")
    if not body.strip():
        raise ConfigurationError("the payload is empty: it takes JSON")
    depth = 0
    for token in _NESTING.finditer(body):
        depth += bool(token[1]) - bool(token[2])
        if depth > MAX_DEPTH:
            raise ConfigurationError(f"the payload is nested more than {MAX_DEPTH} deep")
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ConfigurationError("the payload is not UTF-8 text: it takes JSON") from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"the payload is not JSON: line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the payload is not usable JSON: {_why(error)}") from None
    if not isinstance(document, dict):
        raise ConfigurationError("the payload must be a JSON object")
    return document


class _Ambiguous(ValueError):
    """A payload that two parsers could read differently."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Ambiguous("a key stands twice in one object")
    return found


def _no_constant(_: str) -> object:
    raise _Ambiguous("NaN and Infinity are no numbers")


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, _Ambiguous) else "a number in it is too long"


def _kind_of(document: dict[str, object]) -> AlertFormat:
    if "alerts" not in document:
        return AlertFormat.PLAIN
    return AlertFormat.GRAFANA if "orgId" in document else AlertFormat.ALERTMANAGER


def _validated(model: type[M], document: dict[str, object], kind: AlertFormat) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(f"this is no {kind.value} payload: {shown(one_line(error, model), 400)}") from None


def _of_group(sent: _SentAlert, number: int, source: str) -> IncomingAlert:
    name = sent.labels.get(NAME_LABEL)
    if not name:
        raise ConfigurationError(f"the payload cannot be used: alerts.{number}.labels has no {NAME_LABEL}")
    return _alert(sent.fingerprint, sent.status, sent.labels, source, sent.annotations, sent.startsAt, sent.endsAt)


def _of_plain(sent: PlainAlert, source: str) -> IncomingAlert:
    if sent.labels.get(NAME_LABEL, sent.name) != sent.name:
        raise ConfigurationError(f"the payload cannot be used: its label {NAME_LABEL} is not its name")
    labels = {**sent.labels, NAME_LABEL: sent.name}
    return _alert(sent.fingerprint, sent.status, labels, source, sent.annotations, sent.starts, sent.ends)


def _alert(
    fingerprint: str | None,
    status: AlertStatus,
    labels: dict[str, str],
    source: str,
    annotations: dict[str, str],
    starts: SentTime,
    ends: SentTime,
) -> IncomingAlert:
    try:
        return IncomingAlert(
            fingerprint=fingerprint or fingerprint_of(labels),
            status=status,
            name=labels[NAME_LABEL],
            labels=labels,
            annotations=annotations,
            starts=starts,
            ends=ends,
            source=source,
        )
    except ValidationError as error:
        raise ConfigurationError(f"the payload cannot be used: {shown(one_line(error, IncomingAlert), 400)}") from None
