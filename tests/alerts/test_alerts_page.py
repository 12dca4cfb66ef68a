"""The page about alerts: its policies, payloads and tables are those of the code."""

import json
from pathlib import Path

import pytest

from remediate.alerts.alert import AlertStatus
from remediate.alerts.decision import Suppression
from remediate.alerts.formats import AlertFormat, read
from remediate.alerts.policy import AlertPolicy, AlertSource, BearerGrant, HostMapping, PolicyLimits, PolicyRule
from support.alerting import policy
from support.doc_pages import FENCED, ROOT, rows

PAGE = (ROOT / "docs/alerts.md").read_text()
POLICIES = [block["text"] for block in FENCED.finditer(PAGE) if block["kind"] == "yaml" and "rules:" in block["text"]]


@pytest.mark.parametrize("text", POLICIES, ids=["the first", "the whole"])
def test_its_policies_are_accepted(text: str, tmp_path: Path) -> None:
    assert policy(tmp_path, text).rules


def test_its_plain_payload_is_read() -> None:
    (body,) = (block["text"] for block in FENCED.finditer(PAGE) if block["kind"] == "json")
    (alert,) = read(body.encode(), AlertFormat.PLAIN, "uptime").alerts
    assert (alert.status, alert.starts is not None) == (AlertStatus.FIRING, True)
    assert json.loads(body)["name"] == alert.name


def test_its_table_has_every_key() -> None:
    shown = " ".join(row[0] for row in rows(PAGE, "key"))
    models = (AlertSource, PolicyRule, PolicyLimits)
    missing = [name for model in models for name in model.model_fields if f"{name}`" not in shown]
    assert missing == []
    assert all(name in shown for name in AlertPolicy.model_fields)
    meanings = " ".join(" ".join(row) for row in rows(PAGE, "key"))
    assert all(f"`{name}`" in meanings for model in (BearerGrant, HostMapping) for name in model.model_fields)


def test_its_limits_are_those_of_the_code() -> None:
    limits = PolicyLimits()
    for name, default, *_ in rows(PAGE, "key"):
        if name.startswith("`limits."):
            assert str(getattr(limits, name.strip("`").removeprefix("limits."))) == default
        if name.strip("`") in {"storm_minutes", "forget_hours"}:
            assert str(getattr(AlertPolicy(), name.strip("`"))) == default


def test_it_names_every_reason() -> None:
    named = " ".join(row[0] for row in rows(PAGE, "reason"))
    assert {word.strip("`") for word in named.split()} == {reason.value for reason in Suppression}
