"""A delivery as a server would take it in: headers and bytes in, decisions or a refusal out."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from remediate.alerts.authentication import NotAuthenticated, Verifier
from remediate.alerts.decision import AlertDecision, SuppressedBy
from remediate.alerts.formats import read
from remediate.alerts.intake import Replayed
from remediate.alerts.policy import PolicyMode
from remediate.errors import ConfigurationError
from support.alerting import NOON, Desk, firing, group, plain, policy

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)

SECRETS = {"uptime": b"u" * 24, "prometheus": b"p" * 24}
POLICY = """
sources:
  uptime: {format: plain, signature: env:U}
  prometheus:
    format: alertmanager
    bearer: env:P
    auto:
      - {labels: {alertname: SiteDown}, hosts: [web1], playbooks: [app-down]}
rules:
  - name: site-down
    match: {alertname: SiteDown}
    sources: uptime
    host: {label: host}
    action: app-down
    mode: auto
  - name: site-down-unsigned
    match: {alertname: SiteDown}
    sources: prometheus
    host: {label: host, names: [web1]}
    action: app-down
    mode: auto
"""

Headers = tuple[tuple[bytes, bytes], ...]


class Server:
    """The order in which a server has to do things: prove, read, take."""

    def __init__(self, desk: Desk, directory: Path) -> None:
        self.desk = desk
        desk.policy = policy(directory, POLICY)

    def take(self, name: str, headers: Headers, body: bytes) -> Sequence[AlertDecision] | NotAuthenticated:
        source = self.desk.policy.sources[name]
        sender = Verifier(name, source, [SECRETS[name]]).verify(headers, body, self.desk.now)
        if isinstance(sender, NotAuthenticated):
            return sender
        return self.desk.take(*read(body, source.format, name).alerts, by=sender)

    @property
    def recorded(self) -> int:
        return len(self.desk.store.recorded(NOON - timedelta(days=1)))


@pytest.fixture
def server(desk: Desk, tmp_path: Path) -> Server:
    return Server(desk, tmp_path)


def signed(body: bytes, *, id_: str = "msg_1", key: bytes = SECRETS["uptime"]) -> Headers:
    sent = str(int(NOON.timestamp()))
    digest = hmac.new(key, f"{id_}.{sent}.".encode() + body, hashlib.sha256).digest()
    return (
        (b"webhook-id", id_.encode()),
        (b"webhook-timestamp", sent.encode()),
        (b"webhook-signature", b"v1," + base64.b64encode(digest)),
    )


TOKEN = ((b"authorization", b"Bearer " + SECRETS["prometheus"]),)


def decision(answer: Sequence[AlertDecision] | NotAuthenticated) -> AlertDecision:
    assert not isinstance(answer, NotAuthenticated), answer
    (one,) = answer
    return one


def test_a_signed_alert_is_auto_once(server: Server) -> None:
    body = plain()
    assert decision(server.take("uptime", signed(body), body)).mode is PolicyMode.AUTO
    with pytest.raises(Replayed):
        server.take("uptime", signed(body), body)
    assert decision(server.take("uptime", signed(body, id_="msg_2"), body)).suppressed_by is SuppressedBy.REPEATED
    server.desk.now += timedelta(minutes=6)
    assert isinstance(server.take("uptime", signed(body, id_="msg_3"), body), NotAuthenticated)
    assert server.recorded == 1


def test_a_token_is_auto_for_what_it_lists_and_a_proposal_is_never_widened_by_a_label(server: Server) -> None:
    body = group(firing())
    assert decision(server.take("prometheus", TOKEN, body)).mode is PolicyMode.AUTO
    for host in ("web2", "web*", "all", "web1,web2"):
        other = group(firing(labels={"alertname": "SiteDown", "host": host}, fingerprint="a1"))
        assert decision(server.take("prometheus", TOKEN, other)).suppressed_by is SuppressedBy.UNKNOWN_HOST


def test_what_is_forged_or_unusable_leaves_nothing(server: Server) -> None:
    body = plain()
    forged = signed(body, key=b"x" * 24)
    for headers, sent in ((forged, body), (signed(body), body + b" "), ((), body), (TOKEN, body)):
        assert isinstance(server.take("uptime", headers, sent), NotAuthenticated)
    for junk in (b"", b"no JSON", b"[]", b" " * (10 * 1024 * 1024), group(firing())):
        with pytest.raises(ConfigurationError):
            server.take("uptime", signed(junk), junk)
    assert server.recorded == 0
    # The id of what could not be used was not used up.
    assert decision(server.take("uptime", signed(body), body)).mode is PolicyMode.AUTO
