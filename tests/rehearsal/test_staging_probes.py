"""Every packaged probe against the real program, healthy and broken.

Output that a test wrote by hand shows that it is read, not that any program prints it.
"""

import importlib
import inspect
import pkgutil
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import remediate.probes
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.engine.fleet import select
from remediate.engine.judge import CLOCK, RULES
from remediate.engine.surveyor import Surveyor
from remediate.errors import ConfigurationError, Unreadable
from remediate.maintenance.catalogue import DUTIES
from remediate.maintenance.item import Item
from remediate.probes.discover_php import DiscoverPhp
from remediate.probes.mysql_data import DataDirectory
from remediate.probes.visits import MonitorVisits
from remediate.project.project import Project
from remediate.remedies.catalogue import remedies
from remediate.transport.controller import HttpController
from remediate.transport.dialing import open_session
from support.probe_cases import CASES, CERTBOT, DOMAIN, ELSEWHERE

if TYPE_CHECKING:
    from support.stage import Stage
    from support.staged_host import Staged

# On one host, one after the other: what a case has undone is waited for by the next.
pytestmark = [pytest.mark.container, pytest.mark.xdist_group("probes")]

PATIENCE: Final = 30.0
"""Seconds at most until a state shows: a connection has to have been idle, a worker has to start."""
_AT_WORK: Final = (
    "ps -eo pid,user,etimes,pcpu,args --sort=-pcpu | head -n 12; mariadb -e 'show full processlist' || true"
)
Answers = list[tuple[Probe[Fact], Fact | Unreadable]]


def asked_of(host: Host) -> dict[str, list[Probe[Fact]]]:
    """Every question that a playbook, a remedy or a maintenance item asks of this host, by its kind."""
    project = Project(Path(__file__).parents[2])
    probes: list[Probe[Fact]] = [CLOCK, RULES, DiscoverPhp(domain=DOMAIN)]
    for name in project.playbooks():
        probes += project.load(name)(host).probes()
    for remedy in remedies().values():
        with suppress(ConfigurationError):
            probes += remedy.on(host, **remedy.stand_ins).probes()
    for duty in DUTIES:
        if isinstance(duty, Item):
            with suppress(ConfigurationError):
                probes += duty.probes(host)
    # Their disk, or their visitor, cannot be made bad: the same question about another.
    probes += [DataDirectory(path="/var/log/nginx"), MonitorVisits(log="/var/log/nginx/webhooks.log", agent="Prober")]
    found: dict[str, list[Probe[Fact]]] = {}
    for probe in dict.fromkeys(probes):
        found.setdefault(probe.kind, []).append(probe)
    return found


class Asked:
    """The staging host, asked over SSH as a run does, on one connection."""

    def __init__(self, staged: "Staged") -> None:
        (host,) = select(staged.name, staged.inventory)
        self.staged = staged
        self.probes = asked_of(host)
        every = [probe for probes in self.probes.values() for probe in probes]
        self.surveyor = Surveyor(open_session(host), HttpController(), every)

    def looks(self, kinds: Iterable[str], seconds: float = 0) -> Iterator[Answers]:
        """Ask everything of these kinds, again and again until so many seconds are over; each time what was read."""
        probes = [probe for kind in kinds for probe in self.probes[kind]]
        end = time.monotonic() + seconds
        with self.surveyor.look(probes=probes) as look:
            while True:
                facts = dict(look.survey())
                yield [(probe, facts[probe]) for probe in probes]
                if time.monotonic() > end:
                    return
                time.sleep(look.pause)


@pytest.fixture(scope="module")
def asked(stage: "Stage", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    from support.staged_host import Staged

    asked = Asked(Staged(stage.clean(), tmp_path_factory.mktemp("probes")))
    yield asked
    asked.surveyor.close()


def test_every_probe_that_ships_is_tried_in_both_states() -> None:
    shipped = set()
    for module in pkgutil.walk_packages(remediate.probes.__path__, f"{remediate.probes.__name__}."):
        for _, thing in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(thing, Probe) and not inspect.isabstract(thing):
                shipped.add(thing.model_fields["kind"].default)
    assert shipped == CASES.keys() | ELSEWHERE.keys()
    assert not CASES.keys() & ELSEWHERE.keys()
    for test in ELSEWHERE.values():
        assert " " in test or Path(__file__).with_name(f"{test}.py").exists()


def test_a_healthy_host_is_readable_in_everything(asked: Asked) -> None:
    asked.staged.sh(f"touch {CERTBOT}")
    (facts,) = asked.looks(kind for kind in asked.probes if kind not in ELSEWHERE)
    assert [fact for _, fact in facts if isinstance(fact, Unreadable)] == []


GROUPS: Final[dict[tuple[str, ...], list[str]]] = {}
for _kind, _case in CASES.items():
    GROUPS.setdefault((_case.before, _case.fault, _case.undo), []).append(_kind)
"""Kinds that one fault shows."""


@pytest.mark.parametrize("kinds", GROUPS.values(), ids="+".join)
def test_a_probe_sees_what_it_is_there_for(asked: Asked, kinds: list[str]) -> None:
    case, staged = CASES[kinds[0]], asked.staged
    if case.before:
        staged.sh(case.before)
    ill: Answers = []
    for good in asked.looks(kinds, PATIENCE):  # what was broken before may still be coming back
        ill = [(probe, fact) for probe, fact in good if isinstance(fact, Unreadable) or CASES[probe.kind].seen(fact)]
        if not ill:
            break
    assert not ill, f"not as it should be before anything was broken: {ill}\n{staged.sh(_AT_WORK)}"
    unseen = set(kinds)
    with ExitStack() as undo:
        if fault := staged.faults.get(case.fault):
            undo.callback(fault.undo, staged.host)
            fault.inject(staged.host)
        else:
            undo.callback(staged.sh, case.undo or "true")
            staged.sh(case.fault)
        for bad in asked.looks(kinds, PATIENCE):
            readable = [(probe, fact) for probe, fact in bad if not isinstance(fact, Unreadable)]
            unseen = set(kinds) - {probe.kind for probe, fact in readable if CASES[probe.kind].seen(fact)}
            if not unseen:
                break
        assert not unseen, bad
