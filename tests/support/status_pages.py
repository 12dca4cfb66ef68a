"""Status pages of messages, and what a browser makes of them."""

import xml.etree.ElementTree as ET
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

from remediate.incident.messages import Message, Templates
from remediate.incident.settings import StaticPage
from remediate.incident.status_page import histories
from remediate.incident.status_page.atom import ATOM
from remediate.incident.status_page.static import StaticStatusPage
from remediate.incident.vocabulary import IncidentStatus
from support.toy_incidents import SETTINGS, minutes
from support.toy_messages import message

HOSTILE = (
    "<script>alert(1)</script></p></article><img src=x onerror=alert(1)> \" ' & &lt; {{ 7*7 }} {% x %} ]]> <!-- "
    "\N{HEBREW LETTER ALEF}\N{ARABIC LETTER MEEM} \N{FIRE} " + "A" * 400
)
VOID = {"meta", "link", "img", "br"}


def told(incident: str, minute: float, status: IncidentStatus, body: str = "text", **given: object) -> Message:
    over = {"ended": minutes(minute)} if status is IncidentStatus.RESOLVED else {}
    return message(f"[{status.value}] x", body, incident=incident, at=minutes(minute), status=status, **over, **given)


def static(directory: Path, templates: Templates | None = None, **given: object) -> StaticStatusPage:
    page = StaticPage.model_validate({"title": "Agency status", **given})
    return StaticStatusPage(page, directory, SETTINGS, templates or Templates(), clock=lambda: minutes(60))


def html(*messages: Message, now: datetime | None = None, **given: object) -> str:
    return static(Path(), None, **given).html(histories(messages), now or minutes(60))


class Page(HTMLParser):
    """The page as a browser reads it, as far as it matters here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} is closed out of order"

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.texts.append((self.open[-1], data.strip()))

    def of(self, tag: str) -> list[str]:
        return [text for where, text in self.texts if where == tag]


def the(element: ET.Element, name: str) -> str:
    (one,) = element.findall(f"{{{ATOM}}}{name}")
    return "".join(one.itertext())
