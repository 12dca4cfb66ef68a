"""Redis fails the application's sessions, cache or queue (runbook 4.3)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import SecretStr

from remediate.core.host import Host
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError
from remediate.probes.cache import Cache
from remediate.probes.descendants import ConfigurationOfWorkers
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import Site
from remediate.probes.laravel_log import AppLog
from remediate.probes.redis import AppRedis, RedisContent
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import UnitLog
from remediate.remedies.cache import ClearCache
from remediate.remedies.configuration import CacheConfig, SetEnv
from remediate.remedies.fallback import UseFileCache
from remediate.remedies.handover import HandOver
from remediate.remedies.laravel import EndMaintenance
from remediate.remedies.opcache import ReloadPhpFpm
from remediate.remedies.redis import RedisByHand, RestartRedis
from remediate.remedies.single import SingleRemedy
from remediate.remedies.supervisor import RestartSupervisor, StartWorkers
from remediate.remedies.workers import RestartWorkers

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case

_CONFIGURED = ("cache", "database.redis", "queue", "session")
"""Configuration keys that say where cache, sessions and queue are."""


def _redis(host: Host) -> AppRedis:
    settings = host.settings
    if settings.app_path is None or settings.php is None:
        raise ConfigurationError(
            f"{host.name}: cache-down needs remediate.app_path: Redis is looked at through the application"
        )
    return AppRedis(php=settings.php, path=settings.app_path, user=settings.app_user)


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    settings, redis = host.settings, _redis(host)
    yield from Site.of(host)
    if settings.health_path is not None:
        yield from Site.of(host, settings.health_path)
    yield redis
    if settings.worker_program is not None:
        yield Workers(program=settings.worker_program)
        # Workers with an old password look healthy for as long as they live.
        yield ConfigurationOfWorkers(path=redis.path, user=redis.user)


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    settings, redis = host.settings, _redis(host)
    yield Cache(php=redis.php, path=redis.path, user=redis.user)
    yield RedisContent(php=redis.php, path=redis.path, user=redis.user)
    yield DiskSpace(limit=host.settings.limits.disk)
    if settings.worker_program is not None:
        yield OrphanWorkers()
    if settings.redis is not None and settings.redis.unit is not None:
        yield UnitLog(name=settings.redis.unit)
    yield AppLog(path=redis.path)


def _rehearsal(host: Host) -> "Iterator[Case]":
    from remediate.rehearsal import faults
    from remediate.rehearsal.case import FollowUp, cured, refused, unclaimed

    settings = host.settings
    if settings.redis is None or settings.redis.unit is None or settings.worker_program is None:
        raise ConfigurationError(f"{host.name}: a rehearsal needs remediate.redis.unit and worker_program")
    app = _redis(host)
    of = {
        "unit": settings.redis.unit,
        "path": app.path,
        "user": app.user,
        "php": app.php,
        "program": settings.worker_program,
    }
    needs = ("supervisor", "mariadb")

    stopped = faults.RedisStopped.model_validate(of)
    yield cured("redis-stopped", stopped, "redis.restart", "worker.start", needs=needs)
    killed = faults.RedisKilled.model_validate(of)
    yield cured("redis-killed", killed, "redis.restart", "worker.start", needs=needs)
    yield cured("redis-full", faults.RedisFull.model_validate(of), "cache.clear", needs=needs)
    stale = faults.RedisPassword.model_validate({**of, "told": True})
    yield cured("redis-password-stale", stale, "config.cache", "worker.restart", needs=needs)

    unit, env = settings.redis.unit, f"{app.path}/.env"
    cli = f"REDISCLI_AUTH=$(sed -n 's/^REDIS_PASSWORD=//p' {env}) redis-cli --no-auth-warning"
    masked = faults.RedisStopped.model_validate({**of, "masked": True})
    unmask = FollowUp("unmask it", script=f"systemctl unmask {unit}")
    yield refused("redis-masked", masked, "unit-masked", then=unmask)
    slow = faults.RedisLoading.model_validate(of)
    loaded = f"until {cli} ping | grep -q PONG; do sleep 0.5; done"
    wait = FollowUp("wait until it has loaded its data", script=loaded)
    yield refused("redis-loading", slow, "redis-loading", timeout=10, then=wait)
    shared = faults.RedisFull.model_validate({**of, "shared": True})
    more = FollowUp("raise maxmemory", script=f"{cli} config set maxmemory 0")
    yield refused("redis-full-shared", shared, "shared-store", then=more)
    unknown = faults.RedisPassword.model_validate({**of, "told": False})
    given = SingleRemedy(SetEnv, (("key", "REDIS_PASSWORD"), ("value", SecretStr("changed-by-a-person"))))
    tell = FollowUp("set the right password in .env with do.env.set", by=given)
    yield refused("redis-password-unknown", unknown, "password-rejected", then=tell)
    master = FollowUp("make this one the master", script=f"{cli} replicaof no one")
    yield refused("redis-replica", faults.RedisReplica.model_validate(of), "wrong-role", then=master)
    elsewhere = faults.CacheElsewhere.model_validate(of)
    if settings.redis.fallback and settings.app_servers == 1:
        yield cured("redis-not-ours", elsewhere, "cache.fallback", needs=needs)
    else:
        # The cache's own Redis is on another machine. Until it is back, the cache is kept in files.
        files = FollowUp("do.cache.fallback --host", by=SingleRemedy(UseFileCache))
        yield refused("redis-not-ours", elsewhere, "redis-not-ours", then=files)

    broken = faults.RedisStopped.model_validate({**of, "broken": "/etc/redis/redis.conf"})
    yield unclaimed("redis-config-broken", broken)


def _runbook(host: Host) -> Iterator[str]:
    # The runbook's edit of .env is a comment there, and has no effect while the configuration is cached.
    redis = _redis(host)
    for command in ("cache:clear", "queue:restart"):
        yield f"cd {redis.path} && runuser -u {redis.user} -- {redis.php} artisan {command}"


@playbook(
    severity=Severity.SEV2,
    symptoms=_symptoms,
    diagnosis=_diagnosis,
    rehearsal=_rehearsal,
    runbook=_runbook,
)
def cache_down(host: Host) -> Iterable[Remedy]:
    """Bring cache, sessions and queue back when Redis fails them (runbook 4.3, SEV-2).

    Redis is asked as the application asks it, with the application's configuration. That distinguishes a Redis that is
    down, out of memory, loading or a replica, a rejected password, and a full disk. Where Redis is ours, its unit is
    started. A cached configuration that is older than .env is rebuilt. A cache that fills the memory is emptied where
    nothing else can be lost. Workers that died of the failure are started. Everything else needs a person, and the
    report says what.

    Where this departs from the runbook's letter: `redis-cli ping` without the password prints NOAUTH and exits with 0,
    so Redis is asked through the application.

    `CACHE_DRIVER=file` in .env has no effect while the configuration is cached, and none at all from Laravel 11 on. It
    cannot bring back sessions or a queue that are in the same Redis. So it is a separate decision, `do.cache.fallback`.
    It is taken here only where the inventory allows it (`redis.fallback`) and the cache is alone in that Redis;
    `do.cache.restore` goes back.

    `cache:clear` empties the whole Redis database, with the sessions and queued jobs that share it. It prints "cleared"
    and exits with 0 even when it failed. It is run only where the cache is alone, and proven by what is there
    afterwards.

    `queue:restart` leaves a note in the cache that is down. So workers are asked by signal, and supervisor starts them
    again.
    """
    settings = host.settings
    yield EndMaintenance.on(host)
    by_hand, clear = RedisByHand.on(host), ClearCache.on(host)
    if settings.redis is not None and settings.redis.unit is not None:
        yield RestartRedis.on(host)
    # This step tries the values of .env. Where they fail too, a rebuilt configuration would not help.
    yield by_hand
    yield CacheConfig.on(host, about=_CONFIGURED, failing=(_redis(host),))
    yield ReloadPhpFpm.on(host)
    yield clear
    yield HandOver.on(host, own="cache-down")
    yield UseFileCache.as_declared(host, by_hand, clear)
    if settings.worker_program is not None:
        yield RestartSupervisor.on(host)
        yield RestartWorkers.on(host, queue=None)
        yield StartWorkers.on(host)
