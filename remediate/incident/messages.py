"""Messages about an incident, as values rendered from editable templates.

A template never sees the record itself: it is given a `TemplateContext`, a flat list of documented words, so that a
project's own template goes on working whatever becomes of the record. It is sandboxed, a name that does not exist is an
error, and what it is given is put in as it stands: nobody's title or update is ever read as a template.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import AwareDatetime, Field

from remediate.core.field_types import FrozenModel
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.template_context import TemplateContext
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from remediate.masking.masker import Masker, strip_control

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

SUFFIX: Final = ".txt.j2"
PACKAGED: Final = Path(__file__).with_name("templates")
"""The wording of the runbook."""


class MessageKind(Enum):
    """What a message is for."""

    DECLARATION = "declaration"
    UPDATE = "update"
    STATUS = "status"
    RESOLUTION = "resolution"
    ESCALATION = "escalation"


class Message(FrozenModel):
    """One thing said about an incident: rendered, masked, ready to be sent; it never changes."""

    id: str = Field(description="UUIDv7; every receiver that can tells a repetition by it")
    incident: str = Field(description="UUIDv7 of the incident")
    kind: MessageKind
    audience: Audience
    title: str = Field(description="the first line")
    body: str = Field(description="the rest")
    name: str = Field(description="what the incident is called before this audience")
    status: IncidentStatus
    severity: Severity
    began: AwareDatetime = Field(description="when the incident began, as far as anybody noticed")
    ended: AwareDatetime | None = Field(default=None, description="when it was resolved")
    at: AwareDatetime = Field(description="when this was said")

    @property
    def text(self) -> str:
        """The whole of it, as it is previewed."""
        return f"{self.title}\n{self.body}".rstrip("\n")

    @property
    def reference(self) -> str:
        """What tells it from every other one, in few digits: for a reader who got it twice."""
        return self.id.rpartition("-")[2]

    def masked(self, masker: Masker) -> "Message":
        """The same without secrets; every message passes here last before it leaves."""
        texts = {field: masker.mask(getattr(self, field)) for field in ("title", "body", "name")}
        return self.model_copy(update=texts)


class Templates:
    """The wording: a project's own directory over the packaged templates, found by the name of the file."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own

    def render(self, kind: MessageKind, audience: Audience, briefing: TemplateContext) -> tuple[str, str]:
        """Return the first line and the rest. Raises ConfigurationError naming the template and the line."""
        names = (f"{kind.value}.{audience.value}{SUFFIX}", f"{kind.value}{SUFFIX}")
        text = self._filled(names, dict(briefing), html=False)
        title, _, body = text.strip("\n").partition("\n")
        if not title.strip():
            raise ConfigurationError(f"template {names[0]}: its first line is the title, and came out empty")
        return " ".join(title.split()), body.strip("\n")

    def page(self, name: str, values: Mapping[str, object]) -> str:
        """Fill a page of HTML: every value is escaped. Raises ConfigurationError as `render` does."""
        return self._filled((name,), values, html=True).lstrip()

    def _filled(self, names: Sequence[str], values: Mapping[str, object], *, html: bool) -> str:
        from jinja2 import TemplateError, TemplatesNotFound, TemplateSyntaxError

        place = " or ".join(names)
        try:
            # One's own for every audience comes before the packaged one for this audience.
            own = [name for name in names if self._own is not None and (self._own / name).is_file()]
            template = self._environment(html=html).select_template([*own, *names])
            place = template.filename or names[0]
            return template.render(values)
        except TemplatesNotFound:
            raise ConfigurationError(f"there is no template {place}") from None
        except TemplateSyntaxError as error:
            place = f"{error.filename or error.name}:{error.lineno}"
            raise ConfigurationError(f"{place}: {_line(error.message or 'it cannot be read')}") from None
        except (TemplateError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            words = f"{type(error).__name__}: {_line(error)}"
            raise ConfigurationError(f"{place}: {words}; it may use: {', '.join(values)}") from None

    def _environment(self, *, html: bool) -> "SandboxedEnvironment":
        from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        own: list[BaseLoader] = [FileSystemLoader(self._own)] if self._own is not None else []
        return ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([*own, PackageLoader("remediate.incident")]),
            undefined=StrictUndefined,
            autoescape=html,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def render(
    incident: Incident,
    kind: MessageKind,
    audience: Audience,
    briefing: TemplateContext,
    *,
    templates: Templates,
    masker: Masker,
    now: datetime,
) -> Message:
    """Make the message: what the template says, without control characters and secrets."""
    shown = briefing.model_copy(
        update={name: masker.mask(harmless(text)) for name, text in briefing if isinstance(text, str)}
    )
    title, body = templates.render(kind, audience, shown)
    return Message(
        id=new_run_id(),
        incident=incident.id,
        kind=kind,
        audience=audience,
        title=harmless(title),
        body=harmless(body),
        name=shown.title,
        status=incident.status,
        severity=incident.severity,
        began=incident.started_at,
        ended=incident.resolved_at,
        at=now,
    ).masked(masker)


# What turns the direction of the text around it; letters of any script are not among them.
_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS: Final = re.compile("[\u2028\u2029\u0085]")


def harmless(text: str) -> str:
    r"""Make text safe to show anywhere: no control characters, and what turns the writing direction made visible.

    A title with U+202E in it would show the words after it backwards; it is shown as `\u202e` instead.
    """
    plain = strip_control(_BREAKS.sub("\n", text))
    return _TURNS.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def _line(said: object) -> str:
    return " ".join(str(said).split())
