"""A project at a fake clock, and the incident commands typed in it."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import remediate.commands.resolve as resolving
from remediate.commands import declare as declaring
from remediate.commands import escalate as escalating
from remediate.commands import incident as incidents
from remediate.commands.incident_context import IncidentContext, open_context
from remediate.commands.terminal import Terminal
from remediate.core.host import Host
from remediate.engine.fleet import run
from remediate.incident import resolution
from remediate.incident.outbox import Outbox
from remediate.incident.record import Incident
from remediate.incident.store import IncidentStore
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter
from remediate.playbooks.app_down import app_down
from remediate.project.project import Project
from remediate.triage.triage import triage
from support.incidents import DOWN, HEALTHY
from support.incidents import host as example
from support.scripted import Changes, FactSession
from support.toy_incidents import NOON

INSIDE = example(site_vantage=["host"])
"""Nothing is asked over the network of whoever runs the tests."""
INVENTORY = """
web: {hosts: {web1: {ansible_host: 192.0.2.1, remediate: {site_url: "https://example.com/", php: php8.2}}}}
"""


TERMINAL = Terminal(MaskedWriter(io.StringIO(), Masker()), MaskedWriter(io.StringIO(), Masker()), interactive=False)


class Desk:
    """One project, and commands typed in it at moments of one's choosing."""

    def __init__(self, root: Path) -> None:
        (root / "inventories").mkdir(parents=True)
        (root / "inventories" / "prod.yml").write_text(INVENTORY)
        self.root = root
        self.settings("")
        self.project = Project(root)
        self.now = NOON
        self.out = self.err = ""

    def settings(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(f"[tool.remediate]\n{text}")

    @contextmanager
    def room(self, **flags: object) -> Iterator[IncidentContext]:
        out, err = io.StringIO(), io.StringIO()
        masker = Masker()
        terminal = Terminal(MaskedWriter(out, masker), MaskedWriter(err, masker), interactive=False)
        with open_context(flags, self.project, terminal, program="invoke") as room:
            outbox = Outbox(room.store.database, project=room.store.project, clock=lambda: self.now)
            yield room._replace(now=self.now, who="ana@desk", notifier=replace(room.notifier, outbox=outbox))
        terminal.out.flush()
        terminal.err.flush()
        self.out, self.err = out.getvalue(), err.getvalue()

    def __call__(self, name: str, **flags: object) -> int:
        command = {
            "declare": declaring.declare,
            "acknowledge": incidents.acknowledge,
            "contain": incidents.contain,
            "identify": incidents.identify,
            "note": incidents.note,
            "update": incidents.update,
            "escalate": escalating.escalate,
            "list": incidents.list_incidents,
            "timeline": incidents.timeline,
            "resolve": resolving.resolve,
            "postmortem": resolving.postmortem,
        }[name]
        with self.room(**flags) as room:
            return command(room)

    def after(self, minutes: float) -> "Desk":
        self.now = NOON + timedelta(minutes=minutes)
        return self

    @property
    def incident(self) -> Incident:
        with IncidentStore.open() as store:
            return store.current(None, or_newest=True)

    @property
    def messages(self) -> str:
        file = self.root.parent / "state" / "messages.txt"
        return file.read_text() if file.exists() else ""


def keep_triage(desk: Desk, state: Changes) -> None:
    report = triage((INSIDE,), (app_down,), connect=lambda _: FactSession(state))
    report = report.model_copy(update={"started": desk.now})
    with IncidentStore.open(project=desk.project.identity()) as store:
        store.keep_triage(report.operator, report.started, report.model_dump_json(by_alias=True))


def answering(monkeypatch: pytest.MonkeyPatch, state: Changes) -> None:
    """The hosts of the inventory answer like this when a check asks them."""
    monkeypatch.setattr(resolution, "select", lambda *_: (INSIDE,))
    connecting(monkeypatch, lambda _: FactSession(state))


def connecting(monkeypatch: pytest.MonkeyPatch, connect: Callable[[Host], FactSession]) -> None:
    """Let checks before a resolution connect like this."""
    monkeypatch.setattr(resolution, "run", lambda *given, **more: run(*given, **(more | {"connect": connect})))


def triage_text(moment: datetime) -> str:
    report = triage((INSIDE,), (app_down,), connect=lambda _: FactSession({**HEALTHY, **DOWN}))
    started = moment - timedelta(minutes=1)
    return report.model_copy(update={"started": started}).model_dump_json(by_alias=True)


def broken(desk: Desk, kind: str) -> Path:
    templates = desk.root / "incidents" / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    file = templates / f"{kind}.txt.j2"
    file.write_text("{{ severty }}")
    return file
