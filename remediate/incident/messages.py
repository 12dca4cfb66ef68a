"""Messages about an incident, as values rendered from editable templates.

A template never sees the record itself. It is given a `TemplateContext`, a flat list of documented names, so a
project's own template keeps working when the record changes. Templates are sandboxed, and an unknown name is an error.
Values are inserted as they are: a title or an update is never evaluated as a template.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

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
    from jinja2 import BaseLoader, Template
    from jinja2.sandbox import SandboxedEnvironment

_Used = TypeVar("_Used")

SUFFIX: Final = ".txt.j2"
PACKAGED: Final = Path(__file__).with_name("templates")
"""Templates with the wording of the runbook."""


class MessageKind(Enum):
    """The purpose of a message."""

    DECLARATION = "declaration"
    UPDATE = "update"
    STATUS = "status"
    RESOLUTION = "resolution"
    ESCALATION = "escalation"
    PROPOSAL = "proposal"


class Message(FrozenModel):
    """One message about an incident: rendered, masked, ready to send, and immutable."""

    id: str = Field(description="UUIDv7; every receiver that can tells a repetition by it")
    incident: str = Field(description="UUIDv7 of the incident, or of the proposal that it is about")
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
        """The title and the body, as in the preview."""
        return f"{self.title}\n{self.body}".rstrip("\n")

    @property
    def reference(self) -> str:
        """A short reference by which a reader recognises a repeated message."""
        return self.id.rpartition("-")[2]

    def masked(self, masker: Masker) -> "Message":
        """Return the message without secrets. Every message passes here last before it leaves."""
        texts = {field: masker.mask(getattr(self, field)) for field in ("title", "body", "name")}
        return self.model_copy(update=texts)


class Templates:
    """The templates: a project's own directory first, then the packaged ones, found by file name."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own

    def render(self, kind: MessageKind, audience: Audience, briefing: FrozenModel) -> tuple[str, str]:
        """Return the title (the first line) and the body.

        Raises ConfigurationError naming the template and, if known, the line.
        """
        names = _names(kind, audience)
        text = self._filled(names, dict(briefing), html=False)
        title, _, body = text.strip("\n").partition("\n")
        if not title.strip():
            raise ConfigurationError(f"template {names[0]}: its first line is the title, and came out empty")
        return " ".join(title.split()), body.strip("\n")

    def page(self, name: str, values: Mapping[str, object]) -> str:
        """Return an HTML page with every value escaped. Raises ConfigurationError as `render` does."""
        return self._filled((name,), values, html=True).lstrip()

    def demand(self, kind: MessageKind, audience: Audience, context: type[FrozenModel]) -> None:
        """Raise ConfigurationError unless the template can be used with this context.

        It has to be readable, and may only use the context's names, even to ask if one of them is defined.
        """
        from jinja2.meta import find_undeclared_variables

        names = _names(kind, audience)

        def unknown(template: "Template") -> set[str]:
            environment = template.environment
            source, *_ = self._loader().get_source(environment, template.name or names[0])
            used = find_undeclared_variables(environment.parse(source))
            return used - context.model_fields.keys() - environment.globals.keys()

        if wrong := self._used(names, unknown, context.model_fields, html=False):
            used, accepted = ", ".join(sorted(wrong)), ", ".join(context.model_fields)
            raise ConfigurationError(f"the template {names[0]} uses {used}; it may use: {accepted}")

    def _filled(self, names: Sequence[str], values: Mapping[str, object], *, html: bool) -> str:
        return self._used(names, lambda template: template.render(values), values, html=html)

    def _used(
        self, names: Sequence[str], use: "Callable[[Template], _Used]", values: Iterable[str], *, html: bool
    ) -> _Used:
        """Return what comes of the first of these templates. Raises ConfigurationError in one line."""
        from jinja2 import TemplateError, TemplatesNotFound, TemplateSyntaxError

        place = " or ".join(names)
        try:
            # The project's template for every audience comes before the packaged one for this audience.
            own = [name for name in names if self._own is not None and (self._own / name).is_file()]
            template = self._environment(html=html).select_template([*own, *names])
            place = template.filename or names[0]
            return use(template)
        except TemplatesNotFound:
            raise ConfigurationError(f"there is no template {place}") from None
        except TemplateSyntaxError as error:
            place = f"{error.filename or error.name}:{error.lineno}"
            raise ConfigurationError(f"{place}: {_line(error.message or 'it cannot be read')}") from None
        except (TemplateError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
            words = f"{type(error).__name__}: {_line(error)}"
            raise ConfigurationError(f"{place}: {words}; it may use: {', '.join(values)}") from None

    def _environment(self, *, html: bool) -> "SandboxedEnvironment":
        from jinja2 import StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        return ImmutableSandboxedEnvironment(
            loader=self._loader(),
            undefined=StrictUndefined,
            autoescape=html,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def _loader(self) -> "BaseLoader":
        from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader

        own: list[BaseLoader] = [FileSystemLoader(self._own)] if self._own is not None else []
        return ChoiceLoader([*own, PackageLoader("remediate.incident")])


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
    """Return the rendered message, without control characters and secrets."""
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


# Characters that change the writing direction. Letters of right-to-left scripts are not among them.
_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS: Final = re.compile("[\u2028\u2029\u0085]")


def harmless(text: str) -> str:
    r"""Return text that is safe to show anywhere.

    Control characters are removed. Characters that change the writing direction are made visible: a title with U+202E
    would show the words after it backwards, so it is shown as `\u202e`.
    """
    plain = strip_control(_BREAKS.sub("\n", text))
    return _TURNS.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def _names(kind: MessageKind, audience: Audience) -> tuple[str, str]:
    """Return the file names of a template: for this audience, and for every one."""
    return f"{kind.value}.{audience.value}{SUFFIX}", f"{kind.value}{SUFFIX}"


def _line(said: object) -> str:
    return " ".join(str(said).split())
