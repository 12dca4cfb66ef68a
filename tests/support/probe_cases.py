"""A broken host for each packaged probe, and the tests of the others."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from remediate.core.probe import Fact

DOMAIN: Final = "staging.example.com"
APP: Final = "/home/forge/agency-platform"
ARTISAN: Final = f"cd {APP} && setpriv --reuid forge --regid forge --init-groups php8.2 artisan"
CACHED: Final = f"{APP}/bootstrap/cache/config.php"
LIVE: Final = f"/etc/letsencrypt/live/{DOMAIN}"
RENEWAL: Final = f"/etc/letsencrypt/renewal/{DOMAIN}.conf"
OPCACHE: Final = "/etc/php/8.2/fpm/conf.d/99-test.ini"
SOCKET: Final = "unix:/run/php/php8.2-fpm.sock"
SITE: Final = "/etc/nginx/sites-available/agency-platform"
VIEWS: Final = f"{APP}/storage/framework/views"
CERTBOT: Final = "/var/log/letsencrypt/letsencrypt.log"
OLD: Final = f"touch -d yesterday {CACHED}"


class Case(NamedTuple):
    """The script that breaks the host, and the probe's answer."""

    fault: str
    """Name of a declared fault, or a script."""
    seen: Callable[[Any], bool]
    undo: str = ""
    """The script that undoes it."""
    before: str = ""
    """The commands before the good state is looked at."""


def wrong(fact: Fact) -> bool:
    return fact.ok is False


def missing(fact: Any) -> bool:
    return not fact.mark


def holds(path: str) -> Callable[[Any], bool]:
    return lambda fact: any(path in each.path for each in fact.files)


def says(text: str) -> Callable[[Any], bool]:
    return lambda fact: any(text in line for line in fact.lines)


CASES: Final[dict[str, Case]] = {
    "cache.settings": Case(
        f"cp -a {APP}/.env /root/env; sed -Ei 's/^CACHE_(DRIVER|STORE)=.*/CACHE_\\1=file/' {APP}/.env\n"
        f"{ARTISAN} config:cache",
        lambda fact: fact.now == "file",
        f"cp -a /root/env {APP}/.env; {ARTISAN} config:cache; supervisorctl restart agency-worker:",
    ),
    "certbot.authority": Case("authority-down", wrong),
    "certbot.challenge": Case("challenge-shut", wrong),
    "certbot.issuances": Case("issued-often", lambda fact: len(fact.certificates) > 3),
    "certbot.log": Case(
        f"echo no such lineage >> {CERTBOT}", says("no such lineage"), f"rm {CERTBOT}", before=f"touch {CERTBOT}"
    ),
    "certbot.renewal": Case(f"mv {RENEWAL} /root/", lambda fact: not fact.present, f"mv /root/{DOMAIN}.conf {RENEWAL}"),
    "certbot.running": Case("certbot-at-work", lambda fact: bool(fact.running)),
    "certificate.chain": Case(
        f"cp -aL {LIVE}/cert.pem /root/\n"
        f"openssl req -x509 -newkey rsa:2048 -nodes -subj /CN={DOMAIN} -keyout /dev/null -out /root/own.pem 2>&1\n"
        f"cat /root/own.pem > $(readlink -f {LIVE}/cert.pem)",
        wrong,
        f"cat /root/cert.pem > $(readlink -f {LIVE}/cert.pem)",
    ),
    "certificate.lineage": Case("certificate-expired", lambda fact: fact.certificate.not_after < datetime.now(UTC)),
    "certificate.served": Case("certificate-expired", wrong),
    "database.slow-queries": Case("query-computing", wrong),
    "disk.consumers": Case("disk-foreign", lambda fact: bool(fact.consumers)),
    "disk.deleted-files": Case("disk-deleted-log", holds("/var/log/nginx/access.log")),
    "disk.held-logs": Case("disk-deleted-log", holds("/var/log/nginx/access.log")),
    "disk.log-files": Case("disk-access-log", lambda fact: any(each.big and each.on_full for each in fact.files)),
    "disk.log-writers": Case("nginx-stopped", lambda fact: "nginx" not in {each.command for each in fact.files}),
    "disk.writers": Case("disk-written", lambda fact: bool(fact.writers)),
    "disk.room": Case("disk-foreign", wrong),
    "http.site": Case("nginx-stopped", wrong),
    "journal.use": Case(
        "mv /var/log/journal /var/log/journal.away; systemctl restart systemd-journald",
        lambda fact: fact.size_kib < 1024 or "/run" in fact.mount,
        "rm -rf /var/log/journal; mv /var/log/journal.away /var/log/journal; systemctl restart systemd-journald",
    ),
    "laravel.app": Case("maintenance", lambda fact: fact.maintenance),
    "laravel.cached-config": Case(f"mv {CACHED} {CACHED}.away", missing, f"mv {CACHED}.away {CACHED}"),
    "laravel.configuration": Case("database-password-rotated", lambda fact: bool(fact.differs)),
    "laravel.credentials": Case("database-password-wrong", wrong),
    "laravel.database": Case("mariadb-stopped", wrong),
    "laravel.deploy": Case("deploy-running", lambda fact: bool(fact.running)),
    "laravel.env-file": Case(f"mv {APP}/.env {APP}/.env.away", missing, f"mv {APP}/.env.away {APP}/.env"),
    "laravel.folders": Case(f"chown root: {VIEWS}; chmod 755 {VIEWS}", wrong, f"chown forge: {VIEWS}"),
    "laravel.log": Case(
        f"""echo "[$(date '+%F %T')] production.ERROR: boom" >> {APP}/storage/logs/laravel.log""",
        says("production.ERROR: boom"),
        f"sed -i '/ERROR: boom/d' {APP}/storage/logs/laravel.log",
        before=f"touch {APP}/storage/logs/laravel.log; chown forge: {APP}/storage/logs/laravel.log",
    ),
    "mysql.account-hosts": Case("database-account-elsewhere", lambda fact: "127.0.0.1" not in fact.hosts),
    "mysql.data-directory": Case("disk-foreign", wrong),
    "mysql.longest-idle": Case("database-connections-idle", wrong),
    "mysql.sessions": Case("mariadb-stopped", wrong),
    "network.port-owner": Case("nginx-port-taken", lambda fact: "python3" in fact.names),
    "nginx.certificate": Case("certificate-not-managed", lambda fact: not any("/live/" in file for file in fact.files)),
    "nginx.config": Case("nginx-broken", wrong),
    "nginx.log": Case(
        f"systemctl stop php8.2-fpm; curl -sko /dev/null --connect-to ::127.0.0.1: https://{DOMAIN}/",
        lambda fact: any("php8.2-fpm.sock failed" in line for each in fact.files for line in each.lines),
        "systemctl start php8.2-fpm",
        before="truncate -s 0 /var/log/nginx/error.log",
    ),
    "nginx.site": Case(
        f"sed -i 's|{SOCKET};|unix:/run/php/shop.sock;|' {SITE}; nginx -s reload",
        wrong,
        f"sed -i 's|unix:/run/php/shop.sock;|{SOCKET};|' {SITE}; nginx -s reload",
    ),
    "nginx.visits": Case(
        f"curl -sko /dev/null -A Prober/1 --connect-to ::127.0.0.1: https://{DOMAIN}/webhooks/stripe",
        lambda fact: fact.visited is not None,
    ),
    "nginx.workers": Case("nginx-stopped", lambda fact: not fact.pids),
    "php-fpm.config": Case("php-fpm-broken", wrong),
    "php-fpm.discover": Case(
        "systemctl disable php8.2-fpm", lambda fact: "php8.2" not in fact.enabled, "systemctl enable php8.2-fpm"
    ),
    "php-fpm.opcache": Case(
        f"echo opcache.validate_timestamps=0 > {OPCACHE}", lambda fact: not fact.looks_again, f"rm {OPCACHE}"
    ),
    "php-fpm.pools": Case("php-fpm-hung", wrong),
    # A database may still be at work for a case before it: deletes are purged, dirty pages written.
    "process.usage": Case("process-runaway", wrong, before="systemctl restart mariadb"),
    "processes.configuration-of-workers": Case(f"touch {CACHED}", wrong, OLD, OLD),
    "processes.descendants": Case(f"touch {CACHED}", lambda fact: bool(fact.stale), OLD, OLD),
    "redis.app": Case("redis-stopped", wrong),
    "redis.content": Case("redis-full-shared", lambda fact: any(each.scan is not None for each in fact.contents)),
    "sudo.rules": Case("chmod 777 /opt/remediate", wrong, "chmod 755 /opt/remediate"),
    "supervisor.orphans": Case("supervisor-killed", wrong),
    "supervisor.workers": Case("workers-stopped", wrong),
    "systemd.unit": Case("php-fpm-stopped", wrong),
    "systemd.unit-log": Case("php-fpm-killed", says("status=9/KILL")),
    "webhook.endpoint": Case("route-gone", wrong),
}
"""By a probe's kind."""

ELSEWHERE: Final = {
    "alertmanager.routing": "test_staging_checklist",
    "apt.patches": "test_staging_patches",
    "backup.restored": "test_staging_backup",
    "cache.code": "test_staging_cache",
    **dict.fromkeys(
        (
            *("certbot.lineages", "laravel.discover", "machine.distribution"),
            *("nginx.sites", "php-fpm.configured", "supervisor.programs"),
        ),
        "test_staging_init",
    ),
    "http.page": "test_staging_checklist",
    "laravel.env-value": "test_staging_configuration",
    "laravel.error-tracking": "test_staging_checklist",
    "laravel.errors": "test_staging_daily",
    "laravel.rows": "test_staging_backup",
    "machine.identity": "every run: it has no bad state",
    "machine.load": "every run: a container has the load of the machine below it",
    "mysql.first-query": "test_staging_database",
    "mysql.session": "test_staging_database",
    "prometheus.alert-rules": "test_staging_checklist",
    "prometheus.alertmanagers": "test_staging_checklist",
    "prometheus.configuration-age": "test_staging_checklist",
    "prometheus.series": "test_staging_checklist",
    "prometheus.time": "test_staging_checklist",
    "queue.failed": "test_staging_payments",
    "queue.flow": "test_staging_payments",
    "queue.motion": "test_staging_daily",
}
"""The tests of probes that need more than a host to break, in both of their states."""
