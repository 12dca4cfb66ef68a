"""When nginx is restarted, and when not: the whole truth table."""

from functools import partial
from itertools import product

import pytest

import toys
from remediate.command import ROOT, Run
from remediate.errors import Unreadable
from remediate.host import Host, Settings, SshTarget
from remediate.probe import Fact, Probe
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.remedies.nginx import RestartNginx
from remediate.survey import Facts
from remediate.testing import examples as ex
from remediate.verdict import Decision
from toys import UNITS

REMEDY = RestartNginx()
UNIT, CONFIG, HTTP, HTTPS = Unit(name="nginx"), NginxConfig(), PortOwner(port=80), PortOwner(port=443)
STRANGER = ex.listening(("python3", 4711))
CONFIGS = {"sound": ex.SOUND, "broken": ex.BROKEN_CONFIG, "unchecked": ex.UNCHECKED}
PORTS = {"nobody": ex.NOBODY, "stranger": STRANGER}
RESTART = Run.of("/usr/bin/systemctl", "restart", "nginx.service", user=ROOT, seconds=100)
RESET = Run.of("/usr/bin/systemctl", "reset-failed", "nginx.service", user=ROOT, seconds=10)


def facts(
    unit: Fact | Unreadable = ex.FAILED,
    config: Fact | Unreadable = ex.SOUND,
    http: Fact | Unreadable = ex.NOBODY,
    https: Fact | Unreadable = ex.NOBODY,
) -> dict[Probe[Fact], Fact | Unreadable]:
    return {UNIT: unit, CONFIG: config, HTTP: http, HTTPS: https}


decide = partial(toys.decide, REMEDY)


def expected(unit: str, config: str, http: str, https: str) -> str:
    if unit in {"starting", "stopping", "reloading", "queued"}:
        return "wait"
    if unit == "running":
        return "skip"
    if unit in {"masked", "missing"}:
        return f"unit-{unit}"
    if config != "sound":
        return f"config-{config}"
    if "stranger" in {http, https}:
        return "port-taken"
    return "start-limit-hit" if unit == "start-limit" else "proceed"


@pytest.mark.parametrize(("unit", "config", "http", "https"), list(product(UNITS, CONFIGS, PORTS, PORTS)))
def test_every_state(unit: str, config: str, http: str, https: str) -> None:
    given = facts(UNITS[unit], CONFIGS[config], PORTS[http], PORTS[https])
    assert decide(given) == expected(unit, config, http, https)
    for probe in REMEDY.probes():
        said = decide({**given, probe: Unreadable("not now")})
        assert said != "proceed", probe
        assert said in {"unreadable", decide(given)}


def test_a_port_held_by_nginx_itself_is_looked_at_again() -> None:
    # Measured: the survey's own `nginx -t` binds the ports for a moment, and its `ss` sees that.
    verdict = REMEDY.guard(Facts(facts(ex.STOPPED, http=ex.listening(("nginx", 971)))))
    assert (verdict.decision, verdict.code and verdict.code.name) == (Decision.WAIT, "port-taken")
    mixed = REMEDY.guard(Facts(facts(ex.STOPPED, http=ex.listening(("nginx", 971), ("python3", 4711)))))
    assert mixed.decision is Decision.REFUSE


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {expected(*state) for state in product(UNITS, CONFIGS, PORTS, PORTS)}
    assert reached == {"wait", "skip", "proceed", *(code.name for code in RestartNginx.refusals)}


def test_its_own_port_does_not_matter_while_it_runs() -> None:
    assert decide(facts(ex.RUNNING, http=ex.listening(("nginx", 69)))) == "skip"


def test_it_says_who_took_the_port() -> None:
    reason = REMEDY.guard(Facts(facts(https=ex.listening(("python3", 4711), ("apache2", 4712))))).reason
    assert reason == "port 443 is taken by python3 (4711), apache2 (4712), so nginx cannot start"


def test_what_it_does() -> None:
    assert list(REMEDY.apply(Facts(facts()))) == [RESTART]
    assert list(REMEDY.apply(Facts(facts(ex.START_LIMIT)))) == [RESET, RESTART]
    assert [str(run) for run in REMEDY.privileges()] == [
        "sudo -n /usr/sbin/nginx -t",
        "sudo -n /usr/bin/ss -ltnpH 'sport = :80'",
        "sudo -n /usr/bin/ss -ltnpH 'sport = :443'",
        "sudo -n /usr/bin/systemctl reset-failed nginx.service",
        "sudo -n /usr/bin/systemctl restart nginx.service",
    ]


def test_the_inventory_names_the_unit() -> None:
    settings = Settings.model_validate({"nginx_unit": "openresty"})
    remedy = RestartNginx.on(Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings))
    assert remedy.title() == "openresty"
    assert remedy.changes()[1].argv[-1] == "openresty.service"


EXAMPLES = {
    "nginx.restart": (
        REMEDY,
        facts(),
        facts(ex.started_again(ex.FAILED)),
        tuple(
            facts(UNITS[unit], CONFIGS[config], PORTS[http], PORTS[https])
            for unit, config, http, https in product(UNITS, CONFIGS, PORTS, PORTS)
        ),
    )
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
