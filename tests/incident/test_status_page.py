"""The public page: its state, its messages, and typed text as plain text."""

import os
import stat
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from remediate.core.playbook import Severity
from remediate.incident.channels import NotSent
from remediate.incident.file_lock import locked
from remediate.incident.messages import Message, Templates
from remediate.incident.status_page import histories, recent
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.run_id import new_run_id
from support.status_pages import HOSTILE, Page, html, static, told
from support.toy_incidents import NOON, minutes
from support.toy_messages import message

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
