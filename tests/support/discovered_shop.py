"""A usual host of one application, as `init` finds it."""

from remediate.commands.onboarding.look import HEALTH, NOWHERE
from remediate.core.command import Run
from remediate.core.host import Host, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.probes.configured_pools import ConfiguredPoolList, ConfiguredPools
from remediate.probes.discover_apps import DiscoverApps, LaravelAppList
from remediate.probes.discover_php import DiscoverPhp, InstalledPhp
from remediate.probes.distribution import Distribution, DistributionState
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from remediate.probes.lineages import LineageList, Lineages
from remediate.probes.nginx_sites import NginxServers, NginxSites
from remediate.probes.supervisor_programs import SupervisorProgramList, SupervisorPrograms
from remediate.probes.systemd import Unit
from support import examples as ex
from support import load_examples as exl
from support.scripted import Answer, Changes
from support.stated_discovery import APP, PARKED, POOL, SERVER, SHOP, WORKER

HOST = Host(name="web1", ssh=SshTarget(address="web1.example.com", port=2222, user="deploy"))
URL = "https://shop.example.com"
ALSO = DiscoverApps(also=(SHOP,))
UNITS = (
    *("nginx", "apache2", "httpd", "caddy", "mariadb", "mysql", "mysqld"),
    *("redis-server", "redis", "valkey-server", "valkey", "supervisor", "supervisord"),
)
Answers = Changes


def answer(status: int | None, failure: HttpFailure | None = None) -> HttpAnswer:
    return HttpAnswer(status=status, failure=failure, redirect=None, right=True, seconds=0.01)


def page(path: str, vantage: Vantage = Vantage.HOST) -> Site:
    return Site(url=f"{URL}{path}", asked_from=vantage)


def running(number: int) -> Fact:
    return ex.RUNNING.model_copy(update={"invocation": str(number)})


def answers_of_shop(changes: Answers | None = None) -> dict[Probe[Fact] | Run, Answer]:
    there = {"nginx", "mariadb", "redis-server", "supervisor"}
    units: Answers = {
        Unit(name=name): running(number) if name in there else ex.MISSING for number, name in enumerate(UNITS)
    }
    pages: Answers = {page(path): answer(404) for path in HEALTH}
    return {
        **units,
        **pages,
        Distribution(): DistributionState(id="debian", name="Debian GNU/Linux 13 (trixie)"),
        DiskSpace(): exl.ROOM,
        NginxSites(): NginxServers(present=True, servers=(SERVER.model_copy(update={"names": SERVER.names[:1]}),)),
        ConfiguredPools(): ConfiguredPoolList(pools=(POOL,), installed=("php8.3",)),
        SupervisorPrograms(): SupervisorProgramList(programs=(WORKER, PARKED)),
        Lineages(): LineageList(names=("shop.example.com",)),
        ALSO: LaravelAppList(apps=(APP,)),
        DiscoverPhp(domain="shop.example.com"): InstalledPhp(enabled=("php8.3",), served=("php8.3",)),
        page(NOWHERE): answer(404),
        page("/health"): answer(200),
        page("/"): answer(200),
        page("/", Vantage.CONTROLLER): answer(200),
        **(changes or {}),
    }
