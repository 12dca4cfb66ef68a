"""The service's timers: it wakes the outbox, tells what is overdue, and says that it lives."""

import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.incident.clock import Due, DueKind, due
from remediate.incident.outbox import Outbox
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.store import IncidentStore
from remediate.project.project import Project
from remediate.service import incident_clock
from remediate.service.heartbeat import Heartbeat, keep_beating
from remediate.service.incident_clock import IncidentClock
from support.http_thread import Quiet, serving
from support.toy_incidents import NOON, declared, minutes
from support.toy_messages import message


def opened(project: Project) -> IncidentStore:
    return IncidentStore.open(project.journal(), project=project.identity())


def test_what_waits_in_the_outbox_is_sent(project: Project, tmp_path: Path) -> None:
    with opened(project) as store:
        incident = store.declare("ana", NOON, declared())
        now = datetime.now(NOON.tzinfo)
        said = message("It is looked at", audience=Audience.INTERNAL, incident=incident.id, at=now)
        Outbox(store.database, project=project.identity()).queue(said, ["book"])
    clock = IncidentClock(project)
    clock.look()
    clock.look()
    assert (tmp_path / "book.txt").read_text().count("It is looked at") == 1


def test_what_is_overdue_is_told_once_and_not_taken_from_incident_watch(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(project) as store:
        incident = store.declare("ana", NOON, declared())
    clock = IncidentClock(project, now=lambda: minutes(120))
    assert clock.overdue()[DueKind.UPDATE] == 1
    with caplog.at_level(logging.WARNING, "remediate"):
        clock.look()
        clock.look()
    told = [line for line in caplog.messages if "overdue: update" in line]
    assert len(told) == 1
    assert incident.id in told[0]
    with opened(project) as store:
        assert store.load(incident.id).announced == frozenset()


def test_a_record_that_cannot_be_read_is_told_and_tried_again(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = IncidentClock(project)
    (tmp_path / "no").write_text("no database" * 99)
    monkeypatch.setenv("REMEDIATE_JOURNAL", f"sqlite:////{tmp_path}/no")
    with caplog.at_level(logging.WARNING, "remediate"):
        clock.look()
    assert "incidents cannot be looked at" in caplog.text


def test_an_incident_whose_clocks_fail_silences_no_other(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(project) as store:
        first, second = (store.declare("ana", NOON, declared()) for _ in range(2))

    def broken(incident: Incident, *rest: object, **_: object) -> Sequence[Due]:
        if not rest or incident.id == first.id:
            raise ValueError("a bug")
        return due(incident, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(incident_clock, "due", broken)
    monkeypatch.setattr(incident_clock, "deliver_due", broken)
    IncidentClock(project, now=lambda: minutes(120)).look()
    assert f"{second.id}: overdue: update" in caplog.text
    assert f"the clocks of incident {first.id} are not read; it is tried again in 5 s: ValueError" in caplog.text
    assert "queued messages are not sent; it is tried again in 5 s: ValueError" in caplog.text


def test_a_mistake_in_the_settings_shows_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.remediate.incidents]\nnonsense = 1\n")
    with pytest.raises(ConfigurationError, match="nonsense"):
        IncidentClock(Project(tmp_path))


class Listener(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Check)
        self.called: list[str] = []
        self.status = 200
        self.arrived = threading.Event()


class Check(Quiet, BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.called.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()
        self.server.arrived.set()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with serving(Listener()) as listener:
        monkeypatch.setenv("BEAT", f"http://127.0.0.1:{listener.server_port}/token-of-the-check")
        yield listener


def test_a_heartbeat_is_sent_while_all_is_well(listener: Listener) -> None:
    over = threading.Event()
    beating = threading.Thread(target=keep_beating, args=(Heartbeat("env:BEAT"), lambda: None, over))
    beating.start()
    assert listener.arrived.wait(60)
    over.set()
    beating.join()
    assert listener.called == ["/token-of-the-check"]


def test_none_is_sent_when_something_is_wrong(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    Heartbeat("env:BEAT").beat(lambda: "a database does not answer")
    assert listener.called == []
    assert "no heartbeat is sent: a database does not answer" in caplog.text


@pytest.mark.parametrize(("status", "said"), [(500, "answered with 500"), (302, "answered with 302")])
def test_an_answer_that_is_no_yes_is_told_and_not_followed(
    listener: Listener, caplog: pytest.LogCaptureFixture, status: int, said: str
) -> None:
    listener.status = status
    Heartbeat("env:BEAT").beat(lambda: None)
    assert listener.called == ["/token-of-the-check"]
    assert said in caplog.text
    assert "token-of-the-check" not in caplog.text


def test_nobody_there_is_told_without_the_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BEAT", "http://127.0.0.1:1/token-of-the-check")
    Heartbeat("env:BEAT").beat(lambda: None)
    assert "the heartbeat did not arrive: ConnectError" in caplog.text
    assert "token-of-the-check" not in caplog.text
    monkeypatch.setenv("BEAT", "ftp://example.com/")
    with pytest.raises(ConfigurationError, match="https:// or http://"):
        Heartbeat("env:BEAT")
