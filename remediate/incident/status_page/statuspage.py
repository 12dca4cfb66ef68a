"""A page at Statuspage, through its API (v1): each message once, within the rate limit.

The metadata of each incident there holds our incident's id and the ids of all its messages. The request that writes a
message writes its id, too. Before anything is written, the incident is looked up, so a message whose response was lost
is found instead of being repeated. A request whose response was lost may still be processed there. Therefore nothing
more is written about that incident until the claim expires.
"""

import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.incident.channels import NotSent
from remediate.incident.messages import Message
from remediate.incident.settings import StatuspageSettings
from remediate.incident.status_page import History
from remediate.incident.vocabulary import IncidentStatus
from remediate.masking.masker import Json, Masker, strip_control
from remediate.project.secret_refs import resolve

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

SECONDS: Final = 8.0
"""Timeout of one request, in seconds. Three of them stay well below the lease of an outbox claim."""
PACE: Final = 1.0
"""Seconds between two requests, as Statuspage's rate limit demands."""
_PER_PAGE: Final = 100
_LOOK_SECONDS: Final = 60.0
"""Seconds to search for our incident. With the write that follows, this stays below the lease of a claim."""
_EARLIER: Final = timedelta(days=1)
"""Margin before our incident's beginning: anything created earlier is not ours.

Clocks differ, and the beginning of an incident may be corrected.
"""
_LIMITED: Final = frozenset({420, 429})
_DENIED: Final = frozenset({401, 403})
_INVALID: Final = frozenset({400, 422})
_OF_THE_SERVER: Final = 500
_DEFAULT_WAIT: Final = 60
_LONGEST_WAIT: Final = 3600
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_IMPACT: Final = {
    Severity.SEV1: "critical",
    Severity.SEV2: "major",
    Severity.SEV3: "minor",
    Severity.SEV4: "none",
}
_COMPONENT: Final = {
    Severity.SEV1: "major_outage",
    Severity.SEV2: "partial_outage",
    Severity.SEV3: "degraded_performance",
    Severity.SEV4: "operational",
}


class _Ours(BaseModel):
    """The metadata that we write into an incident there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    incident: str
    messages: tuple[str, ...] = ()


class _Metadata(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    remediate: _Ours | None = None


class _Incident(BaseModel):
    """The fields that we use of an incident there."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: str
    created_at: datetime | None = None
    shortlink: str | None = None
    metadata: _Metadata | None = Field(default=None)

    @property
    def ours(self) -> _Ours | None:
        return self.metadata.remediate if self.metadata else None


_LIST: Final = TypeAdapter(list[_Incident])


def _before(made: datetime, moment: datetime) -> bool:
    # A time without a zone cannot be compared.
    return made.tzinfo is not None and made < moment


class StatuspagePage:
    """One page at Statuspage."""

    def __init__(
        self, settings: StatuspageSettings, masker: Masker, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._masker = masker
        self._sleep = sleep
        self._asked_at: float | None = None

    def publish(self, message: Message, history: History) -> str:  # noqa: ARG002  # Statuspage remembers it
        """Create or update the incident there. See StatusPage."""
        import httpx2

        headers = {"Authorization": f"OAuth {self._token()}", "Accept": "application/json"}
        base = f"{self._settings.api.rstrip('/')}/pages/{self._settings.page}"
        # httpx keeps the path of the base URL. Redirects are not followed, because they would send the key elsewhere.
        with httpx2.Client(base_url=base, headers=headers, timeout=SECONDS, follow_redirects=False) as client:
            there = self._find(client, message)
            if there is None:
                shown = self._ask(client, "POST", "/incidents", self._body(message, ()))
            elif there.ours is not None and message.id in there.ours.messages:
                return f"{there.shortlink or there.id}, shown before"
            else:
                known = there.ours.messages if there.ours else ()
                shown = self._ask(client, "PATCH", f"/incidents/{there.id}", self._body(message, known))
        return self._read(_Incident.model_validate_json, shown).shortlink or "statuspage"

    def _find(self, client: "httpx2.Client", message: Message) -> _Incident | None:
        """Return our incident there; None if it does not exist.

        Pages are read newest first, until their incidents are older than ours can be. Raises NotSent when that takes
        too long, because an incident that was not found may still be there.
        """
        end, number = time.monotonic() + _LOOK_SECONDS, 1
        while number == 1 or time.monotonic() < end:
            answer = self._ask(client, "GET", f"/incidents?limit={_PER_PAGE}&page={number}", None)
            listed = self._read(_LIST.validate_json, answer)
            ours = (one for one in listed if one.ours is not None and one.ours.incident == message.incident)
            if (found := next(ours, None)) is not None:
                return found
            made = listed[-1].created_at if listed else None
            if len(listed) < _PER_PAGE or (made is not None and _before(made, message.began - _EARLIER)):
                return None
            number += 1
        raise NotSent(
            f"{self._settings.api}: it is not among the newest {(number - 1) * _PER_PAGE} incidents, and whether it is "
            "among the older ones is not known"
        )

    def _body(self, message: Message, known: tuple[str, ...]) -> Json:
        over = message.status is IncidentStatus.RESOLVED
        ours: Json = {"incident": message.incident, "messages": [*known, message.id]}
        incident: dict[str, Json] = {
            "name": message.name,
            "status": message.status.value.lower(),
            "impact_override": _IMPACT[message.severity],
            "body": message.body or message.title,
            "deliver_notifications": True,
            "metadata": {"remediate": ours},
        }
        if self._settings.components:
            state = "operational" if over else _COMPONENT[message.severity]
            incident["component_ids"] = list(self._settings.components)
            incident["components"] = dict.fromkeys(self._settings.components, state)
        return {"incident": incident}

    def _ask(self, client: "httpx2.Client", method: str, path: str, body: Json) -> bytes:
        """Send one request, no faster than the rate limit. Raises NotSent."""
        import httpx2

        if self._asked_at is not None:
            self._sleep(max(0.0, PACE - (time.monotonic() - self._asked_at)))
        self._asked_at = time.monotonic()
        try:
            answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            # A connection that was never made wrote nothing, and neither did a GET.
            never_sent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL)
            under_way = method != "GET" and not isinstance(error, never_sent)
            why = f"{self._settings.api}: {self._said(str(error)) or type(error).__name__}"
            raise NotSent(why, unsure=under_way, under_way=under_way) from None
        if answer.is_success:
            return answer.content
        refusal = self._refusal(answer.status_code, answer.headers.get("Retry-After", ""), answer.text)
        # A gateway's error says nothing about the server behind it, which may still process the request.
        refusal.unsure = refusal.under_way = method != "GET" and answer.status_code >= _OF_THE_SERVER
        raise refusal

    def _refusal(self, code: int, after: str, text: str) -> NotSent:
        what = f"{self._settings.api} answers {code}"
        if code in _LIMITED:
            seconds = min(int(after), _LONGEST_WAIT) if after.isascii() and after.isdigit() else _DEFAULT_WAIT
            return NotSent(f"{what}: too many requests", wait=timedelta(seconds=seconds))
        if code in _DENIED:
            return NotSent(f"{what}: the key at {self._settings.token} is not accepted")
        if code in _INVALID:
            return NotSent(f"{what}: {self._said(text)}", final=True)
        return NotSent(f"{what}: {self._said(text)}")

    def _token(self) -> str:
        url = urlsplit(self._settings.api)
        if url.scheme != "https" and url.hostname not in _LOCAL:
            raise NotSent(f"{self._settings.api}: the key would travel unencrypted: use https", final=True)
        try:
            token = resolve(self._settings.token, "status_page.token", sys.stdin).get_secret_value().strip()
        except ConfigurationError as error:
            raise NotSent(str(error)) from None
        self._masker.register(token)
        if not (token.isascii() and token.isprintable() and token and " " not in token):
            raise NotSent(f"{self._settings.token}: what stands there is no API key")
        return token

    def _read(self, read: Callable[[bytes], T], answer: bytes) -> T:
        try:
            return read(answer)
        except ValidationError:
            raise NotSent(f"{self._settings.api} answers what is no incident of Statuspage's") from None

    def _said(self, text: str) -> str:
        return self._masker.mask(" ".join(strip_control(text).split()))[:200]
