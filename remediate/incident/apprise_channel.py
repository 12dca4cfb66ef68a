"""Slack, PagerDuty, Opsgenie, e-mail and a hundred others, by apprise: the extra `remediate[notify]`.

Its URLs hold tokens, so the settings hold a reference to one and it is read when something is to be sent. apprise does
not know a message by an id: a repetition says of itself that it may be one. Services that page know an incident by one
(`dedup`), so that its resolution ends the page that its declaration began.
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
"""Seconds for one message; well below the outbox's claim."""

_ANSWERED: Final = re.compile(r"\berror[=: ]+([45][0-9]{2})\b")
_NOT_NOW: Final = frozenset({"408", "429"})
"""Answers that are about this moment; every other 4xx is about the message, the token or the address."""
_MENTION: Final = re.compile(r"(?<![\w.+-])@(?=\w)|<(?=[@!#&]|at>)")
"""What calls somebody: @here, @everyone, @name, <!channel>, <@U0123>, <at>; not the @ of an address."""
_PARTS: Final = re.compile(r"[^/:@?&=,]{8,}")


class AppriseChannel:
    """One service that apprise knows, by the URL that a reference leads to."""

    def __init__(self, name: str, audiences: frozenset[Audience], reference: str, masker: Masker) -> None:
        self.name = name
        self.audiences = audiences
        self._reference = reference
        self._masker = masker
        self._parts = Masker()

    def send(self, message: Message, *, again: bool) -> str:
        """See Channel."""
        try:
            from apprise import Apprise, NotifyFormat, NotifyType
        except ImportError:
            raise NotSent("apprise is not installed here: pip install 'remediate[notify]'") from None

        url = self._url()
        with _quiet() as said:
            # One service for one delivery: of several, those that took it would get it again.
            service = Apprise.instantiate(url)
            if service is None:
                raise NotSent(f"{self._reference}: {self._why(said) or 'apprise does not know such a URL'}")
            hub = Apprise(service)
            _one_page(service, message)
            title, body = _fitting(_calling_nobody(with_warning(message, again=again)), service.body_maxlen)
            over = message.kind is MessageKind.RESOLUTION
            done = hub.notify(
                body=body or title,
                title=title if body else "",
                notify_type=NotifyType.SUCCESS if over else NotifyType.WARNING,
                # Text, so that apprise escapes it for services that show HTML or Markdown.
                body_format=NotifyFormat.TEXT,
                interpret_escapes=False,
                timeout=TIMEOUT,
            )
        if not done:
            why = self._why(said) or "the service did not take it"
            # A service that answered did not take it; of one that did not answer, apprise does not say how far it got.
            answers = _ANSWERED.findall(why)
            never = bool(answers) and all(code[0] == "4" and code not in _NOT_NOW for code in answers)
            raise NotSent(why, unsure=not answers, final=never)
        return str(service.service_name)

    def _url(self) -> str:
        try:
            url = resolve(self._reference, f"channel {self.name}", sys.stdin).get_secret_value().strip()
        except ConfigurationError as error:
            raise NotSent(str(error)) from None
        self._masker.register(url)
        # Services quote parts of it in what they refuse with. Some of those are no secrets but plain words, which
        # may well stand in a message: they are only masked in what comes back.
        self._parts.register(url, *_PARTS.findall(url))
        return url

    def _why(self, said: list[str]) -> str:
        return self._masker.mask(self._parts.mask(" ".join(" ".join(said).split())))[:300]


def _one_page(service: Any, message: Message) -> None:
    """Let everything about an incident belong to one page, which its resolution ends; an escalation is to wake anew."""
    if getattr(service, "dedup", "") is None:
        escalated = message.kind is MessageKind.ESCALATION
        service.dedup = message.id if escalated else message.incident
    if hasattr(service, "dedup"):
        service.action = "map"  # apprise's word for: what is a success resolves


def _calling_nobody(message: Message) -> Message:
    """Take the effect from every mention, but those that the template puts before the incident's name in the title."""
    before, name, after = message.title.rpartition(message.name)
    before = before.replace(message.name, _silent(message.name)) if name else ""
    return message.model_copy(update={"title": before + _silent(name + after), "body": _silent(message.body)})


def _silent(text: str) -> str:
    return _MENTION.sub(lambda mark: f"{mark[0]}\u200b", text)


def _fitting(message: Message, limit: int) -> tuple[str, str]:
    """Return title and body, shortened to what the service takes in one message; what is too long it refuses for good.

    Not split: of several messages some may arrive, and all would be sent again.
    """
    room = limit - _SPARE
    title, body = _cut(message.title, room), message.body
    if _length(title) + _length(body) > room:
        pointer = f"… (shortened; all of it: incident.timeline --incident {message.incident})"
        left = room - _length(title) - _length(pointer)
        body = f"{_cut(body, left)}{pointer}" if left > 0 else ""
    return title, body


_SPARE: Final = 16
"""Characters for what apprise puts between title and body."""


def _length(text: str) -> int:
    """Characters as the strictest services count them: in units of UTF-16."""
    return len(text.encode("utf-16-le", "replace")) // 2


def _cut(text: str, length: int) -> str:
    if _length(text) <= length:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * (length - 1)].decode("utf-16-le", "ignore") + "…"


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Collect what apprise logs, which would else be printed, and leave out what its libraries warn about."""
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
