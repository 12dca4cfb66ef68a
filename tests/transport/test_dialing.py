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
from remediate.errors import Unreachable, UnreachableCode
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.single import SingleRemedy
from remediate.transport import dialing
from remediate.transport.dialing import AT_ONCE, Connections
from remediate.transport.session import Session
from support import examples as ex
from support.scripted import Changes, FactSession

SECONDS = 30


class Watched(FactSession):
    """A session of nothing that says when it is closed."""

    def __init__(self) -> None:
        super().__init__({})
        self.left = Event()

    @override
    def close(self) -> None:
        self.left.set()


def host(name: str = "web1") -> Host:
    return Host(name=name, ssh=SshTarget(address="192.0.2.1"), settings=Settings(php="php8.3", production=False))


def opening(monkeypatch: pytest.MonkeyPatch, how: Callable[[Host], Session]) -> None:
    monkeypatch.setattr(dialing, "open_session", how)


def test_it_begins_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, session = Event(), Watched()

    def slowly(_: Host) -> Session:
        begun.set()
        return session

    opening(monkeypatch, slowly)
    with Connections((host(),)) as connect:
        assert begun.wait(SECONDS)
        assert connect(host()) is session
    assert not session.left.is_set()  # it belongs to whoever asked for it


def test_two_hosts_of_one_name_are_two_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    production = host()
    staging = production.model_copy(update={"ssh": SshTarget(address="192.0.2.2")})
    sessions = {each.ssh.address: Watched() for each in (production, staging)}
    opening(monkeypatch, lambda host: sessions[host.ssh.address])
    with Connections((production, staging)) as connect:
        assert connect(production) is sessions["192.0.2.1"]
        assert connect(staging) is sessions["192.0.2.2"]


def test_why_it_could_not_be_opened_is_raised_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Host) -> Session:
        raise Unreachable(UnreachableCode.REFUSED, "nobody listens")

    opening(monkeypatch, refused)
    with Connections((host(),)) as connect, pytest.raises(Unreachable, match="nobody listens"):
        connect(host())


def test_what_nobody_asked_for_is_closed_even_when_it_opens_later(monkeypatch: pytest.MonkeyPatch) -> None:
    leave, sessions = Event(), {"web1": Watched(), "web2": Watched()}

    def slowly(host: Host) -> Session:
        assert host.name == "web1" or leave.wait(SECONDS)
        return sessions[host.name]

    opening(monkeypatch, slowly)
    with Connections((host("web1"), host("web2"))):
        pass
    assert sessions["web1"].left.wait(SECONDS)
    leave.set()
    assert sessions["web2"].left.wait(SECONDS)


def test_a_large_fleet_is_not_connected_to_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts, opened = [host(f"web{number}") for number in range(AT_ONCE + 1)], list[str]()

    def noted(host: Host) -> Session:
        opened.append(host.name)
        return Watched()

    opening(monkeypatch, noted)
    with Connections(hosts) as connect:
        for each in hosts[:-1]:
            connect(each)
        assert hosts[-1].name not in opened
        connect(hosts[-1])
    assert sorted(opened) == sorted(each.name for each in hosts)


def test_a_run_connects_while_its_journal_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path))
    begun, begin = Event(), JournalRecorder.begin
    well: Changes = {
        Unit(name="nginx"): ex.RUNNING,
        NginxConfig(): ex.SOUND,
        PortOwner(port=80): ex.NOBODY,
        PortOwner(port=443): ex.NOBODY,
    }
    session = FactSession(well)

    def noted(_: Host) -> Session:
        begun.set()
        return session

    def late(self: JournalRecorder, *given: object) -> None:
        assert begun.wait(SECONDS)
        begin(self, *given)  # type: ignore[arg-type]  # whatever it is given

    opening(monkeypatch, noted)
    monkeypatch.setattr(JournalRecorder, "begin", late)
    report = remediate.run(SingleRemedy(RestartNginx), (host(),), options=Options(plan=True, hold=0))
    assert report.exit_code == 0, report
