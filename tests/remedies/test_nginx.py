"""Truth table: nginx is restarted or left alone."""

from functools import partial
from itertools import product

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.core.verdict import Decision
from remediate.errors import Unreadable
from remediate.probes.certbot import Renewal
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, NoHandshake
from remediate.probes.config import NameConflict
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig, NginxWorkerPids, NginxWorkers
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.systemd import Unit
from remediate.probes.x509 import CertificateInfo
from remediate.remedies.nginx import ReloadNginx, RestartNginx
from remediate.remedies.served_certificate import served_here
from support import certificate_examples as exc
from support import examples as ex
from support import toys
from support.hosts import host_with
from support.render import surveyed
from support.toys import UNITS

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
    gone = PortOwner(port=80).read(Output(stdout="LISTEN 0 511 [::]:80 [::]:*\n"))
    verdict = REMEDY.guard(Facts(facts(ex.STOPPED, http=gone)))
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
        "sudo -n /usr/bin/ss -ltnpH sport eq :80",
        "sudo -n /usr/bin/ss -ltnpH sport eq :443",
        "sudo -n /usr/bin/systemctl reset-failed nginx.service",
        "sudo -n /usr/bin/systemctl restart nginx.service",
    ]


def test_the_inventory_names_the_unit() -> None:
    remedy = RestartNginx.on(host_with({"nginx_unit": "openresty"}))
    assert remedy.title() == "openresty"
    assert remedy.changes()[1].argv[-1] == "openresty.service"


# -- a reload ----------------------------------------------------------------------------------------------------------

NAME = "example.com"
RELOAD = ReloadNginx(name=NAME, domain=NAME)
SERVED, DISK, CHAIN = served_here(NAME, 443, 30), LineageCertificate(name=NAME), LineageChain(name=NAME)
RENEWAL, FILE = Renewal(name=NAME), NginxCertificate(domain=NAME)
OWN = ServerCertificate(files=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem",))
PANEL = ServerCertificate(files=("/etc/nginx/ssl/example.com/4711/server.crt",))
TWICE = ex.SOUND.model_copy(update={"conflicts": (NameConflict(name=NAME, address="0.0.0.0:443"),)})
OLD, NEW = exc.certificate(left=-3), exc.certificate(left=89, serial="4A12")
WRONG = exc.certificate(names="www.example.com")


def loading(
    served: CertificateInfo | NoHandshake = OLD,
    disk: CertificateInfo = NEW,
    unit: Fact = ex.RUNNING,
    config: Fact = ex.SOUND,
    file: Fact | Unreadable = OWN,
    chain: Fact = exc.TRUSTED,
    renewal: Fact = exc.BY_WEBROOT,
    workers: tuple[int, ...] = (80, 82),
) -> dict[Probe[Fact], Fact | Unreadable]:
    return {
        SERVED: exc.unserved(served) if isinstance(served, NoHandshake) else exc.served(SERVED, served),
        RENEWAL: renewal,
        DISK: LineageState(certificate=disk),
        CHAIN: chain,
        UNIT: unit,
        NginxWorkers(): NginxWorkerPids(pids=workers),
        CONFIG: config,
        FILE: file,
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (loading(), "proceed"),
        (loading(NEW), "skip"),
        (loading(exc.certificate()), "skip"),  # well as it is, though a newer one lies on disk
        (loading(OLD, OLD), "skip"),
        (loading(OLD, exc.certificate(left=-1, serial="4A12")), "skip"),  # has ended, too
        (loading(exc.certificate(left=10), exc.certificate(left=5, serial="4A12")), "skip"),
        (loading(OLD, exc.certificate(left=5, serial="4A12")), "proceed"),  # better than nothing
        (loading(WRONG, NEW), "proceed"),
        (loading(WRONG, exc.certificate(left=50, serial="4A12")), "proceed"),
        (loading(OLD, WRONG), "skip"),
        (loading(NoHandshake.REFUSED), "skip"),
        (loading(unit=ex.STOPPED), "nginx-down"),
        (loading(unit=ex.FAILED), "nginx-down"),
        (loading(unit=ex.MISSING), "nginx-down"),
        (loading(unit=ex.STARTING), "wait"),
        (loading(config=ex.BROKEN_CONFIG), "config-broken"),
        (loading(config=ex.BROKEN_CONFIG, file=Unreadable("nginx's configuration")), "config-broken"),
        (loading(config=ex.UNCHECKED), "config-unchecked"),
        (loading(file=PANEL), "certificate-not-managed"),
        (loading(config=TWICE, file=PANEL), "server-name-conflict"),
        (loading(config=TWICE), "proceed"),
        (loading(file=ServerCertificate(files=("/etc/letsencrypt/live/b.org/fullchain.pem",))), "other-lineage"),
        (loading(chain=exc.SELF_SIGNED), "certificate-untrusted"),
        ({**loading(NEW), SERVED: exc.served(SERVED, NEW, verify=20)}, "chain-incomplete"),  # alone, as cert.pem is
        ({**loading(NEW, chain=exc.SELF_SIGNED), SERVED: exc.served(SERVED, NEW, verify=20)}, "skip"),
        (loading(renewal=exc.NO_LINEAGE), "skip"),
        (loading(file=Unreadable("too long")), "unreadable"),
    ],
)
def test_when_it_is_told_to_load_what_lies_on_disk(given: dict[Probe[Fact], Fact | Unreadable], expected: str) -> None:
    assert toys.decide(RELOAD, given) == expected
    for probe in RELOAD.probes():
        assert toys.decide(RELOAD, {**given, probe: Unreadable("not now")}) in {"unreadable", expected} - {"proceed"}


def test_what_proves_a_reload() -> None:
    before = surveyed(loading())
    told = RELOAD.verify(before, surveyed(loading(NEW, workers=(91, 92))))
    assert told == Proven(evidence="serial 4A12 is served, until 2027-02-20, by new workers")
    for after in (loading(), loading(workers=(91, 92)), loading(NEW), loading(NoHandshake.TIMEOUT)):
        assert isinstance(RELOAD.verify(before, surveyed(after)), NotYet), after


def test_what_is_served_has_to_be_trusted_as_well() -> None:
    stranger = exc.served(SERVED, NEW, verify=21)
    after = surveyed({**loading(NEW, workers=(91, 92)), SERVED: stranger})
    told = RELOAD.verify(surveyed(loading()), after)
    assert told == Failed(
        reason="it is served, and it is valid until 2027-02-20 (89 days), not trusted (verify code 21)"
    )


def test_what_a_reload_runs() -> None:
    (reload,) = RELOAD.apply(Facts(loading()))
    assert str(reload) == "sudo -n /usr/bin/systemctl reload nginx.service"
    remedy = ReloadNginx.on(host_with({"nginx_unit": "openresty", "certificate": {"name": NAME, "domain": NAME}}))
    assert (remedy.title(), remedy.changes()[0].argv[-1]) == ("openresty", "openresty.service")


EXAMPLES = {
    "nginx.restart": (
        REMEDY,
        facts(),
        facts(ex.started_again(ex.FAILED)),
        tuple(
            facts(UNITS[unit], CONFIGS[config], PORTS[http], PORTS[https])
            for unit, config, http, https in product(UNITS, CONFIGS, PORTS, PORTS)
        ),
    ),
    "nginx.reload": (
        RELOAD,
        loading(),
        loading(NEW, workers=(91, 92)),
        (
            loading(unit=ex.STOPPED),
            loading(unit=ex.STARTING),
            loading(config=ex.BROKEN_CONFIG),
            loading(file=PANEL),
            loading(chain=exc.SELF_SIGNED),
            loading(config=TWICE, file=PANEL),
            loading(renewal=exc.NO_LINEAGE),
            loading(WRONG),
        ),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
