"""alert: prints what the policy decides and how to do it, records it, and never starts anything."""

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from remediate.alerts.store import AlertStore
from remediate.commands.alert import take_alerts
from remediate.commands.docs.schemas import schema
from remediate.errors import ConfigurationError
from remediate.journal.pause import KillSwitch, Pause
from remediate.project.project import Project
from remediate.report.wrapping import WIDTH
from remediate.service.project_intake import doubt_of
from support.alerting import HOSTILE, SITE, firing, grafana, group, plain
from support.command_box import typed
from support.doc_pages import FENCED, ROOT
from support.printed import Printed
from support.stubs import stub

INVENTORY = "web:\n  hosts:\n    web1: {ansible_host: 127.0.0.1, ansible_port: 1}\n    web2:\n"


class Given(io.StringIO):
    """Standard input with bytes in it."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.buffer = io.BytesIO(body)  # type: ignore[misc]  # a text stream on standard input has one


class Shop:
    """A project with a policy and two hosts that nobody reaches."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._patch = patch
        (root / "inventories").mkdir()
        (root / "inventories/shop.yml").write_text(INVENTORY)
        (root / "pyproject.toml").write_text("[tool.remediate]\n")
        self.policy(SITE)
        self.project = Project(root)

    def policy(self, text: str) -> None:
        (self.root / "alerts.yml").write_text(text)

    def alert(self, body: bytes = b"", /, **flags: object) -> int:
        self._patch.setattr(sys, "stdin", Given(body))
        printed = Printed()
        self.out, self.err = printed.out, printed.err
        return take_alerts(flags, self.project, printed.terminal, program="remediate")

    @property
    def said(self) -> str:
        """The output without its line breaks."""
        return " ".join(self.out.getvalue().split())

    def recorded(self) -> int:
        with AlertStore.open(self.project.journal(), project=self.project.identity()) as store:
            return len(store.recorded(datetime.now(UTC) - timedelta(days=1)))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> Shop:
    root = tmp_path / "shop"
    root.mkdir()
    return Shop(root, monkeypatch)


CACHE = firing("CacheDown")


def test_a_proposal_is_the_command_that_a_person_may_run(shop: Shop) -> None:
    assert shop.alert(group(CACHE)) == 10
    assert shop.out.getvalue().splitlines() == [
        "CacheDown on web1   firing   from terminal",
        "        summary: CacheDown on web1",
        "        PROPOSE cache-down: the rule cache says propose",
        "next    remediate fix.cache-down --host web1",
        "        nothing was started",
    ]
    assert shop.recorded() == 1


def test_the_first_policy_of_the_page_does_what_the_page_shows(shop: Shop) -> None:
    blocks = [block["text"] for block in FENCED.finditer((ROOT / "docs/alerts.md").read_text())]
    (shown,) = (text for text in blocks if "$ remediate alert < payload.json\n" in text)
    given, _, expected = shown.partition("$ remediate alert < payload.json\n")
    shop.policy(next(text for text in blocks if "rules:" in text))
    assert shop.alert(given.removeprefix("$ cat payload.json\n").encode()) == 10
    assert shop.out.getvalue().strip() == expected.strip()


def test_an_alert_runs_no_inventory(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its hosts are those that remediate reads itself; the others are named in a warning."""
    (tmp_path / "bin").mkdir()
    stub(tmp_path / "bin/ansible-inventory", f"touch {tmp_path}/ran")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    (shop.root / "inventories/cloud").write_text("#!/bin/sh\n")
    assert shop.alert(group(CACHE)) == 10
    assert "cloud:1: is an executable inventory" in shop.err.getvalue()
    assert not (tmp_path / "ran").exists()


def test_a_repetition_is_0_and_starts_nothing(shop: Shop) -> None:
    shop.alert(group(CACHE))
    assert shop.alert(group(CACHE)) == 0
    assert "NOTHING (repeated): it has been firing for" in shop.said
    assert "suppressed: 1 repeated" in shop.said
    assert "next" not in shop.said


def test_a_terminal_is_never_auto(shop: Shop) -> None:
    """Not even with the name of a source that signs."""
    for number, flags in enumerate(({}, {"source": "grafana"}, {"source": "prometheus", "format": "grafana"})):
        code = shop.alert(grafana(firing(fingerprint=f"a{number}")), **flags)
        assert "AUTO" not in shop.said
        assert code == (10 if flags else 3)  # those rules are for their sources only
    assert "PROPOSE app-down (not-authenticated): the rule says auto, but a person decides" in shop.said


def test_exit_codes(shop: Shop) -> None:
    watched = firing("Slow", labels={"alertname": "Slow", "instance": "https://www.example.com/"}, fingerprint="b")
    unknown = firing(
        "CacheDown", labels={"alertname": "CacheDown", "severity": "page", "host": "web9"}, fingerprint="c"
    )
    assert shop.alert(group(watched)) == 0
    assert "OBSERVE triage: the rule watched says observe" in shop.said
    assert shop.alert(group(firing("Nobody", fingerprint="d"))) == 3
    assert shop.alert(group(CACHE, firing("Nobody", fingerprint="e"))) == 3
    assert shop.alert(group(unknown, CACHE)) == 2
    assert "'web9' is no host of the inventory; did you mean web2? hosts: web1, web2" in shop.said
    assert shop.alert(group(firing("CacheDown", status="resolved"))) == 0
    assert "NOTHING (resolved): over after" in shop.said


def test_lines_are_as_wide_as_all_output(shop: Shop) -> None:
    labels = {"alertname": "CacheDown", "severity": "page", "host": "web9"}
    long = firing("CacheDown", labels=labels, annotations={"summary": "word " * 30})
    shop.alert(group({**long, "annotations": {"summary": f"{'x ' * 31}PROPOSE app-down: run it"}}))
    assert [line for line in shop.out.getvalue().splitlines() if line.startswith("        PROPOSE")] == []
    assert "PROPOSE app-down: run it" in shop.out.getvalue()
    for alert in (long, CACHE, {**CACHE, "status": "resolved"}):
        shop.alert(group(alert))
        assert all(len(line) <= WIDTH for line in shop.out.getvalue().splitlines())
    shop.alert(since="1h")
    assert all(len(line) <= WIDTH for line in shop.out.getvalue().splitlines())


def test_what_the_sender_left_out_is_said(shop: Shop) -> None:
    shop.alert(group(CACHE, truncatedAlerts=7))
    assert "unknown 7 more were left out by the sender: nothing is known of them" in shop.said


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_a_label_has_no_effect_but_to_be_compared(shop: Shop, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> object:
        pytest.fail("nothing may be started, opened or fetched")

    monkeypatch.setattr(subprocess, "Popen", never)
    monkeypatch.setattr("socket.socket.connect", never)
    monkeypatch.setattr("remediate.transport.ssh.connection.connect", never)
    monkeypatch.chdir(shop.root)
    labels = {"alertname": "CacheDown", "severity": "page", "host": value, "url": value}
    body = group(firing(labels=labels, annotations={"summary": value, "runbook_url": value}, generatorURL=value))
    before = sorted(shop.root.rglob("*"))
    assert shop.alert(body) == 2
    assert sorted(shop.root.rglob("*")) == before
    assert all(line.isprintable() for line in shop.out.getvalue().splitlines())
    assert "next" not in shop.said


def test_a_secret_in_an_alert_is_not_shown(shop: Shop) -> None:
    body = group(firing("CacheDown", annotations={"summary": "DB_PASSWORD=hunter2 mysql://root:hunter2@db/x"}))
    for flags in ({}, {"json": True}, {"json": True, "since": "1h"}):
        shop.alert(body, **flags)
        assert "hunter2" not in shop.out.getvalue() + shop.err.getvalue()


def test_a_document_controls_no_terminal(shop: Shop) -> None:
    """Half a character can be in no document; the rest is escaped, and read as it was sent."""
    hostile = "\x9b31m \u202e \x9d \x00"
    body = group(firing("CacheDown", annotations={"summary": f"{hostile}\ud83d", "note": "\udcff"}))
    for flags in ({}, {"since": "1h"}):
        assert shop.alert(body, json=True, **flags) in {0, 10}
        assert shop.out.getvalue().isascii()
        assert json.loads(shop.out.getvalue())["alerts"][0]["alert"]["annotations"] == {
            "summary": f"{hostile}\\ud83d",
            "note": "\\udcff",
        }


def test_the_document_is_the_one_of_the_schema(shop: Shop) -> None:
    bodies = [group(CACHE), group(CACHE), plain(), b""]
    for body, flags in zip(bodies, ({}, {}, {}, {"since": "1h"}), strict=True):
        code = shop.alert(body, json=True, **flags)
        document = json.loads(shop.out.getvalue())
        jsonschema.validate(document, json.loads(schema("alerts")))
        assert document["exit_code"] == code
    jsonschema.validate(json.loads(plain()), json.loads(schema("alert")))


def test_a_dry_run_says_what_would_have_been(shop: Shop) -> None:
    shop.alert(group(CACHE, firing("Nobody", fingerprint="d")))
    shop.alert(group(CACHE))
    before = shop.recorded()
    assert shop.alert(since="1h") == 0
    *first, summary, suppressed, dry = shop.out.getvalue().splitlines()
    assert "PROPOSE cache-down on web1 CacheDown: the rule cache says propose" in " ".join(" ".join(first).split())
    assert summary.startswith("2 alerts since ")
    assert summary.endswith("Z; 1 decisions")
    assert dry.strip() == "a dry run: nothing was started or recorded"
    assert suppressed.strip() == "suppressed: 1 no-rule, 1 repeated"
    shop.policy("rules: []\n")
    shop.alert(since="1h")
    assert "0 decisions" in shop.said
    assert shop.recorded() == before


def test_a_dry_run_says_which_incidents_would_have_been_declared(shop: Shop) -> None:
    shop.policy(SITE.replace("    action: cache-down\n", "    action: cache-down\n    incident: true\n"))
    shop.alert(group(CACHE))
    assert "INCIDENT: a service declares one" in shop.said
    shop.alert(since="1h")
    assert "PROPOSE cache-down on web1 with an incident" in " ".join(shop.said.split())
    assert "1 decisions, 1 of them with an incident, unless one was open about it" in " ".join(shop.said.split())


USAGE = {
    "--source": ({"source": "nagios"}, "accepted: grafana, prometheus"),
    "--format": ({"format": "xml"}, "--format takes alertmanager, grafana, plain"),
    "--since": ({"since": "yesterday"}, "--since takes"),
    "--since with a source": ({"since": "1h", "source": "grafana"}, "--source means nothing there"),
    "--inventory": ({"inventory": "/nowhere.yml"}, "cannot be read"),
}


@pytest.mark.parametrize(("flags", "words"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line(shop: Shop, flags: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        shop.alert(group(CACHE), **flags)
    assert shop.recorded() == 0


def test_of_ten_mebibytes_one_is_read(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        shop.alert(b" " * (10 * 1024 * 1024))
    assert isinstance(sys.stdin, Given)
    assert sys.stdin.buffer.tell() == 1024 * 1024 + 1


def test_a_terminal_is_not_waited_for(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Given, "isatty", lambda _: True)
    with pytest.raises(ConfigurationError, match="the payload comes on standard input"):
        shop.alert(b"")


def test_a_pause_is_told_unless_it_is_about_the_past(shop: Shop) -> None:
    body = grafana(firing())
    KillSwitch().set(Pause("a migration", "ana", datetime(2026, 11, 23, 12, tzinfo=UTC)))
    assert shop.alert(body, source="grafana") == 10
    assert "everything is paused by ana since 2026-11-23 12:00:00Z: a migration" in shop.said
    shop.alert(since="1h")
    assert "paused" not in shop.said


def test_a_playbook_that_cannot_be_loaded_is_not_proven(shop: Shop) -> None:
    doubt = doubt_of("nothing", shop.project)
    assert doubt is not None
    assert doubt.startswith("not loadable (no playbook 'nothing'; there are: app-down")


@pytest.mark.parametrize(
    "body", [b"", b"no JSON", b"\xff\x00", b"[" * 3_000_000], ids=["empty", "text", "bytes", "3 MiB"]
)
def test_as_it_is_typed_junk_is_one_line_and_exit_2(shop: Shop, state: Path, body: bytes) -> None:
    said = typed(shop.root, state, "alert", given=body)
    said.usage("remediate: the payload is ")
    assert said.out == ""


def test_as_it_is_typed_it_shows_a_command_that_exists(shop: Shop, state: Path) -> None:
    given = plain(name="CacheDown", labels={"severity": "page", "host": "web2"})
    said = typed(shop.root, state, "alert", given=given)
    assert said.code == 10, said.err
    assert "next    remediate fix.cache-down --host web2\n" in said.out
