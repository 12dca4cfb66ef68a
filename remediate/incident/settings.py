"""A team's settings for incidents: `[tool.remediate.incidents]` of the project's pyproject.toml.

The defaults are the runbook's: response times (1.1), update intervals (5.1), and whom to call in and when (6.1, 6.2).
No setting is a secret. Channels and status pages hold references to secrets (`env:`, `file:`, `cmd:`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator

from remediate.core.field_types import Form, FrozenModel, HomePath, Line, PublicUrl, Reference
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError, one_line
from remediate.incident.vocabulary import Situation
from remediate.project.project import section

TABLE: Final = "tool.remediate.incidents"

Name = Annotated[str, Form(r"^[a-z][a-z0-9-]{0,40}$", "small letters, digits and '-', at most 41, a letter first")]
"""Name of a role or a channel in the configuration."""
Minutes = Annotated[float, Field(gt=0, le=60 * 24 * 31)]
"""Minutes, at most a month."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError is the parent of ZoneInfoNotFoundError
        raise ValueError("takes a name of the time zone database, as Europe/Berlin") from None
    return name


class Audience(Enum):
    """The audiences of a message."""

    INTERNAL = "internal"
    PUBLIC = "public"
    PERSON = "person"
    APPROVER = "approver"


class Rule(FrozenModel):
    """One row of the escalation matrix (6.1): the situation, and the roles to call in."""

    situation: Situation
    to: tuple[Name, ...] = Field(min_length=1, description="roles, as `contacts` names them")
    severities: tuple[Severity, ...] = Field(default=tuple(Severity), description="for which severities")
    after: Annotated[float, Field(ge=0, le=60 * 24 * 31)] = Field(default=0, description="minutes that it may last")


class Contact(FrozenModel):
    """One row of the contacts (6.2): who has a role, and how to reach them."""

    name: Line = Field(description="what people call the role")
    primary: Line | None = None
    backup: Line | None = None
    method: Line | None = Field(default=None, description="how to reach them: Phone, Slack, PagerDuty …")
    rotation: Path | None = Field(
        default=None, description="who is on duty: a file with lines `2026-11-23T09:00+01:00 NAME`, or iCalendar (.ics)"
    )
    channel: Name | None = Field(default=None, description="channel that a message to them takes")


class ChannelSettings(FrozenModel):
    """One message channel."""

    kind: Literal["terminal", "file", "apprise"]
    path: HomePath | None = Field(default=None, description="of a file: where (default: in the state directory)")
    reference: Reference | None = Field(default=None, description="of apprise: where its URL is, as env:SLACK_URL")
    audiences: tuple[Audience, ...] = Field(default=(Audience.INTERNAL,), description="which messages it takes")

    @model_validator(mode="after")
    def _complete(self) -> "ChannelSettings":
        if (self.kind == "apprise") != (self.reference is not None):
            raise ValueError("reference belongs to apprise, which needs one")
        if self.path is not None and self.kind != "file":
            raise ValueError("path belongs to a file")
        return self


class StaticPage(FrozenModel):
    """A static status page: files that any web server can serve."""

    kind: Literal["static"] = "static"
    directory: HomePath = Field(default=Path("status-page"), description="relative to the project, else to the state")
    title: Line = "Service status"
    url: Line | None = Field(default=None, description="where the public finds it, for links and the feed")
    language: Annotated[str, Form(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "a language as in HTML, as en or de-AT")] = (
        "en"
    )
    days: int = Field(default=30, ge=1, le=3650, description="how long a resolved incident stays on it")


class StatuspageSettings(FrozenModel):
    """A page at Statuspage."""

    kind: Literal["statuspage"]
    page: Line = Field(description="id of the page")
    token: Reference = Field(description="where the API key is")
    api: Annotated[str, Form(r"^https?://[^\s@]+$", "a URL without a user")] = "https://api.statuspage.io/v1"
    components: tuple[Line, ...] = Field(default=(), description="ids of the components that an incident affects")


MATRIX: Final = (
    Rule(situation=Situation.UNRESOLVED, severities=(Severity.SEV1,), after=30, to=("tech-lead",)),
    Rule(situation=Situation.BREACH, to=("security", "legal")),
    Rule(situation=Situation.PROVIDER, to=("devops", "vendor")),
    Rule(situation=Situation.CUSTOMERS, after=60, to=("product", "support")),
)
"""The runbook's escalation matrix (6.1)."""

CONTACTS: Final[Mapping[str, Contact]] = {
    "on-call": Contact(name="On-Call", method="PagerDuty"),
    "tech-lead": Contact(name="Tech Lead", method="Phone/Slack"),
    "devops": Contact(name="DevOps", method="Slack"),
    "security": Contact(name="Security", method="Phone"),
    "legal": Contact(name="Legal"),
    "vendor": Contact(name="Vendor"),
    "product": Contact(name="Product"),
    "support": Contact(name="Support"),
}
"""The runbook's contacts (6.2), and the other roles of its matrix (6.1).

The configuration supplies missing names.
"""

_RESPOND: Final = {Severity.SEV1: 15.0, Severity.SEV2: 60.0, Severity.SEV3: 240.0, Severity.SEV4: 1440.0}
_UPDATE: Final = {Severity.SEV1: 30.0, Severity.SEV2: 30.0, Severity.SEV3: 60.0}


class IncidentSettings(FrozenModel):
    """The whole table `[tool.remediate.incidents]`."""

    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None, description="local time zone, as Europe/Berlin (default: this machine's)"
    )
    send: bool = Field(default=False, description="send without --send whatever a command would only show")
    respond: dict[Severity, Minutes] = Field(default=_RESPOND, description="minutes to acknowledge, by severity (1.1)")
    updates: dict[Severity, Minutes] = Field(default=_UPDATE, description="minutes between updates, by severity (5.1)")
    escalation: tuple[Rule, ...] = Field(default=MATRIX, description="the matrix of 6.1")
    contacts: dict[Name, Contact] = Field(default=dict(CONTACTS), description="who they are (6.2), by role")
    channels: dict[Name, ChannelSettings] = Field(
        default={
            "terminal": ChannelSettings(kind="terminal", audiences=tuple(Audience)),
            "file": ChannelSettings(kind="file", audiences=tuple(Audience)),
        },
        description="where messages go, by name",
    )
    status_page: StaticPage | StatuspageSettings = Field(default=StaticPage(), discriminator="kind")
    templates: HomePath = Field(default=Path("incidents/templates"), description="your own wording, over the runbook's")
    postmortems: HomePath = Field(default=Path("incidents"), description="where post-mortems are written")
    postmortem_days: int = Field(default=2, ge=0, le=60, description="working days until it is held")
    lookback_minutes: Minutes = Field(default=120, description="how old a run may be to pre-fill a declaration")
    links: dict[Line, PublicUrl] = Field(default={}, description="pages that are wanted at hand, by title")

    @model_validator(mode="before")
    @classmethod
    def _over_the_defaults(cls, given: object) -> object:
        """Merge the table into the defaults. An update interval of 0 means no promise.

        A value for one severity or role leaves the others as they are.
        """
        if not isinstance(given, dict):
            return given
        merged: dict[object, object] = {**given}
        for key, defaults in (("respond", _RESPOND), ("updates", _UPDATE)):
            if isinstance(given.get(key), dict):
                plain = {severity.value: minutes for severity, minutes in defaults.items()}
                merged[key] = {name: minutes for name, minutes in {**plain, **given[key]}.items() if minutes != 0}
        if isinstance(given.get("status_page"), dict):
            merged["status_page"] = {"kind": "static", **given["status_page"]}
        if isinstance(given.get("contacts"), dict):
            merged["contacts"] = _contacts(given["contacts"])
        return merged

    @model_validator(mode="after")
    def _known(self) -> "IncidentSettings":
        named = {role for rule in self.escalation for role in rule.to}
        if unknown := sorted(named - self.contacts.keys()):
            raise ValueError(f"escalation names {', '.join(unknown)}, and contacts has no such role")
        wanted = {contact.channel for contact in self.contacts.values() if contact.channel}
        if unknown := sorted(wanted - self.channels.keys()):
            raise ValueError(f"contacts name the channel {', '.join(unknown)}, and channels has no such one")
        return self

    @property
    def zone(self) -> tzinfo:
        """The local time zone."""
        if self.timezone is not None:
            return ZoneInfo(self.timezone)
        return datetime.now().astimezone().tzinfo or UTC

    def local(self, moment: datetime) -> datetime:
        """Return the same moment in the team's zone.

        Without a configured zone, it is in this machine's zone, with the offset of that moment.
        """
        return moment.astimezone(None if self.timezone is None else ZoneInfo(self.timezone))

    def is_utc(self, moment: datetime) -> bool:
        """Return whether the local time is UTC at that moment."""
        return not self.local(moment).utcoffset()

    def respond_within(self, severity: Severity) -> timedelta | None:
        """Return the time allowed to claim an incident; None without a promise."""
        return _minutes(self.respond.get(severity))

    def update_every(self, severity: Severity) -> timedelta | None:
        """Return the interval between updates; None without a promise."""
        return _minutes(self.updates.get(severity))


def _contacts(given: Mapping[object, object]) -> dict[object, object]:
    merged: dict[object, object] = {role: contact for role, contact in CONTACTS.items()}  # noqa: C416  # wider keys
    for role, contact in given.items():
        known = CONTACTS.get(str(role))
        if isinstance(contact, dict):
            name = str(role).replace("-", " ").title()
            defaults = known.model_dump(exclude_none=True) if known else {"name": name}
            merged[role] = {**defaults, **contact}
        else:
            merged[role] = contact
    return merged


def _minutes(number: float | None) -> timedelta | None:
    return None if number is None else timedelta(minutes=number)


def incident_settings(root: Path | None) -> IncidentSettings:
    """Read the settings of the project in this directory, or the runbook's without one.

    Raises ConfigurationError naming the file and the key. Paths are not resolved here: `within` does that.
    """
    table = section(root, "incidents")
    try:
        return IncidentSettings.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{root}/pyproject.toml: {TABLE}: {one_line(error, IncidentSettings)}") from None


def within(root: Path | None, state: Path, path: Path) -> Path:
    """Resolve a path of the settings.

    It lies below the project's root, or below the state directory if there is no project.
    """
    return (root or state) / path
