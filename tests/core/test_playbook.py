"""A playbook is a description: calling it runs nothing."""

import pickle
from collections.abc import Iterable

import pytest

from remediate.core.host import Host, SshTarget
from remediate.core.playbook import HostPlan, Playbook, Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.program_text import HELPER
from remediate.core.remedy import Remedy
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError
from remediate.playbooks.app_down import app_down
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import Unit
from support.toys import RestartFpm

HOST = Host(name="web1", ssh=SshTarget(address="192.0.2.1"))
SITE = Site(url="https://example.com/", asked_from=Vantage.HOST)


def _symptoms(_: Host) -> Iterable[Probe[Fact]]:
    return (SITE,)


@playbook(severity=Severity.SEV3, symptoms=_symptoms, diagnosis=lambda _: (NginxConfig(),))
def slow_site(host: Host, *, php: str = "php8.2", settle: float = 10) -> Iterable[Remedy]:
    """Make it fast again."""
    yield RestartFpm(php=php, settle=settle)


def test_its_name_and_words_come_from_the_function() -> None:
    assert isinstance(slow_site, Playbook)
    assert (slow_site.name, slow_site.severity) == ("slow-site", Severity.SEV3)
    assert slow_site.__doc__ == "Make it fast again."
    assert repr(slow_site) == "<playbook slow-site>"


def test_it_describes_what_it_would_do_on_a_host() -> None:
    host_plan = slow_site(HOST)
    assert host_plan.symptoms == (SITE,)
    assert host_plan.remedies == (RestartFpm(php="php8.2"),)
    assert host_plan == slow_site(HOST)


def test_each_question_is_asked_once_and_symptoms_first() -> None:
    probes = slow_site(HOST).probes()
    assert probes == (SITE, Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2"), NginxConfig())


def test_its_privileges_are_those_of_its_probes_and_remedies() -> None:
    runs = [str(run) for run in slow_site(HOST).privileges()]
    # Each brief question may also be asked together with others, by one line of the helper.
    assert [run.split()[-2:] for run in runs if HELPER in run] == [
        ["/usr/sbin/php-fpm8.2", "-t"],
        ["/usr/sbin/nginx", "-t"],
    ]
    assert [run for run in runs if HELPER not in run] == [
        "sudo -n /usr/sbin/php-fpm8.2 -t",
        "sudo -n /usr/sbin/nginx -t",
        "sudo -n /usr/bin/systemctl reset-failed php8.2-fpm.service",
        "sudo -n /usr/bin/systemctl restart php8.2-fpm.service",
    ]
    assert HostPlan((), (), ()).privileges() == ()


def test_parameters_are_converted() -> None:
    runnable = slow_site.given({"php": "php8.3", "settle": "3"})
    assert runnable(HOST).remedies == (RestartFpm(php="php8.3", settle=3),)
    assert runnable.name == "slow-site"


@pytest.mark.parametrize(
    ("parameters", "said"), [({"nonsense": "1"}, "no parameter 'nonsense'"), ({"settle": "soon"}, "--settle: ")]
)
def test_a_bad_parameter_is_one_line(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        slow_site.given(parameters)
    assert "\n" not in str(caught.value)
    assert "soon" not in str(caught.value)


def test_a_stock_playbook_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(app_down)) is app_down  # noqa: S301  # our own bytes


@playbook(severity=Severity.SEV3, symptoms=lambda _: ())
def nothing_known(host: Host) -> Iterable[Remedy]:  # as on a host whose inventory says nothing
    """Look at nothing."""
    return ()


def test_where_nothing_would_be_looked_at_the_inventory_is_named() -> None:
    with pytest.raises(ConfigurationError, match="web1: nothing-known has no symptom to look at and no remedy"):
        nothing_known(HOST)
