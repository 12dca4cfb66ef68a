"""Statuspage that takes a message only long after we gave up waiting for its answer: the public reads it once."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remediate.incident.delivery import announce, deliver_due
from remediate.incident.messages import MessageKind
from remediate.incident.notifier import STATUS_PAGE, Notifier
from remediate.incident.outbox import LEASE
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText
from support.http_thread import serving
from support.toy_incidents import NOON, declared
from support.toy_statuspage import KEY, PAGE, Api, Statuspage


class Late(Statuspage):
    """One that does what it is asked only once it may, and has nobody left to answer by then."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = LateApi
        self.may, self.done = threading.Event(), threading.Event()
        self.lose = True


class LateApi(Api):
    server: Late

    def _change(self, one: dict[str, Any], body: Any, code: int) -> None:
        if code == 201:
            self.server.incidents.remove(one)  # it is not there before it was done
            assert self.server.may.wait(60)
            self.server.incidents.append(one)
        super()._change(one, body, code)
        self.server.done.set()


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch, direct: None, state: Path) -> Iterator[Late]:
    monkeypatch.setenv("STATUSPAGE_KEY", KEY)
    monkeypatch.setattr("remediate.incident.status_page.statuspage.SECONDS", 3)
    monkeypatch.setattr("remediate.incident.status_page.statuspage.PACE", 0)
    with serving(Late()) as server:
        yield server
        server.may.set()


def test_what_is_taken_after_we_gave_up_is_shown_once(late: Late) -> None:
    there = {"kind": "statuspage", "page": PAGE, "token": "env:STATUSPAGE_KEY"}
    settings = IncidentSettings.model_validate(
        {"status_page": {**there, "api": f"http://127.0.0.1:{late.server_port}/v1"}}
    )
    now = NOON
    with IncidentStore.open() as store:
        notifier = Notifier.of(settings, store, root=None, screen=None, clock=lambda: now)
        incident = store.declare("ana", NOON, declared())

        def say(text: str) -> None:
            announce(
                store, incident, MessageKind.STATUS,
                audience=Audience.PUBLIC, send=True, notifier=notifier, now=NOON, words=MessageText(text=text),
                channels=(STATUS_PAGE,),
            )  # fmt: skip

        say("We look.")
        asked = [method for method, _ in late.asked]
        assert (asked, late.incidents) == (["GET", "POST"], [])
        say("We know more.")
        for seconds in (5, 15, 35, 75, 89):
            now = NOON + timedelta(seconds=seconds)
            deliver_due(store, notifier=notifier)
        assert [method for method, _ in late.asked] == asked, "what may be at work there is not asked for, nor repeated"

        late.may.set()
        assert late.done.wait(60)
        late.lose = False
        now = NOON + LEASE
        assert deliver_due(store, notifier=notifier) == ()
    (one,) = late.incidents
    assert [update["body"].splitlines()[0] for update in one["incident_updates"]] == ["We know more.", "We look."]
