"""The service over HTTP: what it takes, refuses and starts, with durable runs on paper hosts."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from remediate.core.options import Options
from remediate.journal.journal import Journal
from remediate.journal.models import RunSummary
from remediate.journal.pause import KillSwitch, Pause
from remediate.service.service import serving
from support.clock import until
from support.durable import ToyFleet
from support.toy_alerts import (
    BEARER,
    READ,
    SECRETS,
    firing,
    grafana_group,
    grafana_signed,
    group,
    plain,
    signed,
    with_policy,
)

MIB = 1024 * 1024


@pytest.fixture
def client(toys: ToyFleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with_policy(toys)
    with (
        serving(toys.project, options=Options(hold=0), connect=toys.connect, poll_seconds=0.05) as server,
        TestClient(server.config.app, raise_server_exceptions=False) as client,  # type: ignore[arg-type]
    ):
        yield client


def runs() -> tuple[RunSummary, ...]:
    with Journal.open() as journal:
        return journal.runs(limit=1000)


def until_fixed(toys: ToyFleet, name: str) -> None:
    until(lambda: [run.verdict for run in runs() if run.hosts == (name,)] == ["fixed"])
    assert toys.steps(name) == ["begin", "end"]


def test_an_alert_of_each_source_starts_one_run(client: TestClient, toys: ToyFleet) -> None:
    assert client.post("/alerts/alertmanager", content=group(firing("toy0")), headers=BEARER).status_code == 202
    body = grafana_group([firing("toy1")])
    assert client.post("/alerts/grafana", content=body, headers=grafana_signed(body)).status_code == 202
    body = plain("toy2")
    assert client.post("/alerts/json", content=body, headers=signed(body)).status_code == 202
    for name in toys.names:
        until_fixed(toys, name)
    assert {run.operator for run in runs()} == {"alert:toy-down"}


def test_a_storm_is_one_run(client: TestClient, toys: ToyFleet) -> None:
    """Of 1,000 deliveries, 50 are one alert, and all are of one rule and host."""
    same = group(firing("toy0"))
    for number in range(1000):
        body = same if number % 20 == 0 else group(firing("toy0", number=str(number)))
        assert client.post("/alerts/alertmanager", content=body, headers=BEARER).status_code == 202
    until_fixed(toys, "toy0")
    time.sleep(0.5)
    assert len(runs()) == 1
    counted = client.get("/metrics").text
    assert 'remediate_deliveries_total{outcome="accepted",source="alertmanager"} 1000.0' in counted
    assert 'remediate_alerts_total{decision="auto"} 1.0' in counted
    assert 'remediate_alerts_total{decision="repeated"} 49.0' in counted
    assert 'remediate_alerts_total{decision="storm"} 950.0' in counted
    assert "toy0" not in counted


def test_what_is_forged_old_replayed_too_large_or_no_json_is_refused(client: TestClient, toys: ToyFleet) -> None:
    body, group_body = plain(), group(firing())
    sent = signed(body, "msg_2")
    refused = {
        401: [
            ("json", body, {}),
            ("json", body, signed(body, secret="another-secret-altogether")),
            ("json", plain("toy1"), signed(body)),
            ("json", body, signed(body, ago=301)),
            ("json", body, signed(body, ago=-900)),  # The clock goes on while this is sent.
            ("json", body, BEARER),
            ("json", body, {**signed(body), "webhook-signature": "v1,\xff\xfe"}),
            ("alertmanager", group_body, {"Authorization": "Bearer wrong"}),
            ("alertmanager", group_body, {}),
            ("grafana", group_body, BEARER),
            ("nobody", group_body, BEARER),
            ("read", group_body, {"Authorization": f"Bearer {READ}"}),
            ("terminal", group_body, BEARER),
        ],
        400: [("alertmanager", wrong, BEARER) for wrong in (b"", b"{", b"[]", b"\xff", b"{}", b"[" * 99999)],
        413: [("alertmanager", b"x" * 10 * MIB, BEARER), ("nobody", b"x" * (MIB + 1), {})],
        404: [("a/b", group_body, BEARER), ("", group_body, BEARER)],
    }
    for status, requests in refused.items():
        for source, content, headers in requests:
            raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            answer = client.post(f"/alerts/{source}", content=content, headers=raw)
            assert answer.status_code == status, (source, content[:50], headers, answer.text)
            assert "another-secret" not in answer.text
    assert client.post("/alerts/json", content=body, headers=sent).status_code == 202
    until_fixed(toys, "toy0")
    replayed = client.post("/alerts/json", content=body, headers=sent)
    assert (replayed.status_code, replayed.json()["detail"].partition(";")[0]) == (
        409,
        "this delivery was accepted before",
    )
    time.sleep(0.5)
    assert [run.hosts for run in runs()] == [("toy0",)]


@pytest.mark.parametrize("host", ["$(touch /tmp/x)", "http://169.254.169.254/", "toy*", "all", "toys", "../toy0", ""])
def test_a_label_chooses_nothing_but_a_name(client: TestClient, toys: ToyFleet, host: str) -> None:
    assert client.post("/alerts/alertmanager", content=group(firing(host)), headers=BEARER).status_code == 202
    time.sleep(0.3)
    assert runs() == ()


def test_while_paused_nothing_starts_by_itself(client: TestClient, toys: ToyFleet) -> None:
    KillSwitch().set(Pause("a migration", "ana", datetime.now(UTC)))
    client.post("/alerts/alertmanager", content=group(firing()), headers=BEARER)
    until(lambda: [(run.mode, run.verdict) for run in runs()] == [("plan", "pending")])
    assert toys.steps("toy0") == []
    assert 'remediate_alerts_total{decision="propose"} 1.0' in client.get("/metrics").text


def test_runs_are_shown_to_who_has_the_token(client: TestClient, toys: ToyFleet) -> None:
    client.post("/alerts/alertmanager", content=group(firing()), headers=BEARER)
    until_fixed(toys, "toy0")
    for path in ("/runs", "/runs/01a22b5e-2d6a-7bfc-9e64-880630d63cee"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=BEARER).status_code == 401
    reading = {"Authorization": f"Bearer {READ}"}
    until(lambda: bool(client.get("/runs", headers=reading).json()["runs"][0]["state"] == "ended"))
    (run,) = client.get("/runs", headers=reading).json()["runs"]
    assert (run["request"]["host"], run["result"]["verdict"]) == ("toy0", "fixed")
    one = client.get(f"/runs/{run['id']}", headers=reading).json()
    assert (one["run"], one["report"]["run"], one["report"]["verdict"]) == (run, run["id"], "fixed")
    assert client.get("/runs/01a22b5e-2d6a-7bfc-9e64-880630d63cee", headers=reading).status_code == 404
    assert client.get("/runs/x'--", headers=reading).status_code == 422
    assert client.get("/runs?limit=9999999", headers=reading).status_code == 422
    assert client.post("/runs", headers=reading).status_code == 405


def test_no_answer_repeats_an_address(client: TestClient) -> None:
    sent = "%3Cscript%3E" + "sent" * 30
    for answer in (
        client.post(f"/alerts/{sent}", content=group(firing()), headers=BEARER),
        client.get(f"/runs/{sent}"),
        client.get(f"/runs?limit={sent}"),
    ):
        assert answer.status_code == 422
        assert answer.json() == {"detail": "a part of this address cannot be used"}


def test_it_says_whether_it_is_well(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "ok"})
    for path in ("/docs", "/openapi.json", "/", "/console"):
        assert client.get(path).status_code == 404


def test_no_secret_is_in_what_is_stored_or_shown(client: TestClient, toys: ToyFleet, state: Path) -> None:
    client.post("/alerts/alertmanager", content=group(firing()), headers=BEARER)
    until_fixed(toys, "toy0")
    shown = json.dumps([client.get(path, headers=BEARER).text for path in ("/metrics", "/healthz", "/runs")])
    stored = b"".join(file.read_bytes() for file in state.iterdir() if file.is_file())
    assert SECRETS["TOY_SECRET"] not in shown
    assert SECRETS["TOY_SECRET"].encode() not in stored
