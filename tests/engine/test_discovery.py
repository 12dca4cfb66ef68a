"""Plans that depend on a setting that only their host can tell."""

from collections.abc import Iterable

import pytest

from remediate.core.command import Output, Run
from remediate.core.host import Host, Settings, SshTarget
from remediate.core.outcome import RunVerdict
from remediate.core.playbook import Runnable, Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.engine.discovery import leaves_open
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.playbooks.cache_down import cache_down
from remediate.playbooks.certificate_expiry import certificate_expiry
from remediate.playbooks.high_load import high_load
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.laravel import App, Deploy, DeployState
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from remediate.remedies.journald import VacuumJournal
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedies.single import SingleRemedy
from remediate.testing import play
from support import examples as ex
from support.outcomes import code
from support.scripted import FactSession

Known = dict[Probe[Fact] | Run, Fact | Output | Unreadable]

LARAVEL = {
    "site_url": "https://example.com/",
    "app_path": "/srv/app",
    "certificate": {"name": "example.com", "domain": "example.com"},
}


def host(**settings: object) -> Host:
    return Host(
        name="web1", ssh=SshTarget(address="192.0.2.1"), settings=Settings.model_validate({**LARAVEL, **settings})
    )


def _nginx(_: Host) -> Iterable[Probe[Fact]]:
    yield Unit(name="nginx")


def _checked(host: Host) -> Iterable[Probe[Fact]]:
    if host.settings.php is not None:
        yield PhpFpmConfig(php=host.settings.php)


@playbook(severity=Severity.SEV2, symptoms=_nginx)
def shop_down(host: Host) -> Iterable[Remedy]:
    """Start the web server."""
    yield RestartNginx.on(host)


@playbook(severity=Severity.SEV2, symptoms=_nginx, diagnosis=_checked)
def shop_shown(host: Host) -> Iterable[Remedy]:
    """Show what PHP-FPM thinks of its configuration, where there is one."""
    yield RestartNginx.on(host)


def _by_version(host: Host) -> Iterable[Probe[Fact]]:
    if host.settings.php is not None:
        major, minor = host.settings.php.removeprefix("php").split(".")
        yield Unit(name=f"php{major}.{minor}-fpm")
    yield Unit(name="nginx")


@playbook(severity=Severity.SEV2, symptoms=_by_version)
def shop_by_version(host: Host) -> Iterable[Remedy]:
    """Start the web server; its PHP-FPM is named by the parts of its version."""
    yield RestartNginx.on(host)


@pytest.mark.parametrize(
    ("runnable", "open_"),
    [
        (app_down, True),
        (cache_down, True),
        (high_load, True),  # it has a plan without PHP as well, and another one with it
        (certificate_expiry, True),  # it names the incident that its page fails of
        (shop_down, False),
        (shop_down.given({}), False),
        (shop_shown, True),
        (shop_by_version, True),
        (SingleRemedy(RestartNginx), True),  # it comes after a gate that asks the application
        (SingleRemedy(VacuumJournal), False),
        (SingleRemedy(RestartPhpFpm), True),
    ],
)
def test_php_is_looked_for_only_where_the_plan_depends_on_it(runnable: Runnable, open_: bool) -> None:
    assert leaves_open(runnable, host()) is open_
    assert not leaves_open(runnable, host(php="php8.3"))


def test_without_an_application_no_gate_asks_php() -> None:
    assert not leaves_open(SingleRemedy(RestartNginx), host(app_path=None))


def test_a_remedy_alone_heeds_maintenance_mode_also_where_php_is_left_open() -> None:
    php: Known = {DiscoverPhp(domain="example.com"): InstalledPhp(enabled=("php8.3",), served=())}
    app: Known = {
        App(php="php8.3", path="/srv/app", user="forge"): ex.IN_MAINTENANCE,
        Deploy(user="forge"): DeployState(running=()),
    }
    free: Known = {PortOwner(port=port): ex.NOBODY for port in (80, 443)}
    session = FactSession({**php, **app, **free, Unit(name="nginx"): ex.STOPPED, NginxConfig(): ex.SOUND})
    outcome = play(SingleRemedy(RestartNginx), session, host=host())
    assert outcome.verdict is RunVerdict.REFUSED
    assert code(outcome) == "maintenance-mode"


def test_where_no_php_is_found_nothing_acts_without_the_question_about_maintenance() -> None:
    with pytest.raises(ConfigurationError, match="php"):
        SingleRemedy(RestartNginx)(host())
    assert SingleRemedy(RestartNginx)(host(app_path=None)).gates == ()


def test_another_missing_setting_is_said_as_before() -> None:
    bare = host(certificate=None)
    assert leaves_open(certificate_expiry, bare)  # so the host is asked, and then the run says what is missing
    with pytest.raises(ConfigurationError, match="certificate"):
        certificate_expiry(bare)


def test_two_phps_are_no_question_of_a_playbook_without_php() -> None:
    two: Known = {DiscoverPhp(domain="example.com"): InstalledPhp(enabled=("php8.2", "php8.3"), served=())}
    free: Known = {PortOwner(port=port): ex.NOBODY for port in (80, 443)}
    session = FactSession({**two, Unit(name="nginx"): ex.RUNNING, NginxConfig(): ex.SOUND, **free})
    outcome = play(shop_down, session, host=host())
    assert (outcome.verdict, session.execs) == (RunVerdict.HEALTHY, 1)
    with pytest.raises(ConfigurationError, match="several PHPs"):
        play(app_down, FactSession(two), host=host())
