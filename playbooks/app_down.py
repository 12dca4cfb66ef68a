"""The site answers with an error, or not at all (runbook 4.1)."""

from collections.abc import Iterable, Iterator

from remediate.errors import ConfigurationError
from remediate.host import Host
from remediate.playbook import Severity, playbook
from remediate.probe import Fact, Probe
from remediate.probes.http import Site
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import unit_of
from remediate.probes.systemd import Unit, UnitLog
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedy import Remedy


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    if host.settings.site_url is None:
        raise ConfigurationError(
            f"{host.name}: remediate.site_url is not set, so nothing can tell whether the site is up"
        )
    yield from Site.of(host)
    if host.settings.health_path is not None:
        yield from Site.of(host, host.settings.health_path)


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    yield Unit(name=host.settings.nginx_unit)
    yield NginxConfig()
    if host.settings.php is not None:
        yield UnitLog(name=unit_of(host.settings.php))


@playbook(severity=Severity.SEV1, symptoms=_symptoms, diagnosis=_diagnosis)
def app_down(host: Host) -> Iterable[Remedy]:
    """Bring the site back: 502 or 503, a failing health check, no answer (runbook 4.1, SEV-1)."""
    yield RestartPhpFpm.on(host)
