"""Dead hosts among others, over real SSH: none holds the rest, and each ends within its deadline."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
from typing_extensions import override

import remediate
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.playbook import HostPlan, Severity
from remediate.engine.reporter import NullReporter
from support.sshd import FAR, Lab, Sshd, fingerprint, free_port, keygen

_HANGS = "ForceCommand sed -u 's/^frame hello$/frame hello; sleep 3600/' | eval \"$SSH_ORIGINAL_COMMAND\"\n"
"""A host that greets and then hangs, in the middle of its survey."""


class _Nothing:
    """Asks only what every run asks."""

    name = "nothing"
    severity: ClassVar[Severity | None] = None
    discovers = False

    def __call__(self, host: Host) -> HostPlan:
        return HostPlan(symptoms=(), diagnosis=(), remedies=())


class _Ended(NullReporter):
    """Ends the hosts that hang as soon as all others have ended."""

    def __init__(self, awaited: set[str], hangs: Sshd) -> None:
        self.awaited, self.hangs = awaited, hangs

    @override
    def finished(self, host: Host, outcome: HostOutcome) -> None:
        self.awaited.discard(host.name)
        if not self.awaited:
            self.hangs.stop()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path, keygen(tmp_path / "client"))
    yield lab
    for server in lab.servers:
        server.stop()


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield the port of a server that accepts and never speaks."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield int(server.getsockname()[1])


@pytest.fixture
def dropping() -> Iterator[int]:
    """Yield a port whose queue is full, so that the kernel drops every further SYN."""
    with ExitStack() as leaving:
        server = leaving.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            waiting = leaving.enter_context(socket.socket())
            waiting.setblocking(False)  # The standard library's own signature.
            waiting.connect_ex(server.getsockname())
        yield int(server.getsockname()[1])


def _host(name: str, target: SshTarget) -> Host:
    return Host(name=name, ssh=target, settings=Settings(php="php8.3", production=False))


def test_dead_hosts_hold_nobody(
    lab: Lab, silent: int, dropping: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that hangs does so until all others have ended, so that a run which waits for it never ends."""
    monkeypatch.setattr("remediate.transport.session.HELLO_SECONDS", FAR)  # a busy machine greets late
    well, hangs = lab.stranger(), lab.stranger(settings=_HANGS)
    targets: dict[str, SshTarget] = {
        "silent": lab.target(well, port=silent),
        "dropping": lab.target(well, port=dropping),
        "refusing": lab.target(well, port=free_port()),
        "hangs": lab.target(hangs, host_key=fingerprint(hangs.host_keys[0])),
        **{f"web{number}": lab.target(well, host_key=fingerprint(well.host_keys[0])) for number in range(1, 4)},
    }
    report = remediate.run(
        _Nothing(),
        [_host(name, target) for name, target in targets.items()],
        reporter=_Ended(set(targets) - {"hangs"}, hangs),
        # Fewer at a time than there are hosts, so that the last ones need a place that a dead one gave up.
        options=Options(plan=True, timeout=3600, forks=5),
        journal=f"sqlite:///{tmp_path}/journal.sqlite3",
    )
    verdicts = {host.name: host.verdict for host in report.hosts}
    well_ones = {f"web{number}" for number in range(1, 4)}
    assert {name for name, verdict in verdicts.items() if verdict is RunVerdict.HEALTHY} == well_ones, report
    assert {verdicts[name] for name in set(targets) - well_ones} == {RunVerdict.UNREACHABLE}


def test_a_host_that_hangs_ends_at_its_deadline(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remediate.transport.session.HELLO_SECONDS", FAR)
    hangs = lab.stranger(settings=_HANGS)
    report = remediate.run(
        _Nothing(),
        [_host("hangs", lab.target(hangs, host_key=fingerprint(hangs.host_keys[0])))],
        options=Options(plan=True, timeout=10),
        journal=f"sqlite:///{tmp_path}/journal.sqlite3",
    )
    assert report.hosts[0].verdict is RunVerdict.UNREACHABLE
