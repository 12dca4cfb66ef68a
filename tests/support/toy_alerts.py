"""Alerts about toys: a policy that starts their playbook, and what its sources send."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Final

from remediate.rehearsal.content import DIRECTORY, digest
from support.durable import ToyFleet

SECRET: Final = "toy-secret-of-the-tests"
READ: Final = "toy-token-for-reading"
SECRETS: Final = {"TOY_SECRET": SECRET, "TOY_READ": READ}
BEARER: Final = {"Authorization": f"Bearer {SECRET}"}
POLICY: Final = """
sources:
  alertmanager:
    format: alertmanager
    bearer: env:TOY_SECRET
    auto:
      - {labels: {alertname: ToyDown}, hosts: [toy0, toy1, toy2], playbooks: toy-down}
  grafana: {format: grafana, signature: env:TOY_SECRET, timestamp_header: X-Grafana-Alerting-Timestamp}
  json: {format: plain, signature: env:TOY_SECRET}
rules:
  - name: toy-down
    match: {alertname: ToyDown}
    sources: [alertmanager, grafana, json]
    host: {label: host, names: [toy0, toy1, toy2]}
    action: toy-down
    mode: auto
"""


def with_policy(toys: ToyFleet) -> ToyFleet:
    """Give a fleet a policy, and the record of a rehearsal of its playbook."""
    (toys.root / "alerts.yml").write_text(POLICY)
    (toys.root / "pyproject.toml").write_text('[tool.remediate.service]\nread = "env:TOY_READ"\n')
    record = {
        "playbook": "toy-down",
        "digest": digest(toys.project.load("toy-down")),
        "version": "0.1.0",
        "finished": "2026-11-23T00:00:00Z",
        "trials": 3,
        "passed": True,
    }
    place = toys.root / DIRECTORY
    place.mkdir(parents=True)
    (place / "toy-down.json").write_text(json.dumps(record))
    return toys


def firing(host: str = "toy0", status: str = "firing", **labels: str) -> dict[str, object]:
    return {"status": status, "labels": {"alertname": "ToyDown", "host": host, **labels}}


def group(*alerts: Mapping[str, object]) -> bytes:
    return json.dumps({"version": "4", "alerts": alerts}).encode()


def grafana_group(alerts: Sequence[Mapping[str, object]]) -> bytes:
    return json.dumps({"orgId": 1, "alerts": alerts}).encode()


def plain(host: str = "toy0", **more: object) -> bytes:
    return json.dumps({"name": "ToyDown", "status": "firing", "labels": {"host": host}, **more}).encode()


def signed(body: bytes, id_: str = "msg_1", *, ago: float = 0, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of Standard Webhooks."""
    sent = str(int(time.time() - ago))
    mac = hmac.new(secret.encode(), f"{id_}.{sent}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def grafana_signed(body: bytes) -> dict[str, str]:
    sent = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), f"{sent}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Grafana-Alerting-Signature": mac, "X-Grafana-Alerting-Timestamp": sent}
