"""Slack, PagerDuty, Opsgenie, e-mail and about a hundred others, through apprise (extra `remediate[notify]`).

An apprise URL holds tokens. The settings therefore hold only a reference to it, and the URL is read at sending time.
apprise has no message ids, so a repeated message says in its text that it may be a repetition. Paging services know an
incident by a `dedup` key, so the resolution ends the page that the declaration started.
"""

import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from remediate.errors import ConfigurationError
from remediate.incident.channels import NotSent, with_warning
from remediate.incident.messages import Message, MessageKind
from remediate.incident.settings import Audience
from remediate.masking.masker import Masker
from remediate.project.secret_refs import resolve

TIMEOUT: Final = 10
"""Seconds for one message. This must stay well below the lease of an outbox claim."""

_ANSWERED: Final = re.compile(r"\berror[=: ]+([45][0-9]{2})\b")
_NOT_NOW: Final = frozenset({"408", "429"})
"""HTTP statuses worth a retry. Any other 4xx blames the message, the token or the address for good."""
_MENTION: Final = re.compile(r"(?<![\w.+-])@(?=\w)|<(?=[@!#&]|at>)")
"""Text that notifies people: @here, @everyone, @name, <!channel>, <@U0123>, <at>. The @ of an e-mail address is not."""
_PARTS: Final = re.compile(r"[^/:@?&=,]{8,}")


class AppriseChannel:
    """One service that apprise supports, configured by a reference to its URL."""

    def __init__(self, name: str, audiences: frozenset[Audience], reference: str, masker: Masker) -> None:
        self.name = name
        self.audiences = audiences
        self._reference = reference
        self._masker = masker
        self._parts = Masker()

    def send(self, message: Message, *, again: bool) -> str:
        """Send the message to the service. See MessageChannel."""
        with _quiet() as said:
            # One delivery goes to one service. If one of several failed, a retry would repeat the message at the
            # others.
            service = self._service(said)
            from apprise import Apprise, NotifyFormat, NotifyType

            hub = Apprise(service)
            _one_page(service, message)
            title, body = _fitting(_calling_nobody(with_warning(message, again=again)), service.body_maxlen)
            over = message.kind is MessageKind.RESOLUTION
            done = hub.notify(
                body=body or title,
                title=title if body else "",
                notify_type=NotifyType.SUCCESS if over else NotifyType.WARNING,
                # As plain text, so that apprise escapes it for services that render HTML or Markdown.
                body_format=NotifyFormat.TEXT,
                interpret_escapes=False,
                timeout=TIMEOUT,
            )
        if not done:
            why = self._why(said) or "the service did not take it"
            # An error status proves that the service did not take the message. Without one, apprise does not say how
            # far the message got.
            answers = _ANSWERED.findall(why)
            never = bool(answers) and all(code[0] == "4" and code not in _NOT_NOW for code in answers)
            raise NotSent(why, unsure=not answers, final=never)
        return str(service.service_name)

    def demand(self) -> None:
        """Raise NotSent if no message could be sent.

        So it is if apprise is missing, or does not know the URL.
        """
        with _quiet() as said:
            self._service(said)

    def _service(self, said: list[str]) -> Any:
        """Return what apprise makes of the URL. `said` is what it complains of meanwhile. Raises NotSent."""
        try:
            from apprise import Apprise
        except ImportError:
            raise NotSent("apprise is not installed here: pip install 'remediate[notify]'") from None
        service = Apprise.instantiate(self._url())
        if service is None:
            raise NotSent(f"{self._reference}: {self._why(said) or 'apprise does not know such a URL'}")
        return service

    def _url(self) -> str:
        try:
            url = resolve(self._reference, f"channel {self.name}", sys.stdin).get_secret_value().strip()
        except ConfigurationError as error:
            raise NotSent(str(error)) from None
        self._masker.register(url)
        # Services quote parts of the URL in their error messages. Some parts are ordinary words that may also stand in
        # a message, so they are masked only in what the service returns.
        self._parts.register(url, *_PARTS.findall(url))
        return url

    def _why(self, said: list[str]) -> str:
        return self._masker.mask(self._parts.mask(" ".join(" ".join(said).split())))[:300]


def _one_page(service: Any, message: Message) -> None:
    """Put an incident on one page, which its resolution ends; an escalation opens its own.

    The page of an escalation must alert people again, so it is not merged into the page of the incident.
    """
    if getattr(service, "dedup", "") is None:
        alone = message.kind in {MessageKind.ESCALATION, MessageKind.PROPOSAL}
        service.dedup = message.id if alone else message.incident
    if hasattr(service, "dedup"):
        service.action = "map"  # this action makes apprise resolve the page when the type is SUCCESS


def _calling_nobody(message: Message) -> Message:
    """Disable every mention, except in the title before the incident's name.

    Those are the template's own, and are meant.
    """
    before, name, after = message.title.rpartition(message.name)
    before = before.replace(message.name, _silent(message.name)) if name else ""
    return message.model_copy(update={"title": before + _silent(name + after), "body": _silent(message.body)})


def _silent(text: str) -> str:
    return _MENTION.sub(lambda mark: f"{mark[0]}\u200b", text)


def _fitting(message: Message, limit: int) -> tuple[str, str]:
    """Return title and body, shortened to what the service takes in one message.

    A service rejects a longer message for good. The message is not split: if only some of the parts arrived, a retry
    would send all of them again.
    """
    room = limit - _SPARE
    title, body = _cut(message.title, room), message.body
    if _length(title) + _length(body) > room:
        proposed = message.kind is MessageKind.PROPOSAL
        whole = "approve list" if proposed else f"incident.timeline --incident {message.incident}"
        pointer = f"… (shortened; all of it: {whole})"
        left = room - _length(title) - _length(pointer)
        body = f"{_cut(body, left)}{pointer}" if left > 0 else ""
    return title, body


_SPARE: Final = 16
"""Characters reserved for what apprise puts between title and body."""


def _length(text: str) -> int:
    """Number of characters as the strictest services count them: in UTF-16 units."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _cut(text: str, length: int) -> str:
    if _length(text) <= length:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * (length - 1)].decode("utf-16-le", "ignore") + "…"


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Collect apprise's log messages instead of printing them, and silence its libraries' warnings."""
    said: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log, handler = logging.getLogger("apprise"), Collect(level=logging.WARNING)
    propagated, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield said
    finally:
        log.removeHandler(handler)
        log.propagate = propagated
