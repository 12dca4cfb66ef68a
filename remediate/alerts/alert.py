"""An alert as every sender's format is read: text that is matched, and nothing else."""

import hashlib
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from remediate.core.field_types import Form, FrozenModel, Identifier

MAX_LABELS: Final = 100
_LONGEST_ANNOTATION: Final = 2000
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class AlertStatus(Enum):
    """The states of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


def _presentable(text: str) -> str:
    """Cut a text, and escape half characters: some senders cut between the two, and no document could hold them."""
    cut = text if len(text) <= _LONGEST_ANNOTATION else f"{text[:_LONGEST_ANNOTATION]}…"
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")


def _sensible(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("takes a time between the years 2000 and 2200")
    return moment


def _unset(value: object) -> object:
    """Return None for Go's zero time, which senders write for "not known"."""
    return None if isinstance(value, str) and value.startswith("0001-01-01") else value


LabelName = Annotated[
    str, Form(r"^[^\x00-\x1f\x7f]{1,200}$", "a label's name without control characters, not empty, up to 200")
]
LabelValue = Annotated[str, StringConstraints(max_length=1000)]
"""The value of a label, unchanged: a stripped one could match what the sent one does not."""
Annotation = Annotated[str, AfterValidator(_presentable)]
"""Text for people. It is cut after 2,000 characters."""
AlertTime = Annotated[AwareDatetime, AfterValidator(_sensible)] | None
"""A moment of the sender's clock, None if it is not known."""
SentTime = Annotated[AlertTime, BeforeValidator(_unset)]
Labels = Annotated[dict[LabelName, LabelValue], Field(max_length=MAX_LABELS)]
Annotations = Annotated[dict[LabelName, Annotation], Field(max_length=MAX_LABELS)]
Fingerprint = Annotated[
    Identifier,
    Form(r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$", "letters, digits, '_', '.', ':', '/' and '-', up to 128"),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class IncomingAlert(FrozenModel):
    """One alert of one sender. Its texts are only compared with the policy, and shown."""

    fingerprint: Fingerprint = Field(description="the same for as long as it is the same alert")
    status: AlertStatus
    name: Name = Field(description="what the rule of the sender is called")
    labels: Labels = Field(description="what the policy matches; alertname is the name")
    annotations: Annotations = Field(default={}, description="text for people, which nothing matches")
    starts: AlertTime = Field(default=None, description="since when it fires, by the sender's clock")
    ends: AlertTime = Field(default=None, description="until when it fired, by the sender's clock")
    source: str = Field(description="which source of the policy sent it, or terminal")


class Payload(FrozenModel):
    """The alerts of one delivery."""

    alerts: tuple[IncomingAlert, ...]
    omitted: int = Field(default=0, description="alerts that the sender left out, and of which nothing is known")


def fingerprint_of(labels: dict[str, str]) -> str:
    """Return a fingerprint of these labels, for a sender that gives none."""
    total = hashlib.sha256()
    for name, value in sorted(labels.items()):
        for text in (name, value):
            data = text.encode()
            total.update(len(data).to_bytes(4, "big") + data)
    return total.hexdigest()[:32]


def ago(since: datetime, now: datetime) -> str:
    """Return a duration in its largest unit: 40 s, 12 min, 3 h, 2 d."""
    seconds = max(now - since, timedelta(0)).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
