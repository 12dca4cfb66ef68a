"""The public page: its state, its messages, and typed text as plain text."""

import os
import stat
import tempfile
import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from remediate.core.playbook import Severity
from remediate.incident.channels import NotSent
from remediate.incident.file_lock import locked
from remediate.incident.messages import Message, Templates
from remediate.incident.settings import IncidentSettings, StaticPage
from remediate.incident.status_page import histories, recent
from remediate.incident.status_page.atom import ATOM, ENTRIES, XHTML, feed
from remediate.incident.status_page.static import StaticStatusPage
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from support.browser import CHROMIUM, browser
from support.toy_incidents import NOON, minutes
from support.toy_messages import message

SETTINGS = IncidentSettings(timezone="Europe/Berlin")
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
    """What a browser makes of it, as far as it matters here."""

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


# -- incidents, from what was said -------------------------------------------------------------------------------------


def test_messages_become_incidents_newest_first() -> None:
    one, two = new_run_id(), new_run_id()
    first = [
        told(one, 1, IncidentStatus.INVESTIGATING),
        told(one, 9, IncidentStatus.RESOLVED, name="All is well again"),
    ]
    second = [
        told(two, 5, IncidentStatus.INVESTIGATING, began=minutes(4)),
        told(two, 6, IncidentStatus.MONITORING, began=minutes(4)),
    ]
    later, earlier = histories([*first, *reversed(second)])
    assert (later.id, later.ongoing, later.status, later.updates) == (
        two,
        True,
        IncidentStatus.MONITORING,
        (*second[::-1],),
    )
    assert (earlier.id, earlier.ongoing, earlier.ended) == (one, False, minutes(9))
    assert earlier.name == "Payments fail"  # what is over is known by what was wrong
    assert histories([]) == ()


def test_what_is_long_over_is_left_out() -> None:
    old, going = new_run_id(), new_run_id()
    incidents = histories([told(old, 1, IncidentStatus.RESOLVED), told(going, 1, IncidentStatus.IDENTIFIED)])
    later = NOON + timedelta(days=31)
    assert [each.id for each in recent(incidents, later, 30)] == [going]
    assert len(recent(incidents, NOON + timedelta(days=30), 30)) == 2


# -- the page ----------------------------------------------------------------------------------------------------------


def headline(*messages: Message) -> str:
    page = Page(html(*messages))
    assert page.of("title")[0] == f"{page.of('strong')[0]} · Agency status"
    return page.of("strong")[0]


@pytest.mark.parametrize(
    ("severity", "words"),
    [
        (Severity.SEV1, "Major incident"),
        (Severity.SEV2, "Service disruption"),
        (Severity.SEV3, "Minor incident"),
        (Severity.SEV4, "Minor incident"),
    ],
)
def test_the_headline_says_how_bad_it_is(severity: Severity, words: str) -> None:
    assert headline(told("a", 1, IncidentStatus.INVESTIGATING, severity=severity)) == words


def test_the_headline_says_how_it_stands() -> None:
    assert headline() == "No known incidents"
    assert headline(told("a", 1, IncidentStatus.RESOLVED)) == "No known incidents"
    assert headline(told("a", 1, IncidentStatus.MONITORING)) == "A fix is in place, we are watching it"
    worse = told("b", 2, IncidentStatus.IDENTIFIED, severity=Severity.SEV2)
    assert headline(told("a", 1, IncidentStatus.MONITORING), worse) == "2 ongoing incidents"


def test_the_page_is_whole() -> None:
    going, over = new_run_id(), new_run_id()
    page = Page(
        html(
            told(over, -1500, IncidentStatus.INVESTIGATING, began=minutes(-1510)),
            told(over, -1440, IncidentStatus.RESOLVED, "All is well.", began=minutes(-1510)),
            told(going, 1, IncidentStatus.INVESTIGATING, "We look."),
            told(going, 31, IncidentStatus.IDENTIFIED, "Found."),
        )
    )
    names = [tag for tag, _ in page.tags]
    assert [names.count(tag) for tag in ("html", "head", "header", "main", "footer", "h1")] == [1] * 6
    assert "script" not in names
    assert page.tags[0] == ("html", {"lang": "en"})
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert page.of("h2") == ["Now", "Past incidents"]
    assert page.of("h3") == ["Payments fail", "Sunday, 22 November 2026"]
    assert page.of("h4") == ["Payments fail"]
    labels = {given["aria-labelledby"] for tag, given in page.tags if tag == "section"}
    assert labels == {given["id"] for tag, given in page.tags if tag == "h2"}
    shown = [text for _, text in page.texts]
    assert shown.index("Found.") < shown.index("We look.") < shown.index("All is well.")
    assert "All 2 updates" in shown


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "No incidents in the last 30 days."),
        ([told("a", 1, IncidentStatus.INVESTIGATING)], "No other incidents in the last 30 days."),
        ([told("a", 1, IncidentStatus.RESOLVED)], "No other incidents in the last 30 days."),
    ],
)
def test_what_goes_on_now_is_one_of_the_last_days(messages: Sequence[Message], words: str) -> None:
    assert words in Page(html(*messages)).of("p")


def test_times_are_local_and_in_utc_for_machines() -> None:
    page = Page(html(told("a", 1, IncidentStatus.INVESTIGATING)))
    times = [(given["datetime"], text) for (_, given), text in zip(
        [each for each in page.tags if each[0] == "time"], page.of("time"), strict=True
    )]  # fmt: skip
    assert ("2026-11-23T12:01:00Z", "23 Nov, 13:01 CET") in times
    assert all(datetime.fromisoformat(machine or "").tzinfo is not None for machine, _ in times)


def test_nothing_on_it_comes_from_elsewhere() -> None:
    text = html(told("a", 1, IncidentStatus.INVESTIGATING), url="https://status.example.com")
    assert "default-src 'none'" in text
    for _, given in Page(text).tags:
        for name in ("src", "href", "action", "srcset"):
            if name in given:
                assert urlsplit(given[name] or "").scheme in {"", "data"}
                assert urlsplit(given[name] or "").netloc == ""
    assert "url(" not in text
    assert "@import" not in text


def test_what_anybody_typed_is_text_on_the_page() -> None:
    plain, odd = (
        told("a", 1, IncidentStatus.IDENTIFIED, "text"),
        told("a", 1, IncidentStatus.IDENTIFIED, HOSTILE, name=HOSTILE),
    )
    harmless, hostile = Page(html(plain)), Page(html(odd, title=HOSTILE.replace("\n", " ")[:400]))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in harmless.tags]
    shown = " ".join(text for _, text in hostile.texts)
    assert HOSTILE in shown
    assert hostile.of("h3") == [HOSTILE]


def test_a_page_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "page.html.j2").write_text("<p>{{ headline }}: {{ ongoing[0].name }}</p>")
    page = static(tmp_path / "out", Templates(tmp_path))
    page.publish(message(), lambda: histories([message(name="<b>")]))
    assert (tmp_path / "out" / "index.html").read_text() == "<p>Major incident: &lt;b&gt;</p>"
    (tmp_path / "page.html.j2").write_text("{{ nothing }}")
    with pytest.raises(
        NotSent, match=r"page\.html\.j2: UndefinedError: 'nothing' is undefined; it may use: page, feed"
    ):
        page.publish(message(), lambda: ())


# -- the feed: RFC 4287 ------------------------------------------------------------------------------------------------


def tree(*messages: Message, **given: object) -> ET.Element:
    page = StaticPage.model_validate({"title": "Agency status", **given})
    return ET.fromstring(feed(page, histories(messages), minutes(60)))  # noqa: S314  # our own


def the(element: ET.Element, name: str) -> str:
    (one,) = element.findall(f"{{{ATOM}}}{name}")
    return "".join(one.itertext())


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


# -- the files ---------------------------------------------------------------------------------------------------------


def test_both_files_are_there_for_everybody_to_read(tmp_path: Path) -> None:
    place = tmp_path / "a" / "status"
    note = static(place).publish(message(), lambda: histories([message()]))
    assert note == str(place / "index.html")
    assert sorted(file.name for file in place.iterdir()) == ["feed.atom", "index.html"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in place.iterdir()} == {0o644}


def test_no_reader_sees_half_a_page(tmp_path: Path) -> None:
    page, over = static(tmp_path), threading.Event()
    said = [message(body="x" * 20_000)]
    page.publish(said[0], lambda: histories(said))

    def write() -> None:
        for _ in range(30):
            said.append(message(body="x" * 20_000))
            page.publish(said[-1], lambda: histories(said))
        over.set()

    thread = threading.Thread(target=write)
    thread.start()
    read = 0
    while not over.is_set():
        assert (tmp_path / "index.html").read_text().rstrip().endswith("</html>")
        assert (tmp_path / "feed.atom").read_text().rstrip().endswith("</feed>")
        read += 1
    thread.join()
    assert read


def test_a_page_that_cannot_be_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotSent, match="file: File exists") as error:
        static(tmp_path / "file").publish(message(), lambda: ())
    assert not error.value.final
    monkeypatch.setattr("remediate.incident.file_lock.PATIENCE", 0.1)
    with locked(tmp_path, os.O_RDONLY), pytest.raises(NotSent, match="another process is writing it"):
        static(tmp_path).publish(message(), lambda: ())


def test_a_full_disk_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = static(tmp_path)
    page.publish(message(), lambda: histories([message(body="old")]))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(NotSent, match="No space left"):
            page.publish(message(), lambda: histories([message(body="new")]))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["feed.atom", "index.html"]
    assert "old" in (tmp_path / "index.html").read_text()


# -- in a browser ------------------------------------------------------------------------------------------------------

CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const light = color => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    const part = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = element => {
    const color = getComputedStyle(element).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : color;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = 99;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim()) continue;
    const [a, b] = [light(getComputedStyle(node.parentElement).color), light(ground(node.parentElement))];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
})()
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_real_browser_shows_it_narrow_and_wide_in_light_and_dark(tmp_path: Path) -> None:
    one, two = new_run_id(), new_run_id()
    said: Sequence[Message] = [
        *(told(one, number, status, HOSTILE, name=HOSTILE) for number, status in enumerate(IncidentStatus)),
        *(told(two, number, status) for number, status in enumerate(list(IncidentStatus)[:3])),
        told(new_run_id(), 5, IncidentStatus.INVESTIGATING, severity=Severity.SEV2),
    ]
    static(tmp_path).publish(said[0], lambda: histories(said))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, browser(Path(profile)) as window:
        for width in (320, 375, 1280):
            for dark in (False, True):
                window.show(tmp_path / "index.html", width=width, height=812, dark=dark)
                window.value("document.querySelectorAll('details').forEach(each => each.open = true)")
                assert window.value("document.documentElement.scrollWidth") <= width
                assert window.value(CONTRAST) >= 4.5, "WCAG AA"
                # Only the page itself was asked for, and nothing ran or complained.
                asked = [event["params"]["request"]["url"] for event in window.events if "request" in event["params"]]
                assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "index.html").as_uri()]
                assert not [event for event in window.events if event["method"] == "Log.entryAdded"]
                assert not [event for event in window.events if event["method"].startswith("Page.javascript")]
                assert window.value("document.querySelector('h1').getBoundingClientRect().top") < 100
                assert window.value("document.querySelector('.state').getBoundingClientRect().bottom") < 300
