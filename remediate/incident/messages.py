"""What is said about an incident, to whom, as values; rendered from templates that anybody can edit.

A template never sees the record itself: it is given a `Briefing`, a flat list of documented words, so that a template
of a project's own goes on working whatever becomes of the record. It is sandboxed, a name that does not exist is an
error, and what it is given is put in as it stands: nobody's title or update is ever read as a template.
"""

import re
from datetime import datetime, timedelta, tzinfo
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from remediate.errors import ConfigurationError
from remediate.incident.record import Incident, Status
from remediate.masking import Masker, strip_control
from remediate.playbook import Severity
from remediate.run_id import new_run_id

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


class MessageKind(Enum):
    """What a message is for."""

    DECLARATION = "declaration"
    UPDATE = "update"
    STATUS = "status"
    RESOLUTION = "resolution"
    ESCALATION = "escalation"


class Audience(Enum):
    """Who reads it."""

    INTERNAL = "internal"
    PUBLIC = "public"
    PERSON = "person"


class Words(BaseModel):
    """What a person adds for one message, beyond what the record knows; everything may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: str = Field(default="", description="how the public knows it; the incident's own title where empty")
    text: str = Field(default="", description="what the public is told, in place of the template's own sentence")
    to: str = Field(default="", description="of an escalation: the person or role that is called in")
    why: str = Field(default="", description="of an escalation: what calls for it")


class Message(BaseModel):
    """One thing said about an incident: rendered, masked, ready to be sent; it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(description="UUIDv7; every receiver that can tells a repetition by it")
    incident: str
    kind: MessageKind
    audience: Audience
    title: str = Field(description="the first line")
    body: str = Field(description="the rest")
    name: str = Field(description="what the incident is called before this audience")
    status: Status
    severity: Severity
    began: AwareDatetime = Field(description="when the incident began, as far as anybody noticed")
    ended: AwareDatetime | None = Field(default=None, description="when it was resolved")
    at: AwareDatetime = Field(description="when this was said")

    @property
    def text(self) -> str:
        """The whole of it, as it is previewed."""
        return f"{self.title}\n{self.body}".rstrip("\n")
