"""Fleets of scripted hosts, and what happened on them at the same time."""

from collections.abc import Callable
from tempfile import TemporaryDirectory
from threading import Event, Lock
from typing import Any, ClassVar, Final

from typing_extensions import override

import remediate
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.core.playbook import HostPlan, Severity
from remediate.engine.reporter import Reporter
from remediate.errors import Unreachable, UnreachableCode
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from remediate.transport.session import Rounds, Session
from support import examples as ex
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

FPM: Final = Unit(name="php8.2-fpm")
FPM_DOWN: Final[Changes] = {FPM: ex.FAILED, PhpFpmConfig(php="php8.2"): ex.SOUND}
FPM_WELL: Final[Changes] = {FPM: ex.RUNNING, PhpFpmConfig(php="php8.2"): ex.SOUND}
FPM_BACK: Final[Changes] = {FPM: ex.started_again(ex.FAILED)}


class OfFpm:
    """A playbook of one remedy."""

    name = "toy"
    severity: ClassVar[Severity | None] = None
    discovers = False

    def __call__(self, host: Host) -> HostPlan:
        return HostPlan(symptoms=(), diagnosis=(), remedies=(RestartFpm(settle=0),))


class FleetSession(FactSession):
    """A scripted host that tells its fleet when it acts."""

    def __init__(self, name: str, fleet: "ScriptedFleet", first: Changes, *acts: Changes) -> None:
        super().__init__(first, *acts)
        self.name = name
        self._fleet = fleet

    @override
    def begin(self, *asked: Any, **others: Any) -> Any:
        acts = len(asked) > 1 and asked[1] is not None
        self._fleet.note(self.name, acts=acts)
        return super().begin(*asked, **others)


class ScriptedFleet:
    """Hosts that are down and can be fixed, unless stated otherwise. `connect` is for `remediate.run`."""

    def __init__(self, count: int, *, broken: tuple[str, ...] = (), well: tuple[str, ...] = ()) -> None:
        self.names = [f"web{number}" for number in range(1, count + 1)]
        self.acted: list[str] = []
        """The hosts that were asked to act, in order."""
        self.connected: list[str] = []
        """The hosts that were connected to, in order, again when it was again."""
        self.at_act: Callable[[str], None] = lambda _: None
        self.gone: set[str] = set()
        """The hosts that refuse a connection from now on."""
        self.open: set[str] = set()
        self.most_open = 0
        self._lock = Lock()
        self.sessions = {
            name: FleetSession(name, self, FPM_WELL if name in well else FPM_DOWN, {} if name in broken else FPM_BACK)
            for name in self.names
        }

    def note(self, name: str, *, acts: bool) -> None:
        if acts:
            with self._lock:
                self.acted.append(name)
            self.at_act(name)

    def connect(self, host: Host) -> Session:
        with self._lock:
            self.connected.append(host.name)
            if host.name in self.gone:
                raise Unreachable(UnreachableCode.REFUSED, "nobody listens")
            self.open.add(host.name)
            self.most_open = max(self.most_open, len(self.open))
        return _Closing(self, self.sessions[host.name])

    def closed(self, name: str) -> None:
        with self._lock:
            self.open.discard(name)

    def run(self, *, reporter: Reporter | None = None, stop: Event | None = None, **options: Any) -> Report:
        given = {"hold": 0, "yes": True, "max_hosts": len(self.names), **options}
        with TemporaryDirectory() as place:
            return remediate.run(
                OfFpm(),
                tuple(map(toy_host, self.names)),
                connect=self.connect,
                reporter=reporter,
                stop=stop,
                options=Options(**given),
                journal=f"sqlite:///{place}/journal.sqlite3",
            )


class _Closing(Session):
    """A connection that is counted until it is closed."""

    def __init__(self, fleet: ScriptedFleet, session: FleetSession) -> None:
        self._fleet = fleet
        self._session = session

    @override
    def begin(self, *asked: Any, **others: Any) -> Rounds:
        rounds: Rounds = self._session.begin(*asked, **others)
        return rounds

    @override
    def close(self) -> None:
        self._fleet.closed(self._session.name)


def toy_host(name: str) -> Host:
    return Host(name=name, ssh=SshTarget(address="192.0.2.1"), settings=Settings(php="php8.2"))


def ends(report: Report) -> list[str]:
    """Return each host's end: its verdict, and its code if it has one."""
    return [f"{host.verdict.value}{f' {host.error.code}' if host.error else ''}" for host in report.hosts]
