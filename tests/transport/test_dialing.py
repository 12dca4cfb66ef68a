"""Connections that begin before anybody asks for them."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from typing_extensions import override

import remediate
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.engine.run_recorder import JournalRecorder
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.journal.models import RunRecord
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.project.project import SshClient
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.transport import dialing
from remediate.transport.dialing import AT_ONCE, Connections, Dialling
from remediate.transport.link import Channel, Link, LinkLost
from remediate.transport.session import Session, ShellSession
from support import examples as ex
from support.scripted import Changes, FactSession, Opened

SECONDS = 30


class Watched(Link):
    """A link to nothing that says when it is closed."""

    def __init__(self) -> None:
        self.left = Event()

    @override
    def start(self, command: str, *, seconds: float) -> Channel:
        raise LinkLost(command)

    @override
    def close(self) -> None:
        self.left.set()


def host(name: str = "web1", address: str = "192.0.2.1") -> Host:
    return Host(name=name, ssh=SshTarget(address=address), settings=Settings(php="php8.3", production=False))


def opening(monkeypatch: pytest.MonkeyPatch, how: Callable[[SshTarget], Link]) -> None:
    monkeypatch.setattr("remediate.transport.ssh.connection.connect", how)


def fabric(*hosts: Host) -> Connections:
    return Connections(hosts, SshClient.FABRIC)


def link_of(session: Session) -> Link:
    assert isinstance(session, ShellSession)
    return session._link


def test_it_begins_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, link = Event(), Watched()

    def slowly(_: SshTarget) -> Link:
        begun.set()
        return link

    opening(monkeypatch, slowly)
    with fabric(host()) as connect:
        assert begun.wait(SECONDS)
        assert link_of(connect(host())) is link
    assert not link.left.is_set()  # it belongs to whoever asked for it


def test_two_hosts_of_one_name_are_two_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    production, staging = host(), host(address="192.0.2.2")
    links = {each.ssh.address: Watched() for each in (production, staging)}
    opening(monkeypatch, lambda target: links[target.address])
    with fabric(production, staging) as connect:
        assert link_of(connect(production)) is links["192.0.2.1"]
        assert link_of(connect(staging)) is links["192.0.2.2"]


def test_why_it_could_not_be_opened_is_raised_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: SshTarget) -> Link:
        raise Unreachable(UnreachableCode.REFUSED, "nobody listens")

    opening(monkeypatch, refused)
    with fabric(host()) as connect, pytest.raises(Unreachable, match="nobody listens"):
        connect(host())


def test_what_nobody_asked_for_is_closed_even_when_it_opens_later(monkeypatch: pytest.MonkeyPatch) -> None:
    leave, links = Event(), {"early": Watched(), "late": Watched()}

    def slowly(target: SshTarget) -> Link:
        assert target.address == "early" or leave.wait(SECONDS)
        return links[target.address]

    opening(monkeypatch, slowly)
    with fabric(host("web1", "early"), host("web2", "late")):
        pass
    assert links["early"].left.wait(SECONDS)
    leave.set()
    assert links["late"].left.wait(SECONDS)


def test_a_session_that_is_requested_while_the_others_are_closed_belongs_to_its_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = host("web1", "first"), host("web2", "second")
    links, abandon, sessions = {"first": Watched(), "second": Watched()}, Dialling.abandon, list[Session]()

    def meanwhile(dialling: Dialling) -> None:
        sessions.append(connections(first))
        abandon(dialling)

    opening(monkeypatch, lambda target: links[target.address])
    monkeypatch.setattr(Dialling, "abandon", meanwhile)
    with fabric(first, second) as connections:
        pass
    assert [link_of(session) for session in sessions] == [links["first"]]
    assert links["second"].left.wait(SECONDS)
    assert not links["first"].left.is_set()


def test_a_large_fleet_is_not_connected_to_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts, entered = [host(f"web{number}", f"a{number}") for number in range(AT_ONCE + 1)], list[str]()

    def noted(target: SshTarget) -> Link:
        entered.append(target.address)
        return Watched()

    opening(monkeypatch, noted)
    with fabric(*hosts) as connect:
        for each in hosts[:-1]:
            connect(each)
        assert hosts[-1].ssh.address not in entered
        connect(hosts[-1])
    assert sorted(entered) == sorted(each.ssh.address for each in hosts)


def test_a_run_connects_while_its_journal_is_opened(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    begun, begin = Event(), JournalRecorder.begin
    well: Changes = {
        Unit(name="nginx"): ex.RUNNING,
        NginxConfig(): ex.SOUND,
        PortOwner(port=80): ex.NOBODY,
        PortOwner(port=443): ex.NOBODY,
    }
    session = FactSession(well)

    def noted(*_: object) -> object:
        begun.set()
        return Opened(session)

    def late(self: JournalRecorder, record: RunRecord, **spool: bool) -> None:
        assert begun.wait(SECONDS)
        begin(self, record, **spool)

    monkeypatch.setattr(dialing, "Dialling", noted)
    monkeypatch.setattr(JournalRecorder, "begin", late)
    report = remediate.run(SingleRemedy(RestartNginx), (host(),), options=Options(plan=True, hold=0))
    assert report.exit_code == 0, report


def test_a_caller_from_python_gets_the_client_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.remediate]\nssh = "fabric"\n')
    monkeypatch.chdir(tmp_path)
    link = Watched()
    opening(monkeypatch, lambda _: link)
    assert dialing.open_link(host()) is link
    assert link_of(dialing.open_session(host())) is link
    with Connections((host(),)) as connections:
        assert link_of(connections(host())) is link
    (tmp_path / "pyproject.toml").write_text('[tool.remediate]\nssh = "putty"\n')
    with pytest.raises(ConfigurationError, match="ssh takes"):
        dialing.open_link(host())
