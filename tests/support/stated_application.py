"""Facts about an application, of every kind."""

from pydantic import SecretStr

from remediate.core.probe import Fact, Probe
from remediate.probes.cache import Cache, CacheCode
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile, EnvState, EnvValue
from remediate.probes.descendants import ConfigurationOfWorkers, Descendants, WorkersConfiguration
from remediate.probes.error_log import ErrorLog
from remediate.probes.error_tracking import AppErrorTracking, TrackingState
from remediate.probes.folders import ClosedPath, Folders, FoldersState
from remediate.probes.laravel import App, AppDatabase, Credentials, DatabaseState, DatabaseTrouble, Deploy, DeployState
from remediate.probes.laravel_log import AppLog
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.php_fpm import Ping, Pools, PoolsState
from remediate.probes.queue import FailedJobs, FailedJobsState, QueueFlow, QueueFlowState, Retried, StoreTrouble
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.probes.redis import AppRedis, ContentState, RedisContent
from remediate.probes.rows import AGES, LiveRows, RowsState, TableRows
from remediate.probes.stores import Scan, Trouble
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.webhook import Webhook, WebhookDelivery
from support import cache_examples as exr
from support import daily_examples as daily
from support import examples as ex
from support import payment_examples as pay
from support import watching_examples as exw
from support.host_paths import APP_PATH

WEBHOOK = Webhook(
    php="php8.2",
    path=APP_PATH,
    user="forge",
    url="https://example.com/webhooks/stripe",
    secret="services.stripe.secret",
)
FAILED_JOBS = FailedJobs(php="php8.2", path=APP_PATH, user="forge", classes=(pay.RECORDS, pay.CHARGES))

OF_APPLICATION: dict[Probe[Fact], tuple[Fact, ...]] = {
    Folders(path=APP_PATH, user="forge"): (
        ex.FOLDERS,
        FoldersState(
            user="forge",
            closed=(
                ClosedPath(path="storage/logs", owner="root:root 755"),
                ClosedPath(path="bootstrap/cache"),
                ClosedPath(path="storage/framework/views/a b.php", owner="root:root 644"),
            ),
        ),
    ),
    AppLog(path=APP_PATH): (ex.LINES, ex.NO_LINES),
    Pools(php="php8.2", user="forge"): (
        ex.POOLS,
        *(ex.pools(ping, queue=3, children=2) for ping in Ping),
        PoolsState(pools=()),
    ),
    App(php="php8.2", path=APP_PATH, user="forge"): (ex.APP, ex.IN_MAINTENANCE),
    AppDatabase(php="php8.2", path=APP_PATH, user="forge"): (
        *(ex.DATABASE, ex.DATABASE_BUSY),
        *(DatabaseState(trouble=trouble, waiting=0) for trouble in DatabaseTrouble),
        DatabaseState(trouble=None, waiting=0, host="db.example.com", user="shop"),
    ),
    Credentials(php="php8.2", path=APP_PATH, user="forge"): (
        *(ex.CREDENTIALS, ex.ENV_BROKEN, ex.credentials(None, "password")),
        *(ex.credentials(trouble) for trouble in DatabaseTrouble),
    ),
    AppRedis(php="php8.2", path=APP_PATH, user="forge"): (
        *(exr.redis(), exr.redis(shared=True), exr.redis(cache="file"), exr.redis(server="/run/redis/redis.sock")),
        *(exr.redis(trouble) for trouble in Trouble),
        exr.redis(sessions=Trouble.REFUSED, server="cache.example.com:6379"),
    ),
    AppRedis(php="php8.2", path=APP_PATH, user="forge", fresh=True): (exr.redis(),),
    RedisContent(php="php8.2", path=APP_PATH, user="forge"): (
        *(exr.content(), exr.content(scan=exr.OWN_KEYS), exr.content(scan=Scan(seen=2000, foreign=3, whole=False))),
        ContentState(contents=()),
    ),
    CacheCode(php="php8.2", path=APP_PATH, user="forge"): (
        *(exr.ONLY_COPIES, exr.LOCKS, exr.ONLY_COPIES.model_copy(update={"whole": False})),
    ),
    Cache(php="php8.2", path=APP_PATH, user="forge"): (
        *(exr.CACHE, exr.FILE_CACHE),
        exr.CACHE.model_copy(update={"key": None, "file": None, "version": "11.9.0"}),
    ),
    Deploy(user="forge"): (ex.NO_DEPLOY, ex.DEPLOYING, DeployState(running=("git pull", "npm ci"))),
    Workers(program="agency-worker"): (
        *(ex.NO_DAEMON, ex.NO_PROGRAM, ex.workers("RUNNING", "RUNNING"), ex.workers("RUNNING", uptime=200_000)),
        ex.workers("FATAL", "STOPPED", "EXITED", "BACKOFF", "STARTING", "STOPPING", "UNKNOWN"),
    ),
    WEBHOOK: (
        *(pay.webhook(), pay.webhook(404, None, secret=False), pay.webhook(500, 500)),
        pay.webhook(events=pay.delivered(accepted=2, refused=1, failed=3)),
        pay.webhook(events=pay.delivered(complete=False)),
        pay.webhook().model_copy(
            update={"wrong": WebhookDelivery(status=0, error=28), "right": WebhookDelivery(status=0, error=7)}
        ),
    ),
    FAILED_JOBS: (
        *(pay.failed_jobs(), pay.failed_jobs(pay.failed_job(1), pay.failed_job(2, pay.CHARGES, hours=None))),
        pay.failed_jobs(*(pay.failed_job(number, retried=retried) for number, retried in enumerate(Retried, 1))),
        pay.failed_jobs(pay.failed_job(4)).model_copy(update={"others": 7, "more": True}),
        *(FailedJobsState(trouble=trouble, asked=True) for trouble in StoreTrouble),
    ),
    QueueFlow(php="php8.2", path=APP_PATH, user="forge"): (
        *(pay.QUEUE, pay.QUEUE.model_copy(update={"waiting": 3, "retried": ("a", "b")})),
        *(QueueFlowState(trouble=trouble) for trouble in StoreTrouble),
    ),
    QueueMotion(php="php8.2", path=APP_PATH, user="forge"): (
        *(daily.motion(), daily.motion(daily.level(3, 1), daily.level(2, 2, name="mail", taken=False), whole=False)),
        *(QueueMotionState(trouble=trouble) for trouble in StoreTrouble),
    ),
    ErrorLog(php="php8.2", path=APP_PATH, user="forge"): (
        *(daily.errors(), daily.errors(daily.error(p0=3, p9=1), daily.error("Payment # failed", "", p2=1), hours=2)),
        daily.errors().model_copy(update={"unread": ("a.gz",), "strange": 2, "future": 1, "slip": 60, "others": 3}),
    ),
    LiveRows(php="php8.2", path=APP_PATH, user="forge"): (
        RowsState(database="agency", tables=()),
        RowsState(
            database="agency",
            tables=(
                TableRows(name="payments", rows=12, young=tuple(range(len(AGES))), age=86_400),
                TableRows(name="events", rows=None, young=None, age=None),
            ),
            more=3,
        ),
    ),
    OrphanWorkers(): (ex.NO_STRAYS, ex.strays((101, 5001), (102, 5002))),
    Configuration(php="php8.2", path=APP_PATH, user="forge"): (
        *(ex.CONFIGURED, ex.CONFIG_STALE, ex.NOT_CACHED, ex.ENV_UNPARSABLE),
        ex.CONFIG_STALE.model_copy(update={"differs": ("a", "b.c", "d", "e"), "external": ("DB_HOST",)}),
        *(ex.CONFIGURED.model_copy(update={"env": state, "message": "why"}) for state in EnvState),
    ),
    EnvFile(path=APP_PATH, user="forge"): (ex.env_file(), ex.NO_FILE),
    CachedConfig(path=APP_PATH, user="forge"): (ex.cached_config(), ex.NO_FILE),
    EnvValue(php="php8.2", path=APP_PATH, user="forge", key="A", value=SecretStr("whsec_4711")): (
        *(ex.RIGHT_VALUE, ex.OTHER_VALUE, ex.NO_VALUE),
        ex.NO_VALUE.model_copy(update={"state": "broken"}),
    ),
    Descendants(path=APP_PATH, user="forge", unit="supervisor"): (
        *(ex.descendants(), ex.descendants((101, False)), ex.descendants((101, True), (102, False))),
        ex.descendants((101, True), program="schedule:run"),
    ),
    ConfigurationOfWorkers(path=APP_PATH, user="forge"): tuple(
        WorkersConfiguration(workers=workers, stale=stale) for workers, stale in ((0, 0), (2, 0), (2, 1))
    ),
    Opcache(php="php8.2"): (
        *(ex.OPCACHE, ex.OPCACHE_KEEPS, OpcacheState(enabled=False, looks_again=True)),
        ex.OPCACHE.model_copy(update={"seconds": 60}),
    ),
    AppErrorTracking(php="php8.2", path=APP_PATH, user="forge", provider=r"Spatie\Flare", key="flare.key"): (
        exw.TRACKING,
        *(
            TrackingState(provider=provider, key=False, cached=False)
            for provider in ("loaded", "deferred", "installed", "missing")
        ),
    ),
}
