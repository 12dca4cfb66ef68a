"""Channels to services that may refuse, be away, or never answer."""

import html
import json
import logging
import os
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from remediate.incident.apprise_channel import AppriseChannel
from remediate.incident.channels import NotSent
from remediate.incident.messages import Message, MessageKind
from remediate.masking.masker import Masker
from support.http_thread import Quiet, serving
from support.toy_messages import ALL, message


class Service(ThreadingHTTPServer):
    def __init__(self, code: int) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.code = code
        self.got: list[dict[str, str]] = []
        self.over = threading.Event()


class Answering(Quiet, BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        if not self.server.code:
            self.server.over.wait(20)
            self.close_connection = True
            return
        self.send_response(self.server.code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def service(code: int = 200) -> AbstractContextManager[Service]:
    return serving(Service(code))


pytestmark = pytest.mark.usefixtures("direct")


TOKEN = "canary-5f1e-token"


def apprise(server: Service, monkeypatch: pytest.MonkeyPatch, masker: Masker | None = None) -> AppriseChannel:
    monkeypatch.setenv("HOOK", f"json://127.0.0.1:{server.server_port}/{TOKEN}?cto=1&rto=1")
    return AppriseChannel("chat", ALL, "env:HOOK", masker or Masker())


def test_a_service_gets_the_text_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "<b>{{ 7*7 }}</b> \\n &amp; :fire: \N{FIRE} *x*\nsecond line"
    with service() as server:
        note = apprise(server, monkeypatch).send(message("A title", hostile), again=False)
    (got,) = server.got
    assert (got["title"], got["message"]) == ("A title", hostile)
    assert TOKEN not in note


def test_a_message_of_one_line_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as server:
        apprise(server, monkeypatch).send(message("Only this", ""), again=False)
    assert server.got[0]["message"] == "Only this"


def test_a_repetition_at_a_service_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    one = message()
    with service() as server:
        apprise(server, monkeypatch).send(one, again=True)
    assert server.got[0]["message"].endswith(f"has the reference {one.reference} twice.)")


def test_a_service_that_refuses_is_told_without_its_token(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    masker = Masker()
    with service(500) as server, pytest.raises(NotSent) as error:
        apprise(server, monkeypatch, masker).send(message(), again=False)
    assert "500" in error.value.why
    assert not error.value.unsure
    assert TOKEN not in error.value.why
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("apprise").propagate
    # Its URL is a secret from now on, and plain words of it are not.
    assert TOKEN not in masker.mask(os.environ["HOOK"])
    assert masker.mask("127.0.0.1 is down") == "127.0.0.1 is down"


@pytest.mark.parametrize(("code", "final"), [(400, True), (404, True), (408, False), (429, False), (503, False)])
def test_what_a_service_will_never_take_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, code: int, final: bool
) -> None:
    with service(code) as server, pytest.raises(NotSent) as error:
        apprise(server, monkeypatch).send(message(), again=False)
    assert (error.value.final, error.value.unsure) == (final, False)


def test_a_service_that_is_not_there_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as server:
        channel = apprise(server, monkeypatch)
    with pytest.raises(NotSent) as error:
        channel.send(message(), again=False)
    assert not error.value.final
    assert error.value.unsure


def test_a_service_that_took_it_and_never_answered_may_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with service(0) as server:
        with pytest.raises(NotSent) as error:
            apprise(server, monkeypatch).send(message(), again=False)
        server.over.set()
    assert error.value.unsure
    assert len(server.got) == 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "there is no such variable"),
        ("", "nothing was read"),
        ("nonsense://canary-5f1e-token", "env:HOOK: .*"),
        ("canary-5f1e-token", "env:HOOK: .*"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(monkeypatch: pytest.MonkeyPatch, value: str | None, why: str) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    if value is not None:
        monkeypatch.setenv("HOOK", value)
    with pytest.raises(NotSent, match=why) as error:
        AppriseChannel("chat", ALL, "env:HOOK", Masker()).send(message(), again=False)
    assert TOKEN not in str(error.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(NotSent, match=r"pip install 'remediate\[notify\]'"):
        AppriseChannel("chat", ALL, "env:HOOK", Masker()).send(message(), again=False)


class Post:
    """Takes the place of requests.post: remembers what was sent, and answers as a service that took it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr("requests.post", self)
        monkeypatch.setattr("requests.request", lambda _, url, **request: self(url, **request))

    def __call__(self, url: str, **request: Any) -> requests.Response:
        if given := request.get("data") or request.get("json"):
            self.sent.append(json.loads(given) if isinstance(given, str | bytes) else given)
        answer = requests.Response()
        answer.status_code, answer._content = 200, b"ok" if "slack" in url else b'{"ok": true}'
        return answer


URLS = {
    "discord": f"discord://{'1' * 18}/{'a' * 68}",
    "telegram": f"tgram://123456789:{'a' * 35}/12345",
    "pagerduty": f"pagerduty://{'a' * 32}@{'b' * 32}",
    "slack": f"slack://T1JJ3T3L2/A1BRTD4JD/{'T' * 24}/#ops",
}


def sent_by(name: str, said: Message, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("PLACE", URLS[name])
    post = Post(monkeypatch)
    AppriseChannel("ops", ALL, "env:PLACE", Masker()).send(said, again=False)
    return post.sent[-1]


@pytest.mark.parametrize(
    ("name", "field", "limit"), [("discord", "content", 2000), ("telegram", "text", 4096), ("pagerduty", "", 1024)]
)
@pytest.mark.parametrize("letter", ["x", "<", "ü", "\U0001f525"])
def test_what_is_too_long_is_shortened(
    name: str, field: str, limit: int, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = message().model_copy(update={"body": letter * 6000})
    sent = sent_by(name, said, monkeypatch)
    text = html.unescape(sent[field] if field else sent["payload"]["summary"])
    assert len(text.encode("utf-16-le")) // 2 <= limit
    assert text.startswith("[Investigating] Payments fail") or "[Investigating] Payments fail" in text
    assert text.rstrip().endswith(f"incident.timeline --incident {said.incident})")
    longest = sent_by(name, said.model_copy(update={"title": letter * 6000}), monkeypatch)
    text = html.unescape(longest[field] if field else longest["payload"]["summary"])
    assert len(text.encode("utf-16-le")) // 2 <= limit


@pytest.mark.parametrize("call", ["@everyone", "@here", "<!channel>", "<@U01234567>", "<@&1234>", "@ana"])
@pytest.mark.parametrize(("name", "field"), [("discord", "content"), ("slack", "")])
def test_a_title_calls_nobody_and_the_declaration_does(
    name: str, field: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = f"{call} x {call}"
    said = message().model_copy(
        update={"name": title, "title": f"@here SEV-2 Incident Declared: {title}", "body": f"{call} and a@example.com"}
    )
    text = json.dumps(sent_by(name, said, monkeypatch), ensure_ascii=False).replace("&lt;", "<").replace("&gt;", ">")
    assert text.count(call) == (1 if call == "@here" else 0), text
    assert "@here SEV-2" in text
    assert "a@example.com" in text


def test_the_resolution_ends_the_page_that_the_declaration_began(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = (MessageKind.DECLARATION, MessageKind.UPDATE, MessageKind.RESOLUTION, MessageKind.ESCALATION)
    one = message()
    said = [one.model_copy(update={"kind": kind, "id": f"{kind.value}-id", "title": kind.value}) for kind in kinds]
    sent = [sent_by("pagerduty", each, monkeypatch) for each in said]
    incident = one.incident
    assert [(each["event_action"], each["dedup_key"]) for each in sent] == [
        *(("trigger", incident), ("trigger", incident), ("resolve", incident), ("trigger", said[3].id)),
    ]
