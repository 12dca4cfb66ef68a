"""A playbook describes; calling it runs nothing."""

import pickle
from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from remediate.command import ROOT, Run
from remediate.errors import ConfigurationError
from remediate.host import Host, PhpName, SshTarget, Vantage
from remediate.playbook import Playbook, Severity, Treatment, playbook
from remediate.playbooks.app_down import app_down
from remediate.probe import Fact, Probe
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import PhpFpmConfig
from remediate.probes.systemd import SYSTEMCTL, Unit
from remediate.remedy import Remedy, Step
from remediate.survey import Facts
from remediate.verdict import (
    CONFIG_BROKEN,
    CONFIG_UNCHECKED,
    START_LIMIT_HIT,
    UNIT_MASKED,
    UNIT_MISSING,
    RefusalCode,
    Verdict,
    proceed,
    refuse,
    skip,
    wait,
)

HOST = Host(name="web1", ssh=SshTarget(address="192.0.2.1"))
SITE = Site(url="https://example.com/", asked_from=Vantage.HOST)


def _symptoms(_: Host) -> Iterable[Probe[Fact]]:
    return (SITE,)


class RestartFpm(Remedy):
    """Restart PHP-FPM when it is down and its configuration is sound: a remedy of this test's own."""

    kind: Literal["test.playbook-fpm"] = "test.playbook-fpm"
    php: PhpName = Field(default="php8.2", description="PHP's name")
    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        UNIT_MISSING,
        UNIT_MASKED,
        START_LIMIT_HIT,
        CONFIG_BROKEN,
        CONFIG_UNCHECKED,
    )

    def title(self) -> str:
        return f"{self.php}-fpm"

    def probes(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.title()), PhpFpmConfig(php=self.php))

    def identity(self) -> tuple[Probe[Fact], ...]:
        return (Unit(name=self.title()),)

    def guard(self, facts: Facts) -> Verdict:
        unit = facts[Unit(name=self.title())]
        if unit.changing:
            return wait(unit.describe())
        if unit.healthy:
            return skip("it is active")
        if unit.missing or unit.masked:
            return refuse(UNIT_MISSING if unit.missing else UNIT_MASKED, unit.describe())
        config = facts[PhpFpmConfig(php=self.php)]
        if config.ok is not True:
            return refuse(CONFIG_BROKEN if config.ok is False else CONFIG_UNCHECKED, config.describe())
        if unit.result == "start-limit-hit":
            return refuse(START_LIMIT_HIT, unit.describe())
        return proceed(unit.describe())

    def apply(self, facts: Facts) -> Iterator[Step]:
        reset, restart = self.changes()
        if facts[Unit(name=self.title())].result == "start-limit-hit":
            yield reset
        yield restart

    def changes(self) -> tuple[Run, ...]:
        unit = f"{self.title()}.service"
        return (
            Run.of(SYSTEMCTL, "reset-failed", unit, user=ROOT, seconds=10),
            Run.of(SYSTEMCTL, "restart", unit, user=ROOT, seconds=100),
        )


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
    treatment = slow_site(HOST)
    assert treatment.symptoms == (SITE,)
    assert treatment.remedies == (RestartFpm(php="php8.2"),)
    assert treatment == slow_site(HOST)


def test_each_question_is_asked_once_and_symptoms_first() -> None:
    probes = slow_site(HOST).probes()
    assert probes == (SITE, Unit(name="php8.2-fpm"), PhpFpmConfig(php="php8.2"), NginxConfig())


def test_its_privileges_are_those_of_its_probes_and_remedies() -> None:
    assert [str(run) for run in slow_site(HOST).privileges()] == [
        "sudo -n /usr/sbin/php-fpm8.2 -t",
        "sudo -n /usr/sbin/nginx -t",
        "sudo -n /usr/bin/systemctl reset-failed php8.2-fpm.service",
        "sudo -n /usr/bin/systemctl restart php8.2-fpm.service",
    ]
    assert Treatment((), (), ()).privileges() == ()


def test_parameters_are_converted() -> None:
    cure = slow_site.given({"php": "php8.3", "settle": "3"})
    assert cure(HOST).remedies == (RestartFpm(php="php8.3", settle=3),)
    assert cure.name == "slow-site"


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
