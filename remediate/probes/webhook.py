"""The webhook's answers to the payment provider."""

from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import CurlExit, Run
from remediate.core.field_types import AbsolutePath, ConfigKey, EventType, FrozenModel
from remediate.core.host import Host, Payments
from remediate.core.probe import Fact
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.http import trusted_file
from remediate.probes.php import AppProbe


class WebhookTrouble(Enum):
    """Faults of an endpoint, by its answers."""

    SILENT = "does not answer"
    GATEWAY = "is not served"
    FAILING = "fails"
    GONE = "has no such route"
    METHOD = "takes no POST"
    SESSION = "demands a CSRF token"
    MOVED = "redirects, and a provider does not follow"
    LIMITED = "is rate limited"
    ODD = "answers something else"
    FORGEABLE = "accepts what has a wrong signature"
    UNSIGNED = "has no signing secret"
    REJECTS = "refuses what the application itself signed"


_REFUSED = frozenset({400, 401, 403, 422})
"""Statuses by which an application refuses a wrong signature."""
_BY_STATUS = {
    **dict.fromkeys((502, 503, 504), WebhookTrouble.GATEWAY),
    404: WebhookTrouble.GONE,
    405: WebhookTrouble.METHOD,
    410: WebhookTrouble.GONE,
    419: WebhookTrouble.SESSION,
    429: WebhookTrouble.LIMITED,
}


class WebhookDelivery(FrozenModel):
    """The answer to one event."""

    status: int = Field(ge=0, le=999, description="HTTP status, 0 when no answer came")
    error: int = Field(ge=0, description="error number of the HTTP client, 0 when an answer came")

    @property
    def accepted(self) -> bool:
        """True if the provider would count it as delivered."""
        return 200 <= self.status < 300 and self.error == 0

    @property
    def trouble(self) -> WebhookTrouble | None:
        """The fault, apart from the signature; None if the event was accepted or properly refused."""
        if self.error != 0 or self.status == 0:
            return WebhookTrouble.SILENT
        if self.accepted or self.status in _REFUSED:
            return None
        if known := _BY_STATUS.get(self.status):
            return known
        if 300 <= self.status < 400:
            return WebhookTrouble.MOVED
        return WebhookTrouble.FAILING if self.status >= 500 else WebhookTrouble.ODD

    def __str__(self) -> str:
        """Return the status, or the error if no answer came."""
        return str(self.status) if self.error == 0 else f"no answer (curl {self.error})"


class ProviderEvents(FrozenModel):
    """The answers to the provider's own events in the access log: counts, no content."""

    accepted: int = Field(ge=0, description="since the configuration in use was written")
    refused: int = Field(ge=0, description="of those since then and since the last accepted one, for their signature")
    failed: int = Field(ge=0, description="of those since then and since the last accepted one, for anything else")
    missed: int = Field(ge=0, description="all that were not accepted since the last accepted one")
    last: int = Field(ge=0, le=32503680000, description="when the last came, in seconds since 1970, 0 when none did")
    complete: bool = Field(description="whether no event that still is to be accepted can be missing among these")

    @property
    def last_at(self) -> str:
        """The time of the last event as text."""
        return f"{datetime.fromtimestamp(self.last, UTC):%Y-%m-%d %H:%M:%SZ}"


class WebhookState(Fact):
    """An endpoint's answers to a wrong signature, a right one, and the provider's own events."""

    secret: bool = Field(description="whether the application has a signing secret")
    wrong: WebhookDelivery = Field(description="an event with a wrong signature")
    right: WebhookDelivery | None = Field(description="a harmless event with the right one; None when it was not sent")
    events: ProviderEvents | None = Field(description="what the provider was answered; None when no log is declared")

    @property
    def trouble(self) -> WebhookTrouble | None:
        """The fault of the endpoint itself; None if it takes both events as it should."""
        if found := self.wrong.trouble:
            return found
        if self.wrong.accepted:
            return WebhookTrouble.FORGEABLE
        if not self.secret:
            return WebhookTrouble.UNSIGNED
        if self.right is None or self.right.accepted:
            return None
        return self.right.trouble or WebhookTrouble.REJECTS

    @property
    def disowned(self) -> bool:
        """True if the provider's events are refused for their signature, with none accepted since."""
        return self.events is not None and self.events.refused > 0

    @property
    def ok(self) -> bool | None:
        """True if the endpoint works; None until it has accepted a rightly signed event.

        If the provider has missed events, one of the provider's own has to be accepted.
        """
        if self.trouble is not None or self.disowned or (self.events and self.events.failed):
            return False
        if self.events is not None and self.events.accepted:
            return True
        owed = self.events is not None and (self.events.missed > 0 or not self.events.complete)
        return None if owed or self.right is None else True

    @override
    def describe(self) -> str:
        right = "not sent" if self.right is None else str(self.right)
        said = f"wrong signature {self.wrong}, right signature {right}"
        if self.trouble is not None:
            said = f"{self.trouble.value}: {said}"
        if self.events is not None and self.events.missed:
            none = "" if self.events.accepted else ", and none since"
            return f"{said}; the provider's last {self.events.missed} not accepted ({self.events.last_at}){none}"
        if self.ok is not None:
            return said
        if self.events is not None and not self.events.complete:
            return f"{said}; the readable part of the log is too short to know the answers to the provider"
        return f"{said}; whether a right signature is accepted is unknown"


class Webhook(AppProbe[WebhookState]):
    """Deliver two events to the webhook, on the host itself: one signed wrongly, one rightly.

    The first is refused by anything that checks signatures, so it does no harm. The second is sent only if the
    inventory names a type of event without consequences. A GET or HEAD would show nothing, because a working webhook
    answers those with 405. The webhook is well once it has accepted a rightly signed event. If the provider has missed
    events, it has to be one of the provider's: ours are signed with the application's own secret, which may be the
    wrong one.
    """

    kind: Literal["webhook.endpoint"] = "webhook.endpoint"
    program = "webhook"
    url: str = Field(description="address that the provider delivers to", pattern=r"^https?://[^\s\x00-\x1f]+$")
    secret: ConfigKey = Field(description="configuration key that holds the signing secret")
    harmless_event: EventType | None = Field(default=None, description="type of the rightly signed event")
    access_log: AbsolutePath | None = Field(default=None, description="log of what the provider was answered")
    ca_file: Path | None = Field(default=None, description="PEM file of authorities that the host trusts for it")

    @classmethod
    def of(cls, host: Host) -> "Webhook | None":
        """Return the question about a host's webhook; None if the inventory says too little."""
        settings = host.settings
        payments = settings.payments or Payments()
        if None in (settings.site_url, settings.webhook_path, settings.app_path, settings.php):
            return None
        return cls.model_validate(
            {
                "php": settings.php,
                "path": settings.app_path,
                "user": settings.app_user,
                "url": f"{str(settings.site_url).rstrip('/')}{settings.webhook_path}",
                "secret": payments.secret,
                "harmless_event": payments.harmless_event,
                "access_log": payments.access_log,
                "ca_file": trusted_file(host, Vantage.HOST),
            }
        )

    @override
    def label(self) -> str:
        return self.url

    @override
    def command(self) -> Run:
        words = (self.url, self.secret, self.harmless_event or "-", self.access_log or "-")
        trusted = () if self.ca_file is None else (str(self.ca_file),)
        return self.ask(*words, *trusted, seconds=20)

    @override
    def understand(self, answer: Any) -> WebhookState:
        match answer:
            case {"curl": False}:
                raise Unreadable(f"{self.label()}: PHP has no curl extension on its command line")
            case {"wrong": {"error": CurlExit.AUTHORITIES}}:
                raise Unreadable(f"{self.label()}: {self.ca_file} (certificate.ca) cannot be read as {self.user}")
            case {"events": "unreadable"}:
                raise Unreadable(f"{self.label()}: {self.access_log} cannot be read as {self.user}")
            case {"curl": True, **found}:
                return WebhookState.model_validate(found)
        raise TypeError
