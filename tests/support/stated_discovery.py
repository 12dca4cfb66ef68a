"""The probes of `init`, each with facts of every kind."""

from remediate.core.probe import Fact, Probe
from remediate.probes.configured_pools import ConfiguredPool, ConfiguredPoolList, ConfiguredPools
from remediate.probes.discover_apps import DiscoverApps, LaravelApp, LaravelAppList
from remediate.probes.distribution import Distribution, DistributionState
from remediate.probes.lineages import LineageList, Lineages
from remediate.probes.nginx_sites import NginxServer, NginxServers, NginxSites
from remediate.probes.supervisor_programs import SupervisorProgram, SupervisorProgramList, SupervisorPrograms

SHOP = "/home/forge/shop"
ENV = (
    *(("APP_URL", "https://shop.example.com"), ("DB_CONNECTION", "mysql"), ("DB_HOST", "127.0.0.1")),
    *(("DB_PORT", "3306"), ("DB_USERNAME", "shop"), ("REDIS_HOST", "127.0.0.1"), ("QUEUE_CONNECTION", "redis")),
)
APP = LaravelApp(
    path=SHOP, real=SHOP, owner="forge", env=ENV, routes=("/health",), logs=(f"{SHOP}/storage/logs/laravel.log",)
)
SERVER = NginxServer(
    names=("shop.example.com", "www.shop.example.com"),
    ports=(),
    tls_ports=(443,),
    roots=(f"{SHOP}/public",),
    fastcgi=("unix:/run/php/php8.3-fpm.sock",),
    certificates=("/etc/letsencrypt/live/shop.example.com/fullchain.pem",),
    access_logs=("/var/log/nginx/shop.log",),
)
POOL = ConfiguredPool(php="php8.3", pool="www", listen="/run/php/php8.3-fpm.sock", user="forge")
WORKER = SupervisorProgram(
    name="shop-worker", user="forge", directory=SHOP, verb="queue:work", artisan=f"{SHOP}/artisan"
)
PARKED = WORKER.model_copy(update={"name": "shop-reports", "autostart": False})

OF_DISCOVERY: dict[Probe[Fact], tuple[Fact, ...]] = {
    Distribution(): (
        DistributionState(id="debian", name="Debian GNU/Linux 13 (trixie)"),
        DistributionState(id="alpine", name="Alpine", lacks=("flock", "systemctl")),
    ),
    Lineages(): (LineageList(names=()), LineageList(names=("shop.example.com", "b.example.com"))),
    ConfiguredPools(): (
        ConfiguredPoolList(pools=()),
        ConfiguredPoolList(pools=(POOL,), installed=("php8.2", "php8.3"), closed=("/etc/php/8.2/fpm/pool.d/www.conf",)),
    ),
    SupervisorPrograms(): (
        SupervisorProgramList(programs=()),
        SupervisorProgramList(programs=(WORKER, PARKED), closed=("/etc/supervisor/conf.d/x.conf",)),
        SupervisorProgramList(
            programs=(WORKER.model_copy(update={"group": "shop"}), SupervisorProgram(name="other", group="shop"))
        ),
    ),
    DiscoverApps(also=(SHOP,)): (
        LaravelAppList(apps=()),
        LaravelAppList(apps=(APP,), closed=("/home/ana",)),
        LaravelAppList(
            apps=(
                APP.model_copy(update={"env": None, "env_closed": True, "routes": (), "logs": ()}),
                LaravelApp(path="/srv/a b/current", real="/srv/a b/releases/7"),
            )
        ),
    ),
    NginxSites(): (
        NginxServers(present=False),
        NginxServers(present=True, servers=(SERVER,)),
        NginxServers(
            present=True,
            servers=(NginxServer(names=("_",), ports=(80, 8080), tls_ports=(), roots=(), fastcgi=()),),
            closed=("/etc/nginx/sites-enabled/private",),
        ),
    ),
}
