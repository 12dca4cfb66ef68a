"""The feed of the public page, as RFC 4287 demands it."""

import xml.etree.ElementTree as ET
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from remediate.incident.messages import Message
from remediate.incident.settings import StaticPage
from remediate.incident.status_page import histories
from remediate.incident.status_page.atom import ATOM, ENTRIES, XHTML, feed
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from support.status_pages import HOSTILE, the, told
from support.toy_incidents import minutes


def tree(*messages: Message, **given: object) -> ET.Element:
    page = StaticPage.model_validate({"title": "Agency status", **given})
    return ET.fromstring(feed(page, histories(messages), minutes(60)))  # noqa: S314  # our own


def date(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    assert text.endswith("Z")
    return moment


@pytest.mark.parametrize("url", [None, "https://status.example.com/", "https://example.com/status"])
def test_the_feed_has_what_the_standard_demands(url: str | None) -> None:
    one = new_run_id()
    updates = [told(one, number, IncidentStatus.INVESTIGATING, f"line {number}\nmore") for number in range(3)]
    root = tree(*updates, url=url)
    assert root.tag == f"{{{ATOM}}}feed"
    # 4.1.1: exactly one id, title and updated; an author for entries that have none.
    assert the(root, "title") == "Agency status"
    assert the(root, "id") == (url or the(root, "id"))
    assert urlsplit(the(root, "id")).scheme
    assert date(the(root, "updated")) == minutes(2)
    assert root.findtext(f"{{{ATOM}}}author/{{{ATOM}}}name") == "Agency status"
    links = {link.attrib["rel"]: link.attrib["href"] for link in root.findall(f"{{{ATOM}}}link")}
    if url:
        assert links == {"self": url.rstrip("/") + "/feed.atom", "alternate": url.rstrip("/") + "/"}
    else:
        assert links == {}
    # 4.1.2: exactly one id, title and updated; ids are IRIs, all different; content, or else a link.
    entries = root.findall(f"{{{ATOM}}}entry")
    assert [the(entry, "id") for entry in entries] == [f"urn:uuid:{each.id}" for each in reversed(updates)]
    for entry in entries:
        assert the(entry, "title") == "[Investigating] x"
        assert date(the(entry, "updated")) == date(the(entry, "published"))
        (content,) = entry.findall(f"{{{ATOM}}}content")
        # 4.1.3.3: of type xhtml, content is one div.
        assert content.attrib == {"type": "xhtml"}
        (division,) = content
        assert division.tag == f"{{{XHTML}}}div"
        assert [paragraph.text for paragraph in division][1] == "more"
        known = {"title", "id", "published", "updated", "category", "link", "content"}
        assert {child.tag.removeprefix(f"{{{ATOM}}}") for child in entry} <= known


def test_a_feed_without_news_is_a_feed() -> None:
    root = tree()
    assert date(the(root, "updated")) == minutes(60)
    assert the(root, "id") == the(tree(), "id")
    assert root.findall(f"{{{ATOM}}}entry") == []


def test_a_feed_ends_somewhere() -> None:
    root = tree(*(told(new_run_id(), number, IncidentStatus.RESOLVED) for number in range(ENTRIES + 10)))
    assert len(root.findall(f"{{{ATOM}}}entry")) == ENTRIES


def test_what_anybody_typed_is_text_in_the_feed() -> None:
    odd = told("a", 1, IncidentStatus.IDENTIFIED, HOSTILE + "\ufffe\x00").model_copy(update={"title": HOSTILE})
    (entry,) = tree(odd, title="<&>").findall(f"{{{ATOM}}}entry")
    assert the(entry, "title") == HOSTILE
    assert the(entry, "content") == HOSTILE + "\ufffd\ufffd"
