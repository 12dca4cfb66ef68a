"""The Atom feed (RFC 4287) of a status page, built as an XML tree."""

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from remediate.incident.messages import Message
from remediate.incident.settings import StaticPage
from remediate.incident.status_page import PublicIncident

ATOM: Final = "http://www.w3.org/2005/Atom"
XHTML: Final = "http://www.w3.org/1999/xhtml"
ENTRIES: Final = 50

# Characters that XML 1.0 cannot hold, escaped or not.
_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def feed(page: StaticPage, incidents: Sequence[PublicIncident], now: datetime) -> bytes:
    """Return the feed as XML: one entry for each of the newest updates, newest first."""
    updates = sorted((update for incident in incidents for update in incident.updates), key=lambda one: one.at)
    newest = updates[::-1][:ENTRIES]
    root = ET.Element(f"{{{ATOM}}}feed", {"xml:lang": page.language})
    _text(root, "title", page.title)
    _text(root, "id", page.url or _urn(f"remediate:{page.title}"))
    _text(root, "updated", _rfc3339(newest[0].at if newest else now))
    author = ET.SubElement(root, f"{{{ATOM}}}author")
    _text(author, "name", page.title)
    if page.url:
        base = page.url.rstrip("/")
        ET.SubElement(
            root, f"{{{ATOM}}}link", {"rel": "self", "type": "application/atom+xml", "href": f"{base}/feed.atom"}
        )
        ET.SubElement(root, f"{{{ATOM}}}link", {"rel": "alternate", "type": "text/html", "href": f"{base}/"})
    _text(root, "generator", "remediate")
    for update in newest:
        _entry(root, update, page.url)
    ET.register_namespace("", ATOM)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _entry(root: ET.Element, update: Message, url: str | None) -> None:
    entry = ET.SubElement(root, f"{{{ATOM}}}entry")
    _text(entry, "title", update.title)
    _text(entry, "id", f"urn:uuid:{update.id}")
    _text(entry, "published", _rfc3339(update.at))
    _text(entry, "updated", _rfc3339(update.at))
    ET.SubElement(entry, f"{{{ATOM}}}category", {"term": update.status.value})
    if url:
        _link(entry, "alternate", "text/html", f"{url.rstrip('/')}/#incident-{update.incident}")
    content = ET.SubElement(entry, f"{{{ATOM}}}content", {"type": "xhtml"})
    division = ET.SubElement(content, f"{{{XHTML}}}div")
    for line in (update.body or update.title).splitlines():
        paragraph = ET.SubElement(division, f"{{{XHTML}}}p")
        paragraph.text = _writable(line)


def _link(parent: ET.Element, rel: str, kind: str, href: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}link", {"rel": rel, "type": kind, "href": href})


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{ATOM}}}{name}").text = _writable(text)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


def _rfc3339(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}"
