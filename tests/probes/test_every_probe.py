"""Every packaged probe: facts can be stated, and any output is parsed or unreadable."""

import importlib
import inspect
import pkgutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

import remediate.probes
from remediate.core.command import Output, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
from remediate.probes.acme import Authority, AuthorityState, Challenge, ChallengeState
from remediate.probes.alertmanager import AlertmanagerRouting, Matcher
from remediate.probes.apt import Patches, PatchState
from remediate.probes.backup import RestoredBackup, RestoredState, RestoredTable, RestoreState
from remediate.probes.cache import Cache, CacheCode
from remediate.probes.certbot import CertbotLog, CertbotRunning, Issuances, Renewal, RenewalState
from remediate.probes.certificate import LineageCertificate, LineageChain, LineageState, NoHandshake, ServedCertificate
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile, EnvState, EnvValue
from remediate.probes.consumers import Consumer, ConsumerList, Consumers
from remediate.probes.descendants import ConfigurationOfWorkers, Descendants, WorkersConfiguration
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.disk_writers import DiskWriterList, DiskWriters
from remediate.probes.error_log import ErrorLog
from remediate.probes.error_tracking import AppErrorTracking, TrackingState
from remediate.probes.files import LogFileList, LogFiles
from remediate.probes.filesystems import DiskSpace, DiskSpaceState
from remediate.probes.folders import ClosedPath, Folders, FoldersState
from remediate.probes.http import HttpFailure, Site
from remediate.probes.journald import JournalFiles, JournalUse
from remediate.probes.laravel import (
    App,
    AppDatabase,
    AppLog,
    Credentials,
    DatabaseState,
    DatabaseTrouble,
    Deploy,
    DeployState,
)
from remediate.probes.load import Load, SlowQueries
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.mysql import ConnectionHolder, FirstQuery, IdleState, LongestIdle, Sessions, SessionsState
from remediate.probes.mysql_accounts import AccountHosts, AccountState
from remediate.probes.mysql_data import DataDirectory, DataRoom
from remediate.probes.mysql_session import OneSession, SessionState
from remediate.probes.network import PortOwner
from remediate.probes.nginx import ErrorLogEnd, NginxConfig, NginxErrorLogs, NginxLog, NginxWorkerPids, NginxWorkers
from remediate.probes.nginx_config import NginxCertificate, ServerCertificate
from remediate.probes.nginx_site import NginxSite, Pool, SiteServed, Target
from remediate.probes.opcache import Opcache, OpcacheState
from remediate.probes.open_files import DeletedFiles, HeldLogs, LogWriters, OpenFiles
from remediate.probes.page import Page
from remediate.probes.php_fpm import PhpFpmConfig, Ping, Pools, PoolsState
from remediate.probes.processes import Processes, UnitUsage
from remediate.probes.prometheus import AlertmanagersOf, ConfigurationAge, PrometheusTime, Series
from remediate.probes.prometheus_rules import AlertRules
from remediate.probes.queue import FailedJobs, FailedJobsState, QueueFlow, QueueFlowState, Retried, StoreTrouble
from remediate.probes.queue_motion import QueueMotion, QueueMotionState
from remediate.probes.redis import AppRedis, ContentState, RedisContent
from remediate.probes.rows import AGES, LiveRows, RowsState, TableRows
from remediate.probes.stores import Scan, Trouble
from remediate.probes.sudo import Sudo, SudoRule, SudoRules
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import LogLines, Unit, UnitLog
from remediate.probes.visits import MonitorVisits
from remediate.probes.webhook import Webhook, WebhookDelivery
from remediate.transport.script import STDOUT_LIMIT
from support import daily_examples as daily
from support import examples as ex
from support import load_examples as exl
from support import payment_examples as pay
from support import watching_examples as exw
from support.render import output_of
from support.scripted import FactSession

APP = "/home/forge/agency-platform"
PROMETHEUS = "http://127.0.0.1:9090"
SITE = Site(url="https://example.com/", asked_from=Vantage.HOST, contains="Welcome")
SERVED = ServedCertificate(domain="example.com", asked_from=Vantage.HOST)
WEBHOOK = Webhook(
    php="php8.2", path=APP, user="forge", url="https://example.com/webhooks/stripe", secret="services.stripe.secret"
)
FAILED_JOBS = FailedJobs(php="php8.2", path=APP, user="forge", classes=(pay.RECORDS, pay.CHARGES))
LOG = LogLines(lines=("2026-11-23T08:31:11+0000 staging systemd[1]: Started.", "two"))

STATED: dict[Probe[Fact], tuple[Fact, ...]] = {
    Unit(name="php8.2-fpm"): (
        *(ex.RUNNING, ex.STOPPED, ex.FAILED, ex.START_LIMIT, ex.STARTING, ex.MASKED, ex.MISSING),
        ex.started_again(ex.FAILED),
        ex.RUNNING.model_copy(update={"changed_at": datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)}),
    ),
    UnitLog(name="nginx"): (LOG, ex.NO_LINES),
    NginxLog(): (
        ex.NO_ERRORS,
        NginxErrorLogs(
            files=(
                ErrorLogEnd(path="/var/log/nginx/a b.log", lines=("2026/11/29 21:00:00 [crit] 1#1: a", "two")),
                ErrorLogEnd(path="/var/log/nginx/error.log", lines=()),
            )
        ),
    ),
    NginxSite(domain="example.com"): (
        ex.SITE_SERVED,
        SiteServed(named=False, user=None, targets=(), pools=(), error_logs=()),
        SiteServed(
            named=None,
            user="www-data",
            targets=(
                Target(address="/run/php/x.sock", there=False),
                Target(address="/run/y.sock", there=None),
                Target(address="/run/z.sock", there=True, owner="forge:forge rw-rw----", shut=True),
                Target(address="9000", there=True),
                Target(address="9001", there=False),
            ),
            pools=(Pool(php="php8.2", name="www", listen="/run/php/y.sock", heard=False),),
            error_logs=("/var/log/nginx/example.com-error.log", "/var/log/nginx/b.log"),
        ),
    ),
    Folders(path=APP, user="forge"): (
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
    AppLog(path=APP): (LOG, ex.NO_LINES),
    NginxConfig(): (ex.SOUND, ex.BROKEN_CONFIG, ex.UNCHECKED),
    PhpFpmConfig(php="php8.2"): (ex.SOUND, ex.BROKEN_CONFIG, ex.UNCHECKED),
    DiscoverPhp(): (
        InstalledPhp(enabled=("php8.2", "php8.3"), served=("php8.3",)),
        InstalledPhp(enabled=(), served=()),
    ),
    ThisMachine(): (MachineIdentity(machine_id="a", boot_id="b", uptime=12.5),),
    Sudo(): (
        SudoRules(user="root", rules=()),
        SudoRules(
            user="ops", rules=(SudoRule(run_as=("root", "forge"), command="/usr/sbin/nginx -t", password=False),)
        ),
    ),
    SITE: (*(ex.page(status) for status in (200, 302, 404, 502)), ex.page(right=False)),
    SITE.model_copy(update={"asked_from": Vantage.CONTROLLER, "contains": None}): tuple(map(ex.no_page, HttpFailure)),
    PortOwner(port=80): (ex.NOBODY, ex.listening(("nginx", 69), ("nginx", 70)), ex.listening(("a b", 3))),
    Pools(php="php8.2", user="forge"): (
        ex.POOLS,
        *(ex.pools(ping, queue=3, children=2) for ping in Ping),
        PoolsState(pools=()),
    ),
    App(php="php8.2", path=APP, user="forge"): (ex.APP, ex.IN_MAINTENANCE),
    AppDatabase(php="php8.2", path=APP, user="forge"): (
        *(ex.DATABASE, ex.DATABASE_BUSY),
        *(DatabaseState(trouble=trouble, waiting=0) for trouble in DatabaseTrouble),
        DatabaseState(trouble=None, waiting=0, host="db.example.com", user="shop"),
    ),
    Credentials(php="php8.2", path=APP, user="forge"): (
        *(ex.CREDENTIALS, ex.ENV_BROKEN, ex.credentials(None, "password")),
        *(ex.credentials(trouble) for trouble in DatabaseTrouble),
    ),
    Sessions(): (
        *(ex.SESSIONS, ex.NO_SERVER),
        SessionsState(up=True, limit=151, waiting=True, sessions=(ex.session(), ex.session(58, command="Query"))),
        SessionsState(
            up=True,
            limit=20,
            full=True,
            tight=True,
            holders=(
                ConnectionHolder(user="reports", idle=True, count=18),
                ConnectionHolder(user="shop", idle=False, count=2),
            ),
            sessions=(ex.session(user="reports", database=None, blocks=False, transaction=False),),
        ),
    ),
    LongestIdle(user="shop"): (IdleState(id=None), IdleState(id=57)),
    FirstQuery(user="shop"): (IdleState(id=None), IdleState(id=57)),
    AccountHosts(user="shop"): (AccountState(hosts=()), AccountState(hosts=("localhost", "10.0.0.%"))),
    OneSession(id=57, user="ana", started=1795443941): (
        *(SessionState(session=session) for session in (None, ex.session(user="ana"))),
        SessionState(session=None, ending=True),
    ),
    DataDirectory(): (ex.DATA_ROOM, DataRoom(writable=False, percent=100, inodes=0)),
    AppRedis(php="php8.2", path=APP, user="forge"): (
        *(ex.redis(), ex.redis(shared=True), ex.redis(cache="file"), ex.redis(server="/run/redis/redis.sock")),
        *(ex.redis(trouble) for trouble in Trouble),
        ex.redis(sessions=Trouble.REFUSED, server="cache.example.com:6379"),
    ),
    AppRedis(php="php8.2", path=APP, user="forge", fresh=True): (ex.redis(),),
    RedisContent(php="php8.2", path=APP, user="forge"): (
        *(ex.content(), ex.content(scan=ex.OWN_KEYS), ex.content(scan=Scan(seen=2000, foreign=3, whole=False))),
        ContentState(contents=()),
    ),
    CacheCode(php="php8.2", path=APP, user="forge"): (
        *(ex.ONLY_COPIES, ex.LOCKS, ex.ONLY_COPIES.model_copy(update={"whole": False})),
    ),
    Cache(php="php8.2", path=APP, user="forge"): (
        *(ex.CACHE, ex.FILE_CACHE),
        ex.CACHE.model_copy(update={"key": None, "file": None, "version": "11.9.0"}),
    ),
    Deploy(user="forge"): (ex.NO_DEPLOY, ex.DEPLOYING, DeployState(running=("git pull", "npm ci"))),
    Workers(program="agency-worker"): (
        *(ex.NO_DAEMON, ex.NO_PROGRAM, ex.workers("RUNNING", "RUNNING"), ex.workers("RUNNING", uptime=200_000)),
        ex.workers("FATAL", "STOPPED", "EXITED", "BACKOFF", "STARTING", "STOPPING", "UNKNOWN"),
    ),
    SERVED: (
        ex.served(SERVED, ex.certificate()),
        ex.served(SERVED, ex.certificate(left=-3)),
        ex.served(SERVED, ex.certificate(left=100, lasts=90)),
        ex.served(SERVED, ex.certificate(names="*.example.com 192.0.2.1 2001:db8::1")),
        ex.served(SERVED, ex.certificate(names=""), verify=18),
        ex.unserved(NoHandshake.TLS),
    ),
    SERVED.model_copy(update={"asked_from": Vantage.CONTROLLER, "within_days": 10}): (
        *map(ex.unserved, NoHandshake),
        ex.served(SERVED.model_copy(update={"within_days": 10}), ex.certificate(left=20)),
    ),
    LineageCertificate(name="example.com"): (LineageState(certificate=ex.certificate()),),
    LineageChain(name="example.com"): (ex.TRUSTED, ex.SELF_SIGNED),
    Renewal(name="example.com"): (
        *(ex.BY_WEBROOT, ex.NO_LINEAGE),
        RenewalState(present=True, authenticator="dns-route53", before_days=10, enabled=False),
    ),
    Issuances(): (ex.issued(), ex.issued(80, 3, 1)),
    CertbotRunning(): (ex.NO_CERTBOT, ex.CERTBOT_AT_WORK),
    CertbotLog(): (LOG, ex.NO_LINES),
    Authority(name="example.com"): (
        *(ex.AUTHORITY, ex.AUTHORITY_GONE),
        ex.AUTHORITY.model_copy(update={"failure": "answers 503"}),
        AuthorityState(server="https://ca.example.com/", failure="answers with something other than an ACME directory"),
    ),
    Challenge(domain="example.com"): (ex.CHALLENGE, ChallengeState(status=403)),
    Challenge(domain="example.com", asked_from=Vantage.CONTROLLER): (
        ChallengeState(status=301),
        ChallengeState(status=None, failure="no answer in time"),
    ),
    NginxCertificate(domain="example.com"): (
        ServerCertificate(files=()),
        ServerCertificate(files=("/etc/nginx/ssl/server.crt", "/etc/letsencrypt/live/example.com/fullchain.pem")),
    ),
    NginxWorkers(): (NginxWorkerPids(pids=(80, 82)), NginxWorkerPids(pids=())),
    Processes(): (
        exl.USAGE,
        exl.busy(exl.process(), exl.process(284, unit="cron.service", arguments="", excess=None)),
        exl.busy(units=(UnitUsage(unit="php8.2-fpm.service", memory_kib=14_000_000),)),
    ),
    Load(): (exl.LOAD, exl.LOAD.model_copy(update={"container": True, "swap_kib": 1024})),
    SlowQueries(php="php8.2", path=APP, user="forge"): (exl.NO_QUERIES, exl.SLOW_QUERY),
    DiskSpace(): (
        *(exl.ROOM, exl.NO_ROOM, exl.ROOM.model_copy(update={"trouble": "df: /srv: Input/output error"})),
        DiskSpaceState(
            systems=(exl.ROOM.systems[1].model_copy(update={"device": 50, "also": ("/a b", "/c")}),), limit=95
        ),
    ),
    Consumers(): (
        exl.NO_CONSUMERS,
        ConsumerList(
            consumers=(Consumer(path="/a b", size_kib=70_000), Consumer(path="/tmp", files=9)), places=("/a b",)
        ),
        ConsumerList(consumers=(), places=("/",), closed=3, such_as="/root/a b", late=True),
    ),
    LogFiles(paths=("/var/log/nginx/access.log", "/nope/x")): (
        exl.NO_FILES,
        LogFileList(files=(exl.log_file(),), unseen=("/nope/x",)),
        LogFileList(files=(exl.log_file(kind="link", on_full=False, big=False, safe_folder=False),), unseen=()),
    ),
    LogWriters(paths=("/var/log/nginx/access.log",)): (
        exl.NO_OPEN,
        OpenFiles(files=(exl.opened(appends=True), exl.opened("python3", 99))),
    ),
    DiskWriters(): (
        exl.NO_WRITERS,
        DiskWriterList(writers=(exl.writer(), exl.writer(unit=None, deleted=True, grown_kib=-8, path="/a  b "))),
    ),
    DeletedFiles(): (exl.NO_OPEN, OpenFiles(files=(exl.opened(size=67_108_864),))),
    HeldLogs(): (exl.NO_OPEN,),
    JournalFiles(): (exl.JOURNAL, JournalUse(mount="", size_kib=0, files="")),
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
    QueueFlow(php="php8.2", path=APP, user="forge"): (
        *(pay.QUEUE, pay.QUEUE.model_copy(update={"waiting": 3, "retried": ("a", "b")})),
        *(QueueFlowState(trouble=trouble) for trouble in StoreTrouble),
    ),
    QueueMotion(php="php8.2", path=APP, user="forge"): (
        *(daily.motion(), daily.motion(daily.level(3, 1), daily.level(2, 2, name="mail", taken=False), whole=False)),
        *(QueueMotionState(trouble=trouble) for trouble in StoreTrouble),
    ),
    ErrorLog(php="php8.2", path=APP, user="forge"): (
        *(daily.errors(), daily.errors(daily.error(p0=3, p9=1), daily.error("Payment # failed", "", p2=1), hours=2)),
        daily.errors().model_copy(update={"unread": ("a.gz",), "strange": 2, "future": 1, "slip": 60, "others": 3}),
    ),
    Patches(): (
        *(daily.patches(), daily.patches(indices=(), stamp=daily.NOW), PatchState(manager="dnf")),
        daily.patches(daily.FIX.model_copy(update={"held": True}), daily.OTHER, daily.THIRD, unattended=True),
        daily.patches(daily.OTHER.model_copy(update={"supersedes": "5.2.15-2+b9", "installed": None})),
        daily.patches(kept=("a", "b"), complete=False),
        daily.patches(reboot=("/run/reboot-required is there (for no package)",)),
        daily.patches(reboot=("kernel 6.1.0-39-amd64 runs, 6.1.0-40-amd64 is installed",)),
    ),
    RestoredBackup(files="/var/backups/agency/*"): (
        RestoredState(
            state=RestoreState.RESTORED,
            file="/var/backups/agency/a b.sql.gz",
            old=3600,
            completed=7200,
            size=4711,
            sql=47110,
            server="10.11.19-MariaDB",
            seconds=1.5,
            count=2,
            tables=(
                RestoredTable(database="agency", name="payments", rows=12, newest="2026-11-23T08:00:00"),
                RestoredTable(database="agency", name='od`d "t\ab', rows=0, newest=None),
            ),
        ),
        *(
            RestoredState(state=state, why="ERROR at line 2: why", file="/a.sql", old=-5, size=1)
            for state in RestoreState
            if state is not RestoreState.RESTORED
        ),
        RestoredState(state=RestoreState.MISSING),
    ),
    LiveRows(php="php8.2", path=APP, user="forge"): (
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
    Configuration(php="php8.2", path=APP, user="forge"): (
        *(ex.CONFIGURED, ex.CONFIG_STALE, ex.NOT_CACHED, ex.ENV_UNPARSABLE),
        ex.CONFIG_STALE.model_copy(update={"differs": ("a", "b.c", "d", "e"), "external": ("DB_HOST",)}),
        *(ex.CONFIGURED.model_copy(update={"env": state, "message": "why"}) for state in EnvState),
    ),
    EnvFile(path=APP, user="forge"): (ex.env_file(), ex.NO_FILE),
    CachedConfig(path=APP, user="forge"): (ex.cached_config(), ex.NO_FILE),
    EnvValue(php="php8.2", path=APP, user="forge", key="A", value=SecretStr("whsec_4711")): (
        *(ex.RIGHT_VALUE, ex.OTHER_VALUE, ex.NO_VALUE),
        ex.NO_VALUE.model_copy(update={"state": "broken"}),
    ),
    Descendants(path=APP, user="forge", unit="supervisor"): (
        *(ex.descendants(), ex.descendants((101, False)), ex.descendants((101, True), (102, False))),
        ex.descendants((101, True), program="schedule:run"),
    ),
    ConfigurationOfWorkers(path=APP, user="forge"): tuple(
        WorkersConfiguration(workers=workers, stale=stale) for workers, stale in ((0, 0), (2, 0), (2, 1))
    ),
    Opcache(php="php8.2"): (
        *(ex.OPCACHE, ex.OPCACHE_KEEPS, OpcacheState(enabled=False, looks_again=True)),
        ex.OPCACHE.model_copy(update={"seconds": 60}),
    ),
    Page(url="https://monitoring.example.com/", asked_from=Vantage.CONTROLLER, contains="up", token="env:TOKEN"): (
        *(ex.page(), ex.page(401), ex.page(right=False), *map(ex.no_page, HttpFailure)),
    ),
    Page(url="http://127.0.0.1:9090/-/ready", asked_from=Vantage.HOST): (ex.page(), ex.page(503)),
    AlertRules(url=PROMETHEUS, asked_from=Vantage.HOST): (
        *(exw.NO_RULES, exw.loaded(exw.rule(), exw.rule("Other", state="firing", labels=(("severity", "page"),)))),
        exw.loaded(exw.rule(health="err", error="many-to-many matching not allowed"), exw.rule(ago=None)),
    ),
    AlertRules(url=PROMETHEUS, asked_from=Vantage.CONTROLLER, alert="Disk space (low)"): (
        *(exw.NO_RULES, exw.loaded(exw.rule("Disk space (low)"))),
    ),
    PrometheusTime(url=PROMETHEUS, asked_from=Vantage.HOST): (exw.SERVER_TIME,),
    ConfigurationAge(url=PROMETHEUS, asked_from=Vantage.HOST): (exw.CONFIGURED,),
    AlertmanagersOf(url=PROMETHEUS, asked_from=Vantage.HOST): (exw.SENDS, exw.SENDS_NOWHERE),
    Series(url=PROMETHEUS, asked_from=Vantage.HOST, vector='up{job="node"}'): (
        *(exw.NO_SERIES, exw.series("web1:9100"), exw.series("", "web1:9100", "web2:9100", each=1)),
    ),
    AlertmanagerRouting(url="http://127.0.0.1:9093", asked_from=Vantage.HOST): (
        *(exw.ROUTING, exw.SILENT, exw.routed(Matcher(label="severity", operator="=~", value="page|ticket"))),
        exw.routed(Matcher(label="", operator="", value="what is this?"), goes_on=True),
    ),
    MonitorVisits(log="/var/log/nginx/access.log", agent="UptimeRobot"): (
        *(exw.visit(), exw.visit(60, status=502), exw.visit(None), exw.visit(None, whole=False)),
    ),
    AppErrorTracking(php="php8.2", path=APP, user="forge", provider=r"Spatie\Flare", key="flare.key"): (
        exw.TRACKING,
        *(
            TrackingState(provider=provider, key=False, cached=False)
            for provider in ("loaded", "deferred", "installed", "missing")
        ),
    ),
}


def shipped() -> Iterator[type[Probe[Fact]]]:
    for module in pkgutil.walk_packages(remediate.probes.__path__, f"{remediate.probes.__name__}."):
        for _, thing in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(thing, Probe) and thing.__module__ == module.name and not inspect.isabstract(thing):
                yield thing


def test_every_probe_that_ships_has_facts_that_can_be_stated() -> None:
    missing = [kind.__qualname__ for kind in shipped() if kind not in {type(probe) for probe in STATED}]
    assert not missing, f"state facts for {missing} above, and teach support.render to print them"


class Pair(NamedTuple):
    probe: Probe[Fact]
    fact: Fact


PAIRS = [Pair(probe, fact) for probe, facts in STATED.items() for fact in facts]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.probe.kind}-{pair.fact.describe()}"[:70])
def test_a_fact_can_be_stated(pair: Pair) -> None:
    assert pair.probe.read(output_of(pair.probe, pair.fact)) == pair.fact
    session = FactSession({pair.probe: pair.fact})
    ask = session.ask if pair.probe.vantage is Vantage.CONTROLLER else session.survey
    assert Facts.read((pair.probe,), ask((pair.probe,)))[pair.probe] == pair.fact


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.probe.kind}-{pair.fact.describe()}"[:70])
def test_a_fact_is_a_value(pair: Pair) -> None:
    assert type(pair.fact).model_validate_json(pair.fact.model_dump_json()) == pair.fact
    assert hash(pair.fact) == hash(pair.fact.model_copy(deep=True))
    assert "\n" not in pair.fact.describe()


def test_a_fact_that_no_output_reads_as_is_an_error_of_the_test() -> None:
    with pytest.raises(ValueError, match="no output reads as"):
        output_of(Workers(program="other"), ex.workers("RUNNING"))
    with pytest.raises(ValueError, match="no output reads as"):
        output_of(DiskSpace(limit=50), exl.ROOM)


@pytest.mark.parametrize("probe", STATED, ids=lambda probe: probe.kind)
def test_a_question_has_its_place_in_a_report(probe: Probe[Fact]) -> None:
    assert probe.label() == " ".join(probe.label().split()) != ""
    secret = {name: value for name, value in probe if isinstance(value, SecretStr)}
    assert type(probe).model_validate_json(probe.model_dump_json()).model_copy(update=secret) == probe
    assert not any(value.get_secret_value() in probe.model_dump_json() + repr(probe) for value in secret.values())


@pytest.mark.parametrize("probe", [probe for probe in STATED if isinstance(probe.command(), Run)], ids=repr)
@pytest.mark.parametrize("status", [124, 126, 127, 137])
def test_what_did_not_run_is_unreadable(probe: Probe[Fact], status: int) -> None:
    if probe.kind == "http.site":
        pytest.skip("curl tells by its own exit status")
    with pytest.raises(Unreadable):
        probe.read(Output(stdout=output_of(probe, STATED[probe][0]).stdout, exit=status))


# -- anything at all ---------------------------------------------------------------------------------------------------

REAL = [output_of(probe, fact) for probe, facts in STATED.items() for fact in facts]


@st.composite
def garbled(draw: st.DrawFn, texts: list[str]) -> str:
    """Text that is nearly right: a real answer with something put in, cut out or changed."""
    text = draw(st.one_of(st.sampled_from(texts), st.text(max_size=60)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        put = draw(
            st.one_of(st.text(max_size=4), st.sampled_from(["²", "\n", " ", "-1", "null", "1e9", "[]", "{", "%"]))
        )
        text = text[:at] + put + text[at + draw(st.integers(0, 8)) :]
    return text


def outputs(probe: Probe[Fact]) -> st.SearchStrategy[Output]:
    own = [output_of(probe, fact) for fact in STATED[probe]]
    return st.builds(
        Output,
        stdout=garbled([each.stdout for each in own]),
        stderr=garbled([each.stderr for each in own]),
        exit=st.one_of(st.sampled_from([0, 0, 0, 1, 3, 4, 78]), st.integers(0, 255)),
        cut=st.booleans(),
    )


def readable(probe: Probe[Fact], output: Output) -> None:
    try:
        fact = probe.read(output)
    except Unreadable:
        return
    assert isinstance(fact.describe(), str)
    assert fact.ok in {True, False, None}
    assert fact.incarnation is None or isinstance(fact.incarnation, str)
    assert (fact.age(1e9) or 0.0) >= 0.0
    assert type(fact).model_validate_json(fact.model_dump_json()) == fact


@pytest.mark.parametrize("probe", STATED, ids=lambda probe: probe.kind)
def test_whatever_is_printed_is_read_or_unreadable(probe: Probe[Fact]) -> None:
    @settings(max_examples=40, deadline=None, database=None)
    @given(outputs(probe))
    def reads(output: Output) -> None:
        readable(probe, output)

    reads()


def test_the_answer_to_another_question_is_read_or_unreadable() -> None:
    for probe in STATED:
        for output in REAL:
            readable(probe, output)


NINES = "9" * 5000
"""More digits than int() takes (sys.get_int_max_str_digits)."""


@pytest.mark.parametrize(
    ("probe", "output"),
    [
        (OrphanWorkers(), Output(stdout="4711\n")),
        (OrphanWorkers(), Output(stdout="\n")),
        (OrphanWorkers(), Output(stdout="² 5 php\n")),
        (OrphanWorkers(), Output(stdout=f"{NINES} 5 php\n")),
        (
            Workers(program="agency-worker"),
            Output(stdout=f"agency-worker:a RUNNING pid {NINES}, uptime 0:00:01\n"),
        ),
        (PortOwner(port=80), Output(stdout=f'LISTEN users:(("nginx",pid={NINES},fd=5))\n')),
        (NginxConfig(), Output(stderr=f"[emerg] x in /a:{NINES}\n", exit=1)),
        (PhpFpmConfig(php="php8.2"), Output(stderr=f"ERROR: [/a:{NINES}] x\n", exit=78)),
        (Pools(php="php8.2", user="forge"), Output(stdout=f"remediate:{'[' * 30_000}\n")),
    ],
    ids=lambda value: value.kind if isinstance(value, Probe) else "",
)
def test_what_only_looks_like_a_number_or_a_document_is_unreadable(probe: Probe[Fact], output: Output) -> None:
    assert len(output.stdout) < STDOUT_LIMIT
    readable(probe, output)


def test_orphans_that_cannot_be_looked_for_are_unknown(tmp_path: Path) -> None:
    run = OrphanWorkers().command()
    assert isinstance(run, Run)
    done = subprocess.run(run.argv, capture_output=True, text=True, timeout=30, check=False)
    with pytest.raises(Unreadable):
        OrphanWorkers().read(Output(stdout=done.stdout, stderr=done.stderr, exit=done.returncode))
