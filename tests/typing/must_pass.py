"""Code that must type-check: facts have the type of their probe."""

from typing import assert_type

from remediate.core.command import Output
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.probes.config import ConfigCheck
from remediate.probes.http import HttpAnswer, Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import LogLines, Unit, UnitLog, UnitState
from remediate.testing import Known, PaperHost, ScriptedSession
from remediate.transport.session import Session


def typed(facts: Facts) -> None:
    assert_type(facts[Unit(name="nginx")], UnitState)
    assert_type(facts[UnitLog(name="nginx")], LogLines)
    assert_type(facts[NginxConfig()], ConfigCheck)
    assert_type(facts[Site(url="https://example.com/", asked_from=Vantage.HOST)], HttpAnswer)
    assert_type(facts[Unit(name="nginx")].healthy, bool)
    assert_type(facts[Unit(name="nginx")].active_since, float | None)


def any_probe(facts: Facts, probe: Probe[Fact]) -> None:
    assert_type(facts[probe], Fact)
    assert_type(facts[probe].ok, bool | None)


def sessions(host: PaperHost, running: UnitState) -> None:
    site = Site(url="https://example.com/", asked_from=Vantage.HOST)
    answer = Output(stderr="200 0.1 ")
    scripted: Session = ScriptedSession({Unit(name="nginx"): Output(stdout="MainPID=1"), site: answer}, {site: answer})
    real: Session = host.session()
    known: Known = {Unit(name="nginx"): running}
    del scripted, real, known
