"""The runbook's terms for an incident, and its types of text and time."""

from datetime import UTC
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

from remediate.core.field_types import Form

Prose = Annotated[
    str,
    Form(
        r"^[^\x00-\x08\x0b-\x1f\x7f]*$",
        "text without control characters, up to 8000",
        max_length=8000,
        strip_whitespace=True,
    ),
]
"""Text that a person typed, with any number of lines, at most 8000 characters."""
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]
"""A moment, always in UTC."""


class IncidentStatus(Enum):
    """The status of an incident, as everybody is notified of it (5.1)."""

    INVESTIGATING = "Investigating"
    IDENTIFIED = "Identified"
    MONITORING = "Monitoring"
    RESOLVED = "Resolved"


class Detection(Enum):
    """The sources that may detect an incident (2.1)."""

    MONITORING = "monitoring"
    USER = "user"
    INTERNAL = "internal"

    @property
    def words(self) -> str:
        """The runbook's term."""
        return {"monitoring": "Monitoring alert", "user": "User report", "internal": "Internal discovery"}[self.value]


class Situation(Enum):
    """A reason to escalate an incident to others (6.1)."""

    UNRESOLVED = "unresolved"
    BREACH = "breach"
    PROVIDER = "provider"
    CUSTOMERS = "customers"

    @property
    def words(self) -> str:
        """The runbook's term."""
        return {
            "unresolved": "not resolved in time",
            "breach": "data breach suspected",
            "provider": "infrastructure provider issue",
            "customers": "customer-facing impact",
        }[self.value]
