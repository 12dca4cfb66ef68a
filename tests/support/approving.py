"""A project whose plans have to be approved: its people with their SSH keys, and its runs on scripted hosts."""

import io
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from remediate.approvals.approvals import Approvals
from remediate.approvals.authentication import signed
from remediate.approvals.proposal import Approver, Proposal, Requester
from remediate.approvals.settings import approval_settings
from remediate.commands.plan_lines import approving
from remediate.core.host import Host
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.plan import PlannedHost, PlannedStep, RunPlan
from remediate.core.playbook import Runnable
from remediate.engine.fleet import run
from remediate.engine.limits import Decide, nobody
from remediate.project.run_limits import RunLimits
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.report.text import TextReporter
from support.nginx_runs import DOWN, web
from support.scripted import FactSession
from support.toys import masked

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
COMMANDS = ("sudo -n systemctl restart nginx.service",)
NO_LIMITS = RunLimits(cool_down_minutes=0, recurring_minutes=0, unhealthy_share=1)
"""Limits have tests of their own."""


def planned(*names: str, secret: str = "", **texts: str) -> RunPlan:
    """Return a plan to restart nginx on these hosts. `texts` replace what is bound on each."""
    bound = {"machine": "m", "step": "systemctl restart nginx", "unit": "failed", **texts}
    hosts = [
        PlannedHost(
            name,
            {f"{name}: {what}": text for what, text in bound.items()},
            (PlannedStep(host=name, remedy="nginx.restart", title="nginx", why=f"failed{secret}", commands=COMMANDS),),
        )
        for name in names or ("web1",)
    ]
    secrets = (secret,) if secret else ()
    return RunPlan("do.nginx.restart", ("remediate.remedies.nginx",), "{}", tuple(hosts), secrets)


@cache
def _key_pair(name: str) -> tuple[bytes, bytes]:
    with TemporaryDirectory() as place:
        path = Path(place, "key")
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)), check=True)
        return path.read_bytes(), path.with_suffix(".pub").read_bytes()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)


class Team:
    """A project with people who may approve."""

    def __init__(self, root: Path, *people: str, url: str | None = None, settings: str = "") -> None:
        self.root = root
        self.url = url
        self.clock = Clock()
        self.requester: Requester | None = None
        root.mkdir(exist_ok=True)
        self.settings(settings)
        self.allow(*people)

    def settings(self, text: str) -> None:
        (self.root / "pyproject.toml").write_text(f"[tool.remediate]\n[tool.remediate.approvals]\n{text}\n")

    def allow(self, *people: str) -> None:
        lines = [f"{name} {' '.join(self.key(name).with_suffix('.pub').read_text().split()[:2])}\n" for name in people]
        (self.root / "allowed_signers").write_text("".join(lines))

    def key(self, name: str) -> Path:
        """Return a person's private key, made at its first use."""
        path = self.root.parent / f"{name}-key"
        if not path.exists():
            private, public = _key_pair(name)
            path.touch(mode=0o600)
            path.write_bytes(private)
            path.with_suffix(".pub").write_bytes(public)
        return path

    def approvals(self, *, command: str | None = None) -> Approvals:
        return Approvals(
            approval_settings(self.root),
            root=self.root,
            url=self.url,
            project="shop",
            command=command,
            requester=self.requester,
            clock=self.clock,
        )

    def propose(self, plan: RunPlan | None = None, *, operator: str = "ana@laptop") -> Proposal:
        return self.approvals().propose(plan or planned(), operator=operator, run="run-1", incident=None)

    def approve(self, proposal: Proposal, name: str) -> tuple[Proposal, Approver]:
        return self.approvals().approve(proposal, signed(proposal.statement, self.key(name)))

    def run(
        self,
        sessions: Mapping[str, FactSession] | None = None,
        *,
        hosts: Sequence[Host] = (),
        runnable: Runnable | None = None,
        decide: Decide = nobody,
        **options: object,
    ) -> "TeamRun":
        """Run on scripted hosts whose nginx is down."""
        known = sessions or {"web1": FactSession(DOWN)}
        return TeamRun(
            self.approvals,
            known,
            hosts or tuple(web(name) for name in known),
            runnable or SingleRemedy(RestartNginx),
            Options.model_validate({"hold": 0, **options}),
            decide,
            self.url,
        )

    def plan(self, sessions: Mapping[str, FactSession] | None = None, **given: object) -> str:
        """Return the hash of a plan."""
        whole = self.run(sessions, plan=True, **given).report.plan_hash  # type: ignore[arg-type]
        assert whole is not None
        return whole

    def approved_plan(self, name: str = "bob", **given: object) -> str:
        """Return the hash of a plan that a person approved."""
        whole = self.plan(**given)  # type: ignore[arg-type]
        self.approve(self.approvals().find(whole), name)
        return whole


class TeamRun:
    """One run of a team, and what it said."""

    def __init__(
        self,
        approvals: Callable[[], Approvals],
        sessions: Mapping[str, FactSession],
        hosts: Sequence[Host],
        runnable: Runnable,
        options: Options,
        decide: Decide,
        url: str | None,
    ) -> None:
        self.sessions = sessions
        self.out, self.err = io.StringIO(), io.StringIO()
        self.report: Report = run(
            runnable,
            hosts,
            reporter=TextReporter(
                masked(self.out),
                masked(self.err),
                program="remediate",
                approve=lambda: approving(approvals(), options.approved, "remediate"),
            ),
            connect=lambda host: sessions[host.name],
            options=options,
            journal=url,
            limits=NO_LIMITS,
            decide=decide,
            approvals=approvals,
        )

    @property
    def said(self) -> str:
        return " ".join((self.out.getvalue() + self.err.getvalue()).split())

    @property
    def acted(self) -> list[str]:
        """The hosts on which a command ran."""
        return [name for name, session in self.sessions.items() if session.ran]

    @property
    def end(self) -> tuple[str, str]:
        """Verdict and code of the first host."""
        host = self.report.hosts[0]
        return host.verdict.value, host.error.code if host.error else ""
