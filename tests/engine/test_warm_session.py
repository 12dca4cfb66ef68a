"""A session of a library user: warm connections, fresh facts, and links that die in between."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

import remediate
from remediate.core.host import Host, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched
from remediate.errors import ConfigurationError, ContactLost, Unreachable, UnreachableCode
from remediate.testing import ScriptedEvent
from remediate.transport.acted import Acted
from remediate.transport.session import Answers, Rounds, Session
from support.doc_pages import FENCED, ROOT
from support.fleets import FPM_BACK, FPM_DOWN, FPM_WELL, OfFpm, toy_host
from support.incidents import broken, host, mended
from support.outcomes import code
from support.scripted import FactSession, LostSession, Opened, printed

pytestmark = pytest.mark.usefixtures("hurry")


class Link(Session):
    """One connection to a scripted host. `dies` says how it fails from now on, if it does."""

    def __init__(self, host: FactSession) -> None:
        self.host = host
        self.dies = ""
        self.closed = False

    @override
    def begin(self, *asked: Any, **others: Any) -> Rounds:
        if self.dies == "at once":
            raise Unreachable(UnreachableCode.LOST, "the link died before anything was sent")
        rounds: Rounds = self.host.begin(*asked, **others)
        return Silent(rounds) if self.dies == "in silence" else rounds

    @override
    def close(self) -> None:
        self.closed = True


class Silent(Rounds):
    """An exec that gets no answer."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds = rounds

    @override
    def acted(self) -> Acted:
        raise ContactLost("no answer in time")

    @override
    def next(self) -> Answers:
        raise Unreachable(UnreachableCode.LOST, "no answer in time")

    @override
    def close(self) -> None:
        self.rounds.close()


class Line:
    """A scripted host, and every connection that was made to it."""

    def __init__(self, host: FactSession) -> None:
        self.host = host
        self.links: list[Link] = []
        self.refuses = False

    def connect(self, _: Host) -> Session:
        if self.refuses:
            raise Unreachable(UnreachableCode.REFUSED, "nobody listens")
        self.links.append(Link(self.host))
        return self.links[-1]


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/journal.sqlite3"


NOW = Options(hold=0, yes=True)
WEB1 = (toy_host("web1"),)


def test_calls_share_one_connection_and_each_asks_again(journal: str) -> None:
    line = Line(FactSession(FPM_WELL))
    with remediate.session(WEB1, journal=journal, connect=line.connect) as web1:
        assert line.links == []  # an own `connect` is called when it is needed
        assert web1.check(OfFpm()).verdict is RunVerdict.HEALTHY
        line.host._change(printed(FPM_DOWN))
        assert web1.check(OfFpm()).verdict is RunVerdict.PENDING
        line.host._effects.append(printed(FPM_BACK))
        assert web1.run(OfFpm(), options=NOW).verdict is RunVerdict.FIXED
        assert web1.check(OfFpm()).verdict is RunVerdict.HEALTHY
    assert [link.closed for link in line.links] == [True]


@pytest.mark.parametrize("dies", ["at once", "in silence"])
def test_a_link_that_died_between_two_calls_is_opened_again(journal: str, dies: str) -> None:
    line = Line(FactSession(FPM_DOWN, FPM_BACK))
    with remediate.session(WEB1, journal=journal, connect=line.connect) as web1:
        web1.check(OfFpm())
        line.links[0].dies = dies
        report = web1.run(OfFpm(), options=NOW)
    assert (report.verdict, len(line.host.acts)) == (RunVerdict.FIXED, 1)
    assert [link.closed for link in line.links] == [True, True]


@pytest.mark.parametrize("dies", ["at once", "in silence"])
def test_a_link_that_dies_on_its_first_call_is_not_opened_again(journal: str, dies: str) -> None:
    line = Line(FactSession(FPM_DOWN))

    def connect(host: Host) -> Session:
        line.connect(host)
        line.links[-1].dies = dies
        return line.links[-1]

    with remediate.session(WEB1, journal=journal, connect=connect) as web1:
        report = web1.run(OfFpm(), options=NOW)
        assert (report.verdict, code(report.hosts[0])) == (RunVerdict.UNREACHABLE, "link-lost")
        assert len(line.links) == 1


def test_a_link_is_opened_again_once_a_call(journal: str) -> None:
    line = Line(FactSession(FPM_DOWN))
    with remediate.session(WEB1, journal=journal, connect=line.connect) as web1:
        web1.check(OfFpm())
        line.links[0].dies = "in silence"
        line.refuses = True
        report = web1.check(OfFpm())
        assert (report.verdict, code(report.hosts[0])) == (RunVerdict.UNREACHABLE, "connection-refused")
        line.refuses = False
        assert web1.check(OfFpm()).verdict is RunVerdict.PENDING  # the next call may find it back


def test_a_link_that_dies_for_good_while_acting_is_unknown_and_nothing_is_repeated(
    journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediate.engine.rejoin.REJOIN_SECONDS", 0)
    line = Line(LostSession(FPM_DOWN, ScriptedEvent.LOST_WHILE))
    with remediate.session(WEB1, journal=journal, connect=line.connect) as web1:
        web1.check(OfFpm())
        report = web1.run(OfFpm(), options=NOW)
    assert (report.verdict, report.touched) == (RunVerdict.UNKNOWN, Touched.UNKNOWN)
    assert (len(line.host.acts), len(line.links)) == (1, 2)  # the second was made to ask, and to ask only


def test_threads_take_turns(journal: str) -> None:
    line = Line(FactSession(FPM_WELL))
    with remediate.session(WEB1, journal=journal, connect=line.connect) as web1, ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: web1.check(OfFpm()), range(4)))
    assert [report.verdict for report in reports] == [RunVerdict.HEALTHY] * 4
    assert len(line.links) == 1


def test_outside_its_block_a_session_says_so(journal: str) -> None:
    line = Line(FactSession(FPM_WELL))
    web1 = remediate.session(WEB1, journal=journal, connect=line.connect)
    with pytest.raises(ConfigurationError, match="use it inside its `with` block"):
        web1.check(OfFpm())
    with web1:
        web1.check(OfFpm())
    with pytest.raises(ConfigurationError, match="use it inside its `with` block"):
        web1.check(OfFpm())


def test_an_unknown_host_is_an_error_before_the_block(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {web1: {ansible_host: 192.0.2.1}}}\n")
    with pytest.raises(ConfigurationError, match="web2"):
        remediate.session("web2", inventory=inventory)


def test_the_inventory_is_read_once(tmp_path: Path, journal: str) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {web1: {ansible_host: 192.0.2.1}}}\n")
    line = Line(FactSession(FPM_WELL))
    with remediate.session("web1", inventory=inventory, journal=journal, connect=line.connect) as web1:
        inventory.unlink()
        assert web1.check(OfFpm()).verdict is RunVerdict.HEALTHY


def test_the_example_of_the_documentation_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    session = FactSession(broken("php-fpm down"), *mended(["php-fpm down"]))
    opened: list[str] = []

    def dialling(target: SshTarget, *_: object) -> Opened:
        opened.append(target.address)
        return Opened(session)

    monkeypatch.setattr("remediate.engine.warm_session.select", lambda *_: (host(site_vantage=["host"]),))
    monkeypatch.setattr("remediate.transport.dialing.Dialling", dialling)
    page = (ROOT / "docs/library.md").read_text()
    (example,) = (block["text"] for block in FENCED.finditer(page) if "remediate.session(" in block["text"])
    exec(compile(example.replace("yes=True", "yes=True, hold=0"), "library.md", "exec"), {})  # noqa: S102  # It is ours.
    assert capsys.readouterr().out == "fixed\n"
    assert opened == ["192.0.2.1"]
