"""Runs whose process dies while it acts, and what is typed afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remediate.commands.resume import resume_run
from remediate.commands.runs import list_runs, show_run
from remediate.core.host import Host
from remediate.core.playbook import Runnable
from remediate.engine.fleet import run
from remediate.journal.journal import Journal
from remediate.journal.models import StoredRun
from remediate.journal.process import RunProcess
from remediate.project.project import Project
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from support.nginx_runs import YES, web
from support.printed import Printed
from support.scripted import Changes, FactSession, Opened

INVENTORY = "web:\n  hosts:\n    web1: {ansible_host: 192.0.2.1, remediate: {php: php8.3}}\n"


class DyingSession(FactSession):
    """A host to which an act is sent, and whose run then dies. `sent` is whether the act arrived."""

    def __init__(self, first: Changes, *acts: Any, sent: bool = True) -> None:
        super().__init__(first, *acts)
        self._sent = sent

    def begin(self, probes: Any, act: Any = None, **named: Any) -> Any:
        rounds = super().begin(probes, act, **named) if act is None or self._sent else None
        if act is not None:
            raise SystemExit("killed")
        return rounds


class Orphanage(Printed):
    """A project on scripted hosts."""

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.project = Project(root=None)
        self.inventory = directory / "prod.yml"
        self.inventory.write_text(INVENTORY)
        self._patch = patch

    @property
    def said(self) -> str:
        return " ".join((self.out.getvalue() + self.err.getvalue()).split())

    def orphan(
        self,
        session: FactSession,
        *,
        process: RunProcess | None = None,
        which: Runnable | None = None,
        host: Host | None = None,
    ) -> StoredRun:
        """Start a run that dies with its first act."""
        here = RunProcess.current()
        assert here is not None
        with pytest.MonkeyPatch.context() as patch:
            dead = process or replace(here, start=here.start - 1)
            patch.setattr(RunProcess, "current", classmethod(lambda _: dead))
            with pytest.raises(SystemExit):
                run(which or SingleRemedy(RestartNginx), (host or web(),), connect=lambda _: session, options=YES)
        return self.stored()

    def stored(self, number: int = -1) -> StoredRun:
        """Return a run by its place, oldest first."""
        with Journal.open() as journal:
            runs = sorted(journal.runs(), key=lambda run: run.started)
            return journal.find(runs[number].id)

    def resume(self, stored: StoredRun, sessions: Sequence[FactSession], **flags: object) -> int:
        """Type runs.resume; each login gets the next session."""
        waiting = list(sessions)
        self._patch.setattr("remediate.transport.dialing.Dialling", lambda *_: Opened(waiting.pop(0)))
        given = {"run": stored.shown, "inventory": str(self.inventory), "hold": "0", "yes": True, **flags}
        return resume_run(given, self.project, self.terminal, program="remediate")

    def list(self) -> str:
        list_runs({}, self.project, self.terminal, program="remediate")
        return self.out.getvalue()

    def show(self, stored: StoredRun) -> str:
        before = len(self.out.getvalue())
        show_run({"run": stored.id}, self.project, self.terminal, program="remediate")
        return self.out.getvalue()[before:]
