"""The remedies that a host without Laravel has: none of them asks PHP, artisan or an application."""

import pytest

from remediate.core.command import Run
from remediate.core.host import Host, Settings, SshTarget
from remediate.errors import ConfigurationError
from remediate.remedies.catalogue import remedies

SETTINGS = {
    "site_url": "https://shop.example.com/",
    "health_path": "/health",
    "app_user": "shop",
    "database": {"unit": "mariadb"},
    "redis": {"unit": "redis-server"},
    "certificate": {"name": "shop.example.com", "domain": "shop.example.com"},
    "log_paths": ["/var/log/nginx/access.log"],
    "restartable_units": ["shop-import"],
}
HOST = Host(name="shop1", ssh=SshTarget(address="192.0.2.1"), settings=Settings.model_validate(SETTINGS))
GENERIC = {
    *("certificate.panel", "certificate.renew", "database.restart", "journal.vacuum", "log.reopen", "log.shorten"),
    *("nginx.reload", "nginx.restart", "nginx.server-name", "process.end", "redis.restart", "supervisor.restart"),
    "unit.restart",
}
"""Service, process, disk, certificate, database and Redis."""


def possible() -> set[str]:
    """Return the remedies that need no more than this inventory."""
    found = set()
    for kind, remedy in remedies().items():
        try:
            remedy.on(HOST, **remedy.stand_ins)
        except ConfigurationError:
            continue
        found.add(kind)
    return found


def test_they_are_the_ones_of_services_processes_disks_certificates_database_and_redis() -> None:
    assert possible() >= GENERIC


@pytest.mark.parametrize("kind", sorted(GENERIC))
def test_it_asks_and_runs_nothing_of_laravel(kind: str) -> None:
    remedy = remedies()[kind].on(HOST)
    asked = [command for probe in remedy.probes() if isinstance(command := probe.command(), Run)]
    for run in (*asked, *remedy.changes()):
        assert not run.argv[0].startswith(("php", "/usr/bin/php"))
        assert not [word for word in run.argv if word.endswith("/artisan")]
